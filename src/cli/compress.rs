//! `paring compress`: variants, ledger and parings, and the parts of `run` that make them.

use super::integrity::{self, sealed};
use super::progress::{bar, show_progress};
use super::record_file::forecasts_file;
use super::{Coded, ExitCode, Global, StudyArgs, sysfs_root};
use crate::evaluate::Task;
use crate::ledger::Ledger;
use crate::pipeline::{self, Assessed, BASELINE, Context, PipelineError, Probing, Subject};
use crate::report;
use crate::study::{self, Loaded, Protocol, RunDirectory, Study};
use clap::Args;
use paring_boards::Target;
use paring_compress::catalog::Calibration;
use paring_compress::{ChannelPruning, DecisionRule, Step};
use paring_core::schema::{
    EnergyRules, EnergySource, LedgerEntryBody, LedgerEntryKind, MissingReason, VariantRecord,
};
use paring_data::WINDOW_BYTES;
use paring_onnx::graph::Graph;
use serde_json::json;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Make the variants, ledger and parings only.
#[derive(Debug, Args)]
pub(super) struct Compress {
    #[command(flatten)]
    study: StudyArgs,
    /// Evaluate them on the report split too
    #[arg(long)]
    evaluate: bool,
    /// Read power sensors under this folder instead of /, where a step goes by energy
    #[arg(long, value_name = "DIR")]
    sysfs_root: Option<PathBuf>,
}

impl Compress {
    pub(super) fn run(self, global: &Global) -> Result<(), Coded> {
        let study = study::load(&self.study.study, global.trust())?;
        let loaded = study::open(&study)?;
        let out = self.study.out.unwrap_or_else(|| RunDirectory::fresh(&study));
        let protocol = Protocol::new(&study, &loaded, false);
        integrity::warn_before_going_on(&out);
        let mut directory = RunDirectory::open(&out, &study, protocol)?;
        directory.announce(global.quiet);
        let root = self.sysfs_root.as_deref().map(sysfs_root).transpose()?;
        let (variants, failed) =
            make_variants(&study, &loaded, &directory, root.as_deref(), (global.quiet, false))?;
        let found = match self.evaluate {
            true => evaluate_variants(&study, &loaded, &directory, &variants, global.quiet),
            false => Ok(Vec::new()),
        };
        // Without a baseline's answers the variants are there all the same.
        let (qualities, broken) = match found {
            Ok(found) => (found, None),
            Err(error) if global.json => return Err(error),
            Err(error) => (Vec::new(), Some(error)),
        };
        let unasked = not_evaluated(&variants, &qualities);
        let (sha256, manifest) = sealed(&mut directory)?;
        if global.json {
            let found = qualities.iter().map(|q| q.as_ref().ok().map(|q| &q.evaluation));
            let found: Vec<_> = found.collect();
            say!(
                "{:#}",
                json!({
                    "variants": variants, "evaluations": found, "not_made": failed,
                    "not_evaluated": unasked, "manifest_sha256": sha256,
                })
            );
            return all_done(&failed, &unasked);
        }
        for (position, variant) in variants.iter().enumerate() {
            show(variant, qualities.get(position));
        }
        for (name, reason) in &failed {
            say!("{name:<20} not made: {reason}");
        }
        say!("written to {}; {manifest}", out.display());
        match broken {
            Some(error) => Err(error),
            None => all_done(&failed, &unasked),
        }
    }
}

/// A variant for a person: what it is, what it answers, what it left alone.
fn show(variant: &VariantRecord, quality: Option<&Assessed>) {
    say!(
        "{:<20} {} components removed, {} parameters, {} bytes, {}",
        variant.name,
        variant.removed_count(),
        variant.params,
        variant.file_bytes,
        variant.precision()
    );
    match quality {
        Some(Ok(found)) => say!("{:<20} {}", "", report::evaluation_line(&found.evaluation)),
        Some(Err(MissingReason(why))) => say!("{:<20} not evaluated: {why}", ""),
        None => {}
    }
    for reason in &variant.unexplained {
        say!("{:<20} answers differ more than its decisions explain: {reason}", "");
    }
    for refusal in &variant.refusals {
        say!("{:<20} left `{}` alone: {}", "", refusal.what, refusal.reason);
    }
}

/// Variants that could not be made, with the reason.
pub(super) type Failed = Vec<(String, String)>;

/// An error that names what was not made and what was not evaluated, if anything.
pub(super) fn all_done(failed: &Failed, unasked: &Failed) -> Result<(), Coded> {
    let parts = [("made", failed), ("evaluated", unasked)].into_iter();
    let parts = parts.filter(|(_, failed)| !failed.is_empty()).map(|(what, failed)| {
        let each: Vec<&str> = failed.iter().map(|(_, reason)| reason.as_str()).collect();
        let noun = if each.len() == 1 { "variant was" } else { "variants were" };
        format!("{} {noun} not {what}: {}", each.len(), each.join("; "))
    });
    let parts: Vec<String> = parts.collect();
    match parts.is_empty() {
        true => Ok(()),
        false => Err(Coded::new(ExitCode::Input, anyhow::anyhow!(parts.join("; ")))),
    }
}

/// Variants that could not be evaluated, with the reason.
pub(super) fn not_evaluated(variants: &[VariantRecord], found: &[Assessed]) -> Failed {
    let pairs = variants.iter().zip(found);
    let failed = pairs.filter_map(|(variant, found)| {
        let MissingReason(why) = found.as_ref().err()?;
        Some((variant.name.clone(), why.clone()))
    });
    failed.collect()
}

/// Makes all variants of a study, the baseline first, and writes the ledger. One that its model or
/// its recipe does not allow does not stop the others. `timed`: latencies are forecast too, from times
/// that are never the same.
pub(super) fn make_variants(
    study: &Study,
    loaded: &Loaded,
    directory: &RunDirectory,
    sysfs_root: Option<&Path>,
    (quiet, timed): (bool, bool),
) -> Result<(Vec<VariantRecord>, Failed), Coded> {
    let sysfs_root = sysfs_root.map(Path::to_path_buf);
    let context = Context { sysfs_root, ..informed(study, loaded, directory, timed)? };
    let mut ledger =
        Ledger::open(&directory.folders.ledger(), &study.owner).map_err(PipelineError::from)?;
    ledger.record(protocol_entry(study, directory)).map_err(PipelineError::from)?;
    let bar = bar("compress", study.recipes.len() + 1, quiet);
    let mut variants = vec![pipeline::baseline(&context)?];
    let mut failed = Failed::new();
    bar.inc(1);
    for recipe in &study.recipes {
        show_progress(&bar, &recipe.name);
        let parent = variants.iter().find(|v| v.name == recipe.parent);
        let made = match parent {
            // Nothing is entered into the ledger before all steps are done, so a panic leaves it whole.
            Some(parent) => pipeline::attempt(&recipe.name, || {
                pipeline::make(&context, &mut ledger, recipe, parent)
            }),
            None => Err(PipelineError::NoParent {
                variant: recipe.name.clone(),
                parent: recipe.parent.clone(),
            }),
        };
        let mut refused = Vec::new();
        let reason = match made {
            // What the target is known to reject or to get wrong is refused before it is sent there.
            Ok(made) => match unfit(study, directory, &made) {
                Some(reason) => format!("variant `{}`: {reason}", recipe.name),
                None => {
                    variants.push(made);
                    bar.inc(1);
                    continue;
                }
            },
            Err(error) if error.is_of_one_variant() => {
                refused = error.refusals().to_vec();
                format!("{:#}", anyhow::Error::from(error))
            }
            Err(error) => return Err(error.into()),
        };
        let entry = refusal_entry(&recipe.name, &reason, &refused);
        ledger.record(entry).map_err(PipelineError::from)?;
        failed.push((recipe.name.clone(), reason));
        bar.inc(1);
    }
    debug_assert_eq!(variants[0].name, BASELINE);
    bar.finish_and_clear();
    Ok((variants, failed))
}

fn protocol_entry(study: &Study, directory: &RunDirectory) -> LedgerEntryBody {
    let protocol = &directory.protocol;
    let body = json!({
        "study": protocol.study,
        "words": study.words,
        "data_sha256": protocol.data_sha256,
        "measurement_sha256": protocol.measurement_sha256,
        "gate_sha256": protocol.gate_sha256,
    });
    LedgerEntryBody { kind: LedgerEntryKind::Protocol, body }
}

/// A variant that was not made, with everything that its step refused.
fn refusal_entry(variant: &str, reason: &str, refused: &[(String, String)]) -> LedgerEntryBody {
    let mut body = json!({ "variant": variant, "what": "variant", "reason": reason });
    if !refused.is_empty() {
        let each = refused.iter().map(|(what, why)| json!({ "what": what, "reason": why }));
        body["refusals"] = json!(each.collect::<Vec<_>>());
    }
    LedgerEntryBody { kind: LedgerEntryKind::Refusal, body }
}

/// Why a variant must not go to one of the study's targets, if so.
fn unfit(study: &Study, directory: &RunDirectory, made: &VariantRecord) -> Option<String> {
    let graph = Graph::load(&directory.folders.variants().join(&made.file)).ok()?;
    let known = study.targets.iter().filter_map(|t| pipeline::known_conformance(&t.name));
    known.filter_map(|table| pipeline::refusal(&table, &graph)).next()
}

/// What all recipes of a run share, with the costs and the forecaster that they ask for.
fn informed(
    study: &Study,
    loaded: &Loaded,
    directory: &RunDirectory,
    timed: bool,
) -> Result<Context, Coded> {
    let mut context = context(study, loaded, directory)?;
    let steps = || study.recipes.iter().flat_map(|r| &r.steps);
    let by_cost = |step: &Step| matches!(step, Step::Prune(how) if how.needs_costs());
    if steps().any(by_cost) {
        context.measure_costs("host")?;
    }
    let pruned = |step: &Step| match step {
        Step::Prune(pruning) => Some(pruning.clone()),
        _ => None,
    };
    let prunings: Vec<ChannelPruning> = steps().filter_map(pruned).collect();
    if !prunings.is_empty() {
        let subject = Subject { samples: &loaded.splits.select, ..subject(study, loaded) };
        let earlier = match forecasts_file() {
            Some(path) => pipeline::read_outcomes(&path)?,
            None => vec![],
        };
        let (probes, reported) = (study.probes, loaded.splits.report.len());
        let probing = Probing { probes, reported, timed };
        // A forecast is worth less than the variants that it is about.
        if let Err(error) = context.learn(&subject, &prunings, &probing, &earlier) {
            note!("no forecasts: {error}");
        }
    }
    Ok(context)
}

/// What all recipes of a run share.
pub(super) fn context(
    study: &Study,
    loaded: &Loaded,
    directory: &RunDirectory,
) -> Result<Context, Coded> {
    let calibrate = &loaded.splits.calibrate;
    let calibration = calibration(loaded, calibrate)?;
    Ok(Context {
        folders: directory.folders.clone(),
        model: study.model.clone(),
        dims: loaded.dims.clone(),
        batch: loaded.batch,
        calibration: (!calibrate.is_empty()).then_some(calibration),
        reading: reading(&loaded.task, loaded.output),
        seed: study.seed,
        rules: study.timing.rules.clone(),
        targets: study.targets.clone(),
        conditions: study.timing.conditions.clone(),
        energy: energy(study),
        sysfs_root: None,
        costs: None,
        forecaster: None,
        owner: study.owner.clone(),
    })
}

/// How energy is measured on every target of a study, and here.
fn energy(study: &Study) -> BTreeMap<String, EnergyRules> {
    let here = ("host".to_string(), study.energy.rules(&EnergySource::Auto));
    let own = |t: &Target| (t.name.clone(), study.energy.rules(&t.profile.energy));
    [here].into_iter().chain(study.targets.iter().map(own)).collect()
}

/// How predictions are read off outputs, from what is asked of them.
fn reading(task: &Task, output: usize) -> DecisionRule {
    let Task { kind, scores, threshold, positive, .. } = *task;
    DecisionRule { kind, scores, threshold, positive, output }
}

/// Samples of a study to calibrate on: all of `samples`, or as many of them, evenly spread, as fit
/// in memory.
pub(super) fn calibration(loaded: &Loaded, samples: &[usize]) -> Result<Calibration, Coded> {
    let every = (loaded.data.bytes_of(samples.len()).div_ceil(WINDOW_BYTES)).max(1);
    let held: Vec<usize> = samples.iter().copied().step_by(every as usize).collect();
    let inputs = loaded.data.inputs_at(&held);
    let classes = loaded.data.labelled && loaded.data.targets.is_none();
    Ok(Calibration {
        inputs: inputs.map_err(|e| Coded::new(ExitCode::Input, e))?,
        labels: held.iter().filter(|_| classes).map(|i| loaded.data.labels[*i]).collect(),
        batch: loaded.batch,
        dims: loaded.dims.clone(),
        sha256: loaded.data.sha256_of(&held),
    })
}

/// What a study's variants are evaluated on.
pub(super) fn subject<'a>(study: &'a Study, loaded: &'a Loaded) -> Subject<'a> {
    let group = study.data.group.as_ref();
    Subject {
        data: &loaded.data,
        samples: &loaded.splits.report,
        groups: group.and_then(|name| loaded.data.columns.get(name)).map(Vec::as_slice),
        fixed_class_shares: study.data.fixed_class_shares,
        slices: &study.data.slices,
        batch: loaded.batch,
        dims: &loaded.dims,
        output: loaded.output,
        task: &loaded.task,
    }
}

/// Evaluates all variants on the report split, and enters into the ledger that it was looked at, and
/// what it showed.
pub(super) fn evaluate_variants(
    study: &Study,
    loaded: &Loaded,
    directory: &RunDirectory,
    variants: &[VariantRecord],
    quiet: bool,
) -> Result<Vec<Assessed>, Coded> {
    let subject = subject(study, loaded);
    if !loaded.data.labelled && !quiet {
        let data = study.data.path.display();
        note!("{data} has no labels: variants are only compared with the baseline");
    }
    let bar = bar("evaluate", variants.len(), quiet);
    let folders = &directory.folders;
    let mut heard = |name: &str| {
        show_progress(&bar, name);
        bar.inc(1);
    };
    let mut found = pipeline::assess(folders, &subject, variants, &mut heard)?;
    if let Some(how) = &study.robustness {
        bar.set_length(2 * variants.len() as u64);
        pipeline::stress(folders, &subject, variants, how, &mut found, &mut heard)?;
        let rows = variants.iter().zip(&found).flat_map(|(variant, quality)| {
            let scores = quality.iter().flat_map(|quality| &quality.evaluation.robustness);
            scores.map(|score| (variant.name.as_str(), score))
        });
        let csv = report::robustness_csv(&rows.collect::<Vec<_>>());
        let csv = csv.map_err(|e| Coded::new(ExitCode::Internal, e))?;
        pipeline::replace(&folders.robustness(), &csv)?;
    }
    bar.finish_and_clear();
    for (variant, quality) in variants.iter().zip(&found) {
        if let Ok(quality) = quality {
            pipeline::replace_json(&folders.quality(&variant.name), &quality.evaluation)?;
        }
    }
    let outcomes = variants.iter().zip(&found).map(|(variant, quality)| match quality {
        Ok(quality) => {
            json!({ "variant": variant.name, "evaluation": quality.evaluation.brief() })
        }
        Err(MissingReason(why)) => json!({ "variant": variant.name, "not_evaluated": why }),
    });
    record_outcomes(study, directory, outcomes.collect())?;
    Ok(found)
}

fn record_outcomes(
    study: &Study,
    directory: &RunDirectory,
    outcomes: Vec<serde_json::Value>,
) -> Result<(), Coded> {
    let mut ledger =
        Ledger::open(&directory.folders.ledger(), &study.owner).map_err(PipelineError::from)?;
    let look = json!({ "split": "report", "data_sha256": directory.protocol.data_sha256 });
    let entries = std::iter::once((LedgerEntryKind::Look, look))
        .chain(outcomes.into_iter().map(|body| (LedgerEntryKind::Outcome, body)));
    for (kind, body) in entries {
        ledger.record(LedgerEntryBody { kind, body }).map_err(PipelineError::from)?;
    }
    Ok(())
}
