//! `paring explain`: which decision changed what, by experiments with and without each.

use super::compress::{calibration, context, subject};
use super::measured::measured;
use super::progress::bar;
use super::record_file::forecasts_file;
use super::reopen::Reopened;
use super::{Coded, ExitCode, Global};
use crate::explain::{
    Attribution, Investigation, Level, Manner, Truth, all_outcomes, draw_calibration, narrative,
    outcomes,
};
use crate::graph::Graph;
use crate::ledger::Ledger;
use crate::pipeline::{self, BASELINE, Context, PipelineError, Undertaken, variant_record};
use crate::record::{
    EntryBody, EntryKind, Experiments, Explanation, FlipBlame, FlipCounts, Note, SCHEMA, TaskKind,
    TrackRecord, VariantRecord,
};
use crate::report;
use anyhow::anyhow;
use clap::Args;
use serde_json::json;
use std::path::PathBuf;
use std::time::Duration;

/// Components are restored one by one where an experiment takes less than this.
const CHEAP: Duration = Duration::from_secs(2);
/// Time for timing experiments side by side, each of two passes.
const TIMING: Duration = Duration::from_secs(5);

/// Say which decision changed what, by experiments with and without each.
#[derive(Debug, Args)]
pub(super) struct Explain {
    /// The run directory
    run: PathBuf,
    /// Explain these variants; all of the study without it
    #[arg(long)]
    variant: Vec<String>,
    /// How fine groups of decisions are
    #[arg(long, default_value = "layer")]
    level: Fineness,
    /// The most groups; the least expected are put together
    #[arg(long, default_value_t = 12, value_parser = clap::value_parser!(u64).range(1..=64))]
    groups: u64,
    /// Draws of calibration samples and seeds, the study's own included
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=100))]
    replicates: u64,
    /// The most minutes for each variant
    #[arg(long, default_value_t = 3.0)]
    minutes: f64,
    /// The most experiments for each variant
    #[arg(long, default_value_t = 1500)]
    experiments: usize,
    /// Measure the variant without each group too, in paired blocks of fresh processes
    #[arg(long)]
    measure: bool,
    /// The study file, where it no longer lies where the run found it
    #[arg(long)]
    study: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Fineness {
    /// One group a step
    Step,
    /// One a step and layer or coupling
    Layer,
    /// Several a coupling, by rank
    Component,
}

impl Explain {
    pub(super) fn run(self, global: &Global) -> Result<(), Coded> {
        let reopened = Reopened::open(&self.run, self.study.as_ref())?;
        let kind = reopened.study.task.asked.kind;
        if kind != TaskKind::Classification {
            let hint = "effects are changes of classes, so only classification can be explained";
            return Err(Coded::new(ExitCode::Input, anyhow!("the study's task is {kind}; {hint}")));
        }
        let names = self.names(&reopened)?;
        let mut explanations = Vec::new();
        for name in names {
            match self.explain(&reopened, &name, global) {
                Ok(Some(found)) => explanations.push(found),
                Ok(None) if self.variant.contains(&name) => {
                    let error = anyhow!("variant `{name}` is its baseline: nothing was decided");
                    return Err(Coded::new(ExitCode::Input, error));
                }
                Ok(None) => {}
                Err(error) => return Err(error),
            }
        }
        remember(&mut explanations)?;
        let folders = &reopened.directory.folders;
        pipeline::replace_json(&folders.explanations(), &explanations)?;
        let csv = report::effects_csv(&reopened.facts(), &explanations)
            .map_err(|e| Coded::new(ExitCode::Internal, e))?;
        pipeline::replace(&folders.effects(), &csv)?;
        let text = report::report_md(&reopened.study.name, &explanations);
        pipeline::replace(&folders.report(), text.as_bytes())?;
        if global.json {
            say!("{:#}", json!(explanations));
            return Ok(());
        }
        for explanation in &explanations {
            say!("{}", report::explanation_text(explanation));
        }
        let files = [folders.effects(), folders.report(), folders.explanations()];
        let files: Vec<String> = files.iter().map(|f| f.display().to_string()).collect();
        say!("written to {}", files.join(", "));
        Ok(())
    }

    /// Variants to explain: those named, or all of the study that this tool made.
    fn names(&self, reopened: &Reopened) -> Result<Vec<String>, Coded> {
        let folders = &reopened.directory.folders;
        if !self.variant.is_empty() {
            for name in &self.variant {
                variant_record(folders, name)?;
            }
            return Ok(self.variant.clone());
        }
        let all = reopened.study.recipes.iter().map(|recipe| recipe.name.clone());
        Ok(all.filter(|name| variant_record(folders, name).is_ok()).collect())
    }

    fn manner(&self, seed: u64) -> Manner {
        Manner {
            level: match self.level {
                Fineness::Step => Level::Step,
                Fineness::Layer => Level::Layer,
                Fineness::Component => Level::Component,
            },
            groups: self.groups as usize,
            experiments: self.experiments,
            time: Duration::from_secs_f64(60.0 * self.minutes.max(0.0)),
            seed,
        }
    }

    fn explain(
        &self,
        reopened: &Reopened,
        name: &str,
        global: &Global,
    ) -> Result<Option<Explanation>, Coded> {
        let Reopened { directory, study, loaded } = reopened;
        let line = pipeline::ancestry(&directory.folders, name)?;
        if let Some(foreign) = line.iter().find(|v| imported(study, v)) {
            if self.variant.iter().any(|wanted| wanted == name) {
                return Err(PipelineError::Foreign(foreign.name.clone()).into());
            }
            return Ok(None);
        }
        let ledger =
            Ledger::open(&directory.folders.ledger(), &study.owner).map_err(PipelineError::from)?;
        let done = pipeline::undertaken(&line, &study.recipes, &ledger);
        drop(ledger);
        let variant = &line[0];
        if done.iter().all(|d| d.decisions.is_empty()) && variant.options.transforms.is_empty() {
            return Ok(None);
        }
        let manner = self.manner(study.seed);
        let contexts = self.contexts(reopened, &done);
        let truth = truth(reopened);
        let subject = subject(study, loaded);
        let begun =
            Investigation::begin(&done, &variant.options, contexts, subject, truth, &manner);
        let mut case = begun?;
        let bar = bar("explain", self.experiments, global.quiet);
        bar.set_message(name.to_string());
        case.explore(&manner, &mut |done| bar.set_position(done as u64))?;
        bar.finish_and_clear();
        let explanation = self.found(reopened, variant, &mut case, (&manner, global.quiet))?;
        enter(reopened, &explanation)?;
        Ok(Some(explanation))
    }

    /// Everything that the experiments say, and a few more that they ask for.
    fn found(
        &self,
        reopened: &Reopened,
        variant: &VariantRecord,
        case: &mut Investigation,
        (manner, quiet): (&Manner, bool),
    ) -> Result<Explanation, Coded> {
        let Reopened { directory, loaded, .. } = reopened;
        let accused = case.accuse(&loaded.splits.report, case.each < CHEAP)?;
        let links = case.links(None)?;
        let times = case.times(manner.time.min(TIMING))?;
        let file = directory.folders.variants().join(format!("{BASELINE}.onnx"));
        let baseline = Graph::load(&file)?;
        let mut base = explanation(variant, case);
        let path = directory.folders.variants().join(&variant.file);
        let replay = case.replay(&path, &variant.file_sha256)?;
        (base.experiments.replay_identical, base.experiments.replay_differs) = replay;
        let (measured, measured_totals) = match self.measure {
            true => measured(reopened, case, variant, quiet)?,
            false => Default::default(),
        };
        let effects = [base.effects, measured, times.effects].concat();
        let totals = base.totals.into_iter().chain(measured_totals).chain(times.total).collect();
        let run_id = &directory.protocol.run_id;
        let forecasts = outcomes(run_id, &baseline, &variant.name, &base.groups, &effects);
        let quiet_share = (!times.layers.is_empty()).then_some(times.quiet_share);
        let flip_counts = flip_counts(&accused.flips);
        Ok(Explanation {
            effects,
            totals,
            layers: times.layers,
            quiet_share,
            flips: accused.flips,
            flip_counts,
            blame: accused.groups,
            components: accused.components,
            forecasts,
            links,
            notes: notes(reopened, &variant.name)?,
            ..base
        })
    }

    /// The study's own draw, and others from the same pool of samples.
    fn contexts(&self, reopened: &Reopened, done: &[Undertaken]) -> Vec<Context> {
        let Reopened { directory, study, loaded } = reopened;
        let own = context(study, loaded, directory);
        let splits = &loaded.splits;
        let pool = [splits.calibrate.as_slice(), &splits.select].concat();
        let groups = study.data.group.as_ref().and_then(|name| loaded.data.columns.get(name));
        // What decides nothing by data and draws nothing is the same on every draw.
        let draws = if done.iter().all(|d| d.decisions.is_empty()) { 1 } else { self.replicates };
        let further = (1..draws).map(|draw| {
            let seed = study.seed.wrapping_add(draw);
            let size = splits.calibrate.len();
            let samples = draw_calibration(&pool, groups.map(Vec::as_slice), size, seed);
            let calibration = own.calibration.as_ref().map(|_| calibration(loaded, &samples));
            Context { calibration, seed, ..own.clone() }
        });
        std::iter::once(own.clone()).chain(further).collect()
    }
}

/// Adds what came of the forecasts to the tool's record, and the record to the explanations.
fn remember(explanations: &mut [Explanation]) -> Result<(), Coded> {
    let own = all_outcomes(explanations);
    let all = match forecasts_file() {
        Some(path) => {
            pipeline::add_outcomes(&path, &own)?;
            pipeline::read_outcomes(&path)?
        }
        None => own,
    };
    let track = TrackRecord::of(&all);
    for explanation in explanations {
        explanation.track = track.clone();
        explanation.narrative = narrative(explanation);
    }
    Ok(())
}

fn flip_counts(flips: &[FlipBlame]) -> FlipCounts {
    let of = |kind: &str| flips.iter().filter(|f| f.kind == kind).count();
    FlipCounts { lost: of("lost"), won: of("won"), other: of("other") }
}

/// What people said about a variant or the whole run.
fn notes(reopened: &Reopened, variant: &str) -> Result<Vec<Note>, PipelineError> {
    let entries = crate::ledger::read_ledger(&reopened.directory.folders.ledger())?;
    let made = variant_record(&reopened.directory.folders, variant)?;
    let own = |on: &String| {
        on == variant || made.decisions.iter().any(|id| id.as_str().starts_with(on.as_str()))
    };
    let notes = entries.into_iter().filter(|e| e.kind == EntryKind::Note);
    let notes = notes.filter_map(|e| serde_json::from_value::<Note>(e.body).ok());
    Ok(notes.filter(|note| note.on.as_ref().is_none_or(own)).collect())
}

/// Whether another tool made a variant.
fn imported(study: &crate::study::Study, variant: &VariantRecord) -> bool {
    let recipe = study.recipes.iter().find(|recipe| recipe.name == variant.name);
    let mut steps = recipe.into_iter().flat_map(|r| &r.steps);
    steps.any(|step| matches!(step, crate::compress::Step::Import { .. }))
}

/// What is known of the report samples.
fn truth(reopened: &Reopened) -> Truth {
    let Reopened { study, loaded, .. } = reopened;
    let samples = &loaded.splits.report;
    let at = |column: &Vec<String>| samples.iter().map(|s| column[*s].clone()).collect::<Vec<_>>();
    let columns = &loaded.data.columns;
    let slices = study.data.slices.iter();
    Truth {
        labels: samples.iter().map(|s| loaded.data.labels[*s]).collect(),
        groups: study.data.group.as_ref().and_then(|name| columns.get(name)).map(at),
        slices: slices.filter_map(|s| Some((s.clone(), at(columns.get(s)?)))).collect(),
    }
}

fn explanation(variant: &VariantRecord, case: &Investigation) -> Explanation {
    let aspects = case.table.truth.aspects();
    let (plan, table) = (&case.plan, &case.table);
    let explored = &case.explored;
    let attribution = Attribution { groups: &case.groups, plan, explored, table };
    let (effects, totals) = attribution.all(&aspects);
    Explanation {
        schema: SCHEMA,
        variant: variant.name.clone(),
        variant_id: variant.variant_id.clone(),
        level_pct: 100.0 * crate::explain::LEVEL,
        experiments: Experiments {
            count: table.draws.iter().map(|d| d.len()).sum(),
            samples: table.truth.labels.len(),
            draws: explored.draws,
            exact: explored.exact,
            pairs: if explored.exact { 0 } else { explored.pairs },
            cut_short: explored.cut_short,
            replay_differs: 0,
            replay_identical: false,
        },
        groups: case.groups.clone(),
        totals,
        effects,
        interactions: attribution.interactions(),
        layers: vec![],
        quiet_share: None,
        flips: vec![],
        flip_counts: FlipCounts::default(),
        blame: vec![],
        components: vec![],
        forecasts: vec![],
        track: TrackRecord::default(),
        links: vec![],
        narrative: vec![],
        notes: vec![],
    }
}

/// Enters that the report split was looked at, and what each group changed.
fn enter(reopened: &Reopened, found: &Explanation) -> Result<(), PipelineError> {
    let Reopened { directory, study, .. } = reopened;
    let mut ledger = Ledger::open(&directory.folders.ledger(), &study.owner)?;
    let data = &directory.protocol.data_sha256;
    let look = json!({
        "split": "report", "data_sha256": data, "by": "explain", "variant": found.variant,
        "experiments": found.experiments,
    });
    ledger.record(EntryBody { kind: EntryKind::Look, body: look })?;
    for group in &found.groups {
        let own = found.effects.iter().filter(|e| e.group == group.id && e.of.is_none());
        let body = json!({
            "variant": found.variant, "variant_id": found.variant_id, "group": group.id,
            "decisions": group.decisions, "effects": own.collect::<Vec<_>>(),
        });
        ledger.record(EntryBody { kind: EntryKind::Outcome, body })?;
    }
    Ok(())
}
