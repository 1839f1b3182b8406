//! Everything that is found about one variant under investigation, put together.

use super::compress::subject;
use super::elsewhere::{Ask, difference};
use super::insight::{Insight, Seen};
use super::measured::measured;
use super::record_file::forecasts_file;
use super::reopen::Reopened;
use super::{Coded, ExitCode};
use crate::attribution::{
    Investigation, Manner, There, all_outcomes, correct_families, narrative, outcomes,
};
use crate::evaluate::{Answers, Stress};
use crate::ledger::Ledger;
use crate::pipeline::{
    self, BASELINE, Instances, PipelineError, recorded, variant_record, write_instances,
    write_instances_csv,
};
use paring_boards::{Target, TargetTransport};
use paring_core::schema::{
    Effect, Explanation, FlipBlame, FlipCounts, LayerChange, LedgerEntryBody, LedgerEntryKind,
    LedgerNote, MetricTotal, TargetEnvironment, TrackRecord, UnreachedTarget, VariantRecord,
};
use paring_onnx::graph::Graph;
use serde_json::json;
use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

/// Components are restored one by one where an experiment takes less than this.
const CHEAP: Duration = Duration::from_secs(2);
/// Time for timing experiments side by side, each of two passes.
const TIMING: Duration = Duration::from_secs(5);

/// What is to be found out beside the experiments.
pub(super) struct Wishes<'a> {
    /// Machines that are asked and measured on.
    pub(super) targets: &'a [Target],
    /// Whether a board that cannot be asked ends everything.
    pub(super) insist: bool,
    /// How inputs are disturbed, if they are.
    pub(super) stress: Option<Stress>,
    /// Whether experiments are measured.
    pub(super) measure: bool,
    /// Where power sensors are read instead of under `/`.
    pub(super) sysfs_root: Option<&'a Path>,
    /// Whether tables are written as CSV too.
    pub(super) csv: bool,
    /// Whether nothing is said on the way.
    pub(super) quiet: bool,
}

/// The baseline's and the variant's full answers on the report samples.
struct Pair {
    baseline: Answers,
    variant: Answers,
}

/// Everything that the experiments say, and a few more that they ask for.
pub(super) fn found(
    reopened: &Reopened,
    variant: &VariantRecord,
    case: &mut Investigation,
    manner: &Manner,
    wishes: &Wishes,
) -> Result<Explanation, Coded> {
    let Reopened { directory, study, loaded } = reopened;
    let folders = &directory.folders;
    let subject = subject(study, loaded);
    let first = variant_record(folders, BASELINE)?;
    let pair = Pair {
        baseline: subject.answers(folders, &first)?,
        variant: subject.answers(folders, variant)?,
    };
    let accused = case.accuse(&loaded.splits.report, case.each < CHEAP)?;
    let asked = boards(reopened, variant, &pair.variant, wishes)?;
    let links = case.links(&asked.there)?;
    let times = case.times(manner.time.min(TIMING))?;
    let mut base = case.account(&variant.name, &variant.variant_id);
    let replay = case.replay(&folders.variants().join(&variant.file), &variant.file_sha256)?;
    (base.experiments.replay_identical, base.experiments.replay_differs) = replay;
    let (disturbed, disturbed_totals) = match &wishes.stress {
        Some(how) => case.disturbed(how)?,
        None => Default::default(),
    };
    let (taken, taken_totals) = taken(reopened, variant, case, wishes)?;
    let mut effects = [base.effects, disturbed, times.effects, taken].concat();
    correct_families(&mut effects, &mut base.interactions, &base.main.metric);
    let totals = [base.totals, disturbed_totals, taken_totals].concat();
    let baseline = Graph::load(&folders.variants().join(&first.file))?;
    let insight = insight(reopened, &first, variant, &pair)?;
    write(reopened, variant, &pair, &insight, wishes.csv)?;
    Ok(Explanation {
        forecasts: outcomes(
            &directory.protocol.run_id,
            &baseline,
            &variant.name,
            &base.groups,
            (&effects, base.experiments.samples),
        ),
        effects,
        totals: totals.into_iter().chain(times.total).collect(),
        quiet_share: (!times.layers.is_empty()).then_some(times.quiet_share),
        layers: [times.layers, layers_on_targets(reopened, (&first, &baseline), variant, case)?]
            .concat(),
        flip_counts: flip_counts(&accused.flips),
        flips: accused.flips,
        blame: accused.groups,
        components: accused.components,
        links,
        unreached: asked.unreached,
        emulated: all_emulated(reopened, wishes, asked.emulated),
        flow: insight.flow,
        hits: insight.hits,
        notes: notes(reopened, &variant.name)?,
        ..base
    })
}

/// What layers took on the study's targets before and after, where the run timed them.
fn layers_on_targets(
    reopened: &Reopened,
    (first, before): (&VariantRecord, &Graph),
    variant: &VariantRecord,
    case: &Investigation,
) -> Result<Vec<LayerChange>, Coded> {
    let folders = &reopened.directory.folders;
    let after = Graph::load(&folders.variants().join(&variant.file))?;
    let mut found = Vec::new();
    for target in &reopened.study.targets {
        let batch = reopened.study.settings(target).first().map_or(1, |setting| setting.batch);
        let kept = |record| pipeline::kept_nodes(folders, &target.name, record, batch);
        if let (Some(was), Some(is)) = (kept(first), kept(variant)) {
            found.extend(case.layers_on(&target.name, (before, &was), (&after, &is)));
        }
    }
    Ok(found)
}

/// What was measured on the targets, or why nothing was.
fn taken(
    reopened: &Reopened,
    variant: &VariantRecord,
    case: &Investigation,
    wishes: &Wishes,
) -> Result<(Vec<Effect>, Vec<MetricTotal>), Coded> {
    if wishes.measure {
        return measured(reopened, wishes.targets, wishes.sysfs_root, case, variant, wishes.quiet);
    }
    let why = "not measured; `paring explain --measure` does";
    let each = wishes.targets.iter().map(|target| case.unmeasured(&target.name, why));
    Ok((each.collect::<Vec<_>>().concat(), vec![]))
}

/// What came of asking boards.
#[derive(Default)]
struct Asked {
    there: Vec<There>,
    unreached: Vec<UnreachedTarget>,
    /// Names of those that are emulated.
    emulated: Vec<String>,
}

/// Targets that are emulated: those that said so when `asked`, and those that the run measured.
fn all_emulated(reopened: &Reopened, wishes: &Wishes, asked: Vec<String>) -> Vec<String> {
    let folders = &reopened.directory.folders;
    let all = reopened.study.targets.iter().chain(wishes.targets);
    let measured = all.filter(|target| {
        let path = folders.journal(&target.name).join("environment.json");
        let environment: Option<TargetEnvironment> = pipeline::read_json(&path);
        target.emulated || environment.is_some_and(|environment| environment.emulated)
    });
    let names: BTreeSet<String> = measured.map(|target| target.name.clone()).chain(asked).collect();
    names.into_iter().collect()
}

/// What the boards among the targets answer with the variant, and which did not.
fn boards(
    reopened: &Reopened,
    variant: &VariantRecord,
    here: &Answers,
    wishes: &Wishes,
) -> Result<Asked, Coded> {
    let Reopened { directory, study, loaded } = reopened;
    let model = directory.folders.variants().join(&variant.file);
    let mut asked = Asked::default();
    for board in wishes.targets.iter().filter(|target| target.transport != TargetTransport::Local) {
        let ask = Ask {
            predictor: subject(study, loaded).predictor(&directory.folders, variant)?,
            dims: loaded.dims.clone(),
            batch: loaded.batch,
            output: loaded.output,
            options: variant.options.clone(),
        };
        let found = ask.there(&model, &loaded.data, &loaded.splits.report, board, wishes.quiet);
        match found {
            Ok((answers, emulated)) => {
                asked.emulated.extend(emulated.then(|| board.name.clone()));
                asked.there.push(There {
                    target: board.name.clone(),
                    largest_difference: difference(here, &answers),
                    answers: recorded(&answers, &loaded.task),
                });
            }
            Err(error) if wishes.insist => return Err(error),
            Err(Coded { code: ExitCode::Interrupted, error }) => {
                return Err(Coded { code: ExitCode::Interrupted, error });
            }
            Err(Coded { error, .. }) => asked
                .unreached
                .push(UnreachedTarget { target: board.name.clone(), reason: format!("{error:#}") }),
        }
    }
    Ok(asked)
}

fn insight(
    reopened: &Reopened,
    baseline: &VariantRecord,
    variant: &VariantRecord,
    pair: &Pair,
) -> Result<Insight, Coded> {
    let Reopened { directory, loaded, .. } = reopened;
    let folder = directory.folders.variants();
    let (before, after) = (folder.join(&baseline.file), folder.join(&variant.file));
    let base = Seen { model: &before, answers: &pair.baseline };
    let own = Seen { model: &after, answers: &pair.variant };
    Insight::of(&base, Some(&own), &loaded.data, loaded.batch, &loaded.dims)
}

/// Answers sample by sample, where the run has none yet; all tables as CSV on request.
fn write(
    reopened: &Reopened,
    variant: &VariantRecord,
    pair: &Pair,
    insight: &Insight,
    csv: bool,
) -> Result<(), Coded> {
    let Reopened { directory, study, loaded } = reopened;
    let folder = directory.folders.predictions();
    let slices = subject(study, loaded).own_slices();
    let (predictions, before) = (pair.variant.predictions(), pair.baseline.predictions());
    let instances = Instances {
        answers: &pair.variant,
        predictions: &predictions,
        before: Some(&before),
        slices: &slices,
    };
    let name = &variant.name;
    let path = folder.join(format!("{name}.parquet"));
    if !path.exists() {
        write_instances(&path, &instances)?;
    }
    if csv {
        write_instances_csv(&folder.join(format!("{name}.csv")), &instances)?;
        insight.write(&folder, name)?;
    }
    Ok(())
}

/// Adds what came of the forecasts to the tool's record, and the record to the explanations.
pub(super) fn remember(explanations: &mut [Explanation]) -> Result<(), Coded> {
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
    FlipCounts { lost: of("lost"), won: of("won"), other: of("other"), changed: of("changed") }
}

/// What people said about a variant or the whole run.
fn notes(reopened: &Reopened, variant: &str) -> Result<Vec<LedgerNote>, PipelineError> {
    let entries = crate::ledger::read_ledger(&reopened.directory.folders.ledger())?;
    let made = variant_record(&reopened.directory.folders, variant)?;
    let own = |on: &String| {
        on == variant || made.decisions.iter().any(|id| id.as_str().starts_with(on.as_str()))
    };
    let notes = entries.into_iter().filter(|e| e.kind == LedgerEntryKind::Note);
    let notes = notes.filter_map(|e| serde_json::from_value::<LedgerNote>(e.body).ok());
    Ok(notes.filter(|note| note.on.as_ref().is_none_or(own)).collect())
}

/// Enters that the report split was looked at, and what each group changed.
pub(super) fn enter(reopened: &Reopened, found: &Explanation) -> Result<(), PipelineError> {
    let Reopened { directory, study, .. } = reopened;
    let mut ledger = Ledger::open(&directory.folders.ledger(), &study.owner)?;
    let data = &directory.protocol.data_sha256;
    let look = json!({
        "split": "report", "data_sha256": data, "by": "explain", "variant": found.variant,
        "experiments": found.experiments,
    });
    ledger.record(LedgerEntryBody { kind: LedgerEntryKind::Look, body: look })?;
    for group in &found.groups {
        let own = found.effects.iter().filter(|e| {
            let known = e.shapley.is_some() || e.leave_one_out.is_some();
            e.group == group.id && e.of.is_none() && known
        });
        let body = json!({
            "variant": found.variant, "variant_id": found.variant_id, "group": group.id,
            "decisions": group.decisions, "effects": own.collect::<Vec<_>>(),
        });
        ledger.record(LedgerEntryBody { kind: LedgerEntryKind::Outcome, body })?;
    }
    Ok(())
}
