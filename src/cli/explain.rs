//! `paring explain`: which decision changed what, by experiments with and without each.

use super::compress::{calibration, context, subject};
use super::explained::{Wishes, enter, found, remember};
use super::integrity::sealed;
use super::progress::{bar, show_progress};
use super::reopen::Reopened;
use super::{Coded, ExitCode, Global, sysfs_root};
use crate::attribution::{Investigation, Level, Manner, Truth, draw_calibration};
use crate::evaluate::{Stress, Truth as Right};
use crate::ledger::Ledger;
use crate::pipeline::{self, Context, PipelineError, Undertaken, variant_record};
use crate::report;
use crate::study::Study;
use anyhow::anyhow;
use clap::Args;
use paring_boards::{self, FolderTrust, Inventory, Target};
use paring_core::schema::{Explanation, VariantRecord};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::time::Duration;

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
    /// Ask these boards too, instead of the study's
    #[arg(long)]
    target: Vec<String>,
    /// Ask with disturbed inputs too; those of the study, or the usual ones
    #[arg(long)]
    robustness: bool,
    /// Measure the variant without each group too, in paired blocks of fresh processes
    #[arg(long)]
    measure: bool,
    /// Read power sensors under this folder instead of /: a simulated machine, and marked as one
    #[arg(long, value_name = "DIR", requires = "measure")]
    sysfs_root: Option<PathBuf>,
    /// Write answers, flow and the samples hit hardest as CSV beside the Parquet files
    #[arg(long)]
    csv: bool,
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
        let mut reopened = Reopened::open(&self.run, self.study.as_ref(), global.trust())?;
        let targets = self.targets(&reopened.study, global.trust())?;
        let sysfs_root = self.sysfs_root.as_deref().map(sysfs_root).transpose()?;
        let wishes = Wishes {
            targets: &targets,
            // A board that somebody names has to answer; one that the study names may be away.
            insist: !self.target.is_empty(),
            stress: self.stress(&reopened.study),
            measure: self.measure,
            sysfs_root: sysfs_root.as_deref(),
            csv: self.csv,
            quiet: global.quiet,
        };
        let mut explanations = Vec::new();
        for name in self.names(&reopened)? {
            match self.explain(&reopened, &name, &wishes) {
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
        write(&reopened, &explanations)?;
        let (_, manifest) = sealed(&mut reopened.directory)?;
        if global.json {
            say!("{:#}", json!(explanations));
            return Ok(());
        }
        for explanation in &explanations {
            say!("{}", report::explanation_text(explanation));
        }
        let folders = &reopened.directory.folders;
        let files =
            [folders.report(), folders.effects(), folders.savings(), folders.explanations()];
        let files: Vec<String> = files.iter().map(|f| f.display().to_string()).collect();
        say!("written to {}; {manifest}", files.join(", "));
        Ok(())
    }

    /// Machines that are asked and measured on.
    fn targets(&self, study: &Study, trust: FolderTrust) -> Result<Vec<Target>, Coded> {
        if self.target.is_empty() {
            return Ok(study.targets.clone());
        }
        let inventory = Inventory::find(study.path.parent().unwrap_or(Path::new("")), trust)?;
        Ok(paring_boards::select_targets(&self.target, &inventory)?)
    }

    fn stress(&self, study: &Study) -> Option<Stress> {
        study.robustness.clone().or_else(|| self.robustness.then(Stress::default))
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
        wishes: &Wishes,
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
        let done = pipeline::undertaken(&line, &study.recipes, &ledger)?;
        drop(ledger);
        let variant = &line[0];
        if done.iter().all(|d| d.decisions.is_empty()) && variant.options.transforms.is_empty() {
            return Ok(None);
        }
        let manner = self.manner(study.seed);
        let contexts = self.contexts(reopened, &done)?;
        let truth = truth(reopened)?;
        let subject = subject(study, loaded);
        let begun =
            Investigation::begin(&done, &variant.options, contexts, subject, truth, &manner);
        let mut case = begun?;
        let bar = bar("explain", self.experiments, wishes.quiet);
        show_progress(&bar, name);
        case.explore(&manner, &mut |done| bar.set_position(done as u64))?;
        bar.finish_and_clear();
        let explanation = found(reopened, variant, &mut case, &manner, wishes)?;
        enter(reopened, &explanation)?;
        Ok(Some(explanation))
    }

    /// The study's own draw, and others from the same pool of samples.
    fn contexts(&self, reopened: &Reopened, done: &[Undertaken]) -> Result<Vec<Context>, Coded> {
        let Reopened { directory, study, loaded } = reopened;
        let own = context(study, loaded, directory)?;
        let splits = &loaded.splits;
        let pool = [splits.calibrate.as_slice(), &splits.select].concat();
        let groups = study.data.group.as_ref().and_then(|name| loaded.data.columns.get(name));
        // What decides nothing by data and draws nothing is the same on every draw.
        let draws = if done.iter().all(|d| d.decisions.is_empty()) { 1 } else { self.replicates };
        let further = (1..draws).map(|draw| {
            let seed = study.seed.wrapping_add(draw);
            let size = splits.calibrate.len();
            let samples = draw_calibration(&pool, groups.map(Vec::as_slice), size, seed);
            let drawn = own.calibration.as_ref().map(|_| calibration(loaded, &samples));
            Ok(Context { calibration: drawn.transpose()?, seed, ..own.clone() })
        });
        std::iter::once(Ok(own.clone())).chain(further).collect()
    }
}

/// Replaces everything that is derived from explanations.
fn write(reopened: &Reopened, explanations: &[Explanation]) -> Result<(), Coded> {
    let folders = &reopened.directory.folders;
    let internal = |e: report::ReportError| Coded::new(ExitCode::Internal, e);
    pipeline::replace_json(&folders.explanations(), &explanations)?;
    let csv = report::effects_csv(&reopened.directory.protocol.facts(), explanations)
        .map_err(internal)?;
    pipeline::replace(&folders.effects(), &csv)?;
    let csv = report::savings_csv(&reopened.directory.protocol.facts(), explanations)
        .map_err(internal)?;
    pipeline::replace(&folders.savings(), &csv)?;
    let text = report::report_md(&reopened.study.name, explanations);
    Ok(pipeline::replace(&folders.report(), text.as_bytes())?)
}

/// Whether another tool made a variant.
fn imported(study: &Study, variant: &VariantRecord) -> bool {
    let recipe = study.recipes.iter().find(|recipe| recipe.name == variant.name);
    let mut steps = recipe.into_iter().flat_map(|r| &r.steps);
    steps.any(|step| matches!(step, paring_compress::Step::Import { .. }))
}

/// What is known of the report samples. The baseline is asked for what is right where labels are no
/// classes: how wide an answer is says how they are read.
fn truth(reopened: &Reopened) -> Result<Truth, Coded> {
    let Reopened { study, loaded, directory } = reopened;
    let samples = &loaded.splits.report;
    let at = |column: &Vec<String>| samples.iter().map(|s| column[*s].clone()).collect::<Vec<_>>();
    let columns = &loaded.data.columns;
    let slices = study.data.slices.iter();
    let baseline = variant_record(&directory.folders, pipeline::BASELINE)?;
    let targets = match loaded.task.is_by_class() {
        true if !loaded.data.labelled => Right::Unknown,
        true => Right::Classes,
        false => subject(study, loaded).answers(&directory.folders, &baseline)?.truth,
    };
    Ok(Truth {
        task: loaded.task.clone(),
        labels: samples.iter().map(|s| loaded.data.labels[*s]).collect(),
        targets,
        groups: study.data.group.as_ref().and_then(|name| columns.get(name)).map(at),
        fixed_class_shares: study.data.fixed_class_shares,
        slices: slices.filter_map(|s| Some((s.clone(), at(columns.get(s)?)))).collect(),
    })
}
