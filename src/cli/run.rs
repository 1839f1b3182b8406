//! `paring run`: everything a study says, and what came of it.

use super::compress::{Failed, all_done, evaluate_variants, make_variants, not_evaluated};
use super::integrity::{self, sealed};
use super::{Coded, ExitCode, Global, StudyArgs, fleet, measured, sysfs_root};
use crate::pipeline::{self, Assessed, Bench, PipelineError, Taken};
use crate::report::{self, Row};
use crate::study::{self, Loaded, Protocol, QUICK_BLOCKS, RunDirectory, Study};
use clap::Args;
use paring_agent::measure::energy_span;
use paring_boards::{FolderTrust, Target, TargetEvent, TargetTransport, catch_interrupts};
use paring_core::schema::{
    EnergySource, ExecutionSetting, LayerTable, Measurement, TargetEnvironment, VariantRecord,
};
use serde_json::json;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

/// What a block takes beside warm-up and sampling: starting, loading and optimising.
const BLOCK_OVERHEAD: Duration = Duration::from_millis(60);

/// Make all variants of a study, evaluate and measure them.
#[derive(Debug, Args)]
pub(super) struct Run {
    #[command(flatten)]
    study: StudyArgs,
    /// Measure on these targets instead of the study's
    #[arg(long)]
    target: Vec<String>,
    /// A short protocol: 3 blocks, no verdicts
    #[arg(long)]
    quick: bool,
    /// Say what would run and how long it should take
    #[arg(long)]
    dry_run: bool,
    /// Read power sensors under this folder instead of /: a simulated machine, and marked as one
    #[arg(long, value_name = "DIR")]
    sysfs_root: Option<PathBuf>,
    /// Stop what an interrupted run left to go on by itself on boards
    #[arg(long, requires = "out")]
    cancel: bool,
}

/// The quick protocol.
fn shorten(study: &mut Study) {
    study.timing.blocks = QUICK_BLOCKS;
    study.timing.stop = None;
    study.timing.sustained_ns = None;
    // There are no verdicts that a block in bad conditions could spoil.
    study.timing.conditions.repeats = 0;
}

impl Run {
    pub(super) fn run(self, global: &Global) -> Result<(), Coded> {
        let begun = Instant::now();
        let mut study = study::load_for(&self.study.study, &self.target, global.trust())?;
        if self.quick {
            shorten(&mut study);
        }
        let loaded = study::open(&study)?;
        if self.dry_run {
            print_plan(&study, &loaded, self.quick, global);
            return Ok(());
        }
        let sysfs_root = self.sysfs_root.as_deref().map(sysfs_root).transpose()?;
        let out = self.study.out.unwrap_or_else(|| RunDirectory::fresh(&study));
        let protocol = Protocol::new(&study, &loaded, self.quick);
        integrity::warn_before_going_on(&out);
        let mut directory = RunDirectory::open(&out, &study, protocol)?;
        let job = Session {
            study: &study,
            loaded: &loaded,
            directory: &directory,
            sysfs_root: sysfs_root.as_deref(),
            quiet: global.quiet,
            trust: global.trust(),
        };
        if self.cancel {
            return fleet::cancel(&study.targets, &directory.folders, global.quiet);
        }
        directory.announce(global.quiet);
        let Found { rows, layers, failed, unasked, broken } = job.rows()?;
        let facts = directory.protocol.facts();
        let internal = |e: report::ReportError| Coded::new(ExitCode::Internal, e);
        let csv = report::layers_csv(&facts, &layers).map_err(internal)?;
        pipeline::replace(&directory.folders.layers(), &csv)?;
        let csv = report::results_csv(&facts, &rows).map_err(internal)?;
        pipeline::replace(&directory.folders.results(), &csv)?;
        let (sha256, manifest) = sealed(&mut directory)?;
        if global.json {
            say!(
                "{:#}",
                json!({ "out": out, "not_made": failed, "not_evaluated": unasked, "failed_targets": named(&broken), "manifest_sha256": sha256, "measurements": rows.iter().map(|r| &r.measurement).collect::<Vec<_>>() })
            );
        } else {
            let end = (out.as_path(), manifest.as_str());
            print_results(&study, &rows, end, begun.elapsed(), self.quick, global);
        }
        if let Some((target, error)) = broken.into_iter().next() {
            let Coded { code, error } = Coded::from(error);
            return Err(Coded::new(code, error.context(format!("`{target}` has no rows"))));
        }
        all_measured(&rows)?;
        all_done(&failed, &unasked)
    }
}

/// An error that names the first variant that was not measured.
fn all_measured(rows: &[Row]) -> Result<(), Coded> {
    let missing = rows.iter().find(|row| row.measurement.latency.is_err());
    missing.map_or(Ok(()), |row| {
        let error = anyhow::anyhow!(
            "variant `{}` was not measured: {}",
            row.variant.name,
            row.measurement.invalid_reasons.join("; ")
        );
        Err(Coded::new(ExitCode::Measurement, error))
    })
}

/// One run on its way.
struct Session<'a> {
    study: &'a Study,
    loaded: &'a Loaded,
    directory: &'a RunDirectory,
    sysfs_root: Option<&'a Path>,
    quiet: bool,
    trust: FolderTrust,
}

impl Session<'_> {
    fn rows(&self) -> Result<Found, Coded> {
        let (variants, failed) = make_variants(
            self.study,
            self.loaded,
            self.directory,
            self.sysfs_root,
            (self.quiet, true),
        )?;
        let qualities =
            evaluate_variants(self.study, self.loaded, self.directory, &variants, self.quiet)?;
        let unasked = not_evaluated(&variants, &qualities);
        let outcomes = self.outcomes(&variants)?;
        let (mut rows, mut layers, mut broken) = (Vec::new(), Vec::new(), Vec::new());
        for (target, outcome) in outcomes {
            match outcome {
                Ok(taken) => {
                    for measurements in taken.by_setting {
                        let parts = variants.iter().zip(&qualities).zip(measurements);
                        rows.extend(parts.map(|((variant, quality), measurement)| {
                            row(
                                &variants[0],
                                variant,
                                quality,
                                target,
                                &taken.environment,
                                measurement,
                            )
                        }));
                    }
                    layers.extend(taken.layers.tables);
                    for (variant, why) in taken.layers.without.iter().filter(|_| !self.quiet) {
                        note!("no layers of variant `{variant}` on {}: {why}", target.name);
                    }
                }
                Err(error) => broken.push((target.name.clone(), error)),
            }
        }
        if rows.is_empty() && !broken.is_empty() {
            return Err(Coded::from(broken.remove(0).1));
        }
        Ok(Found { rows, layers, failed, unasked, broken })
    }

    /// What came of every target; an interrupt leaves boards to go on by themselves.
    fn outcomes(&self, variants: &[VariantRecord]) -> Result<Vec<Measured<'_>>, Coded> {
        let boards = self.study.targets.iter().any(|t| t.transport != TargetTransport::Local);
        let stop = boards.then(catch_interrupts).transpose();
        let stop = stop.map_err(|e| Coded::new(ExitCode::Internal, e))?;
        let outcomes = fleet::on_all(&self.study.targets, self.quiet, &|target, heard| {
            self.measure(target, variants, stop, heard)
        });
        if fleet::interrupted(&outcomes) {
            let (study, out) = (self.study.path.display(), self.directory.folders.root().display());
            let trust = if self.trust == FolderTrust::Given { " --trust" } else { "" };
            let again = format!("paring run {study}{trust} --out {out}");
            return Err(fleet::leave(&self.study.targets, &self.directory.folders, &again));
        }
        Ok(outcomes)
    }

    fn bench<'a>(&'a self, target: &'a Target, settings: &'a [ExecutionSetting]) -> Bench<'a> {
        let Session { study, loaded, directory, sysfs_root, .. } = self;
        measured::bench(study, loaded, directory, *sysfs_root, target, settings)
    }

    fn measure(
        &self,
        target: &Target,
        variants: &[VariantRecord],
        stop: Option<&'static AtomicBool>,
        heard: &mut dyn FnMut(TargetEvent),
    ) -> Result<Taken, PipelineError> {
        let settings = self.study.settings(target);
        let bench = self.bench(target, &settings);
        pipeline::measure(&self.directory.folders, &bench, target, variants, stop, heard)
    }
}

/// A target, what it was, and what it measured.
type Measured<'a> = fleet::Outcome<'a, Taken>;

/// What came of a run.
struct Found {
    rows: Vec<Row>,
    layers: Vec<LayerTable>,
    failed: Failed,
    /// Variants that were not evaluated, and why.
    unasked: Failed,
    broken: Broken,
}

/// Targets without rows, and why.
type Broken = Vec<(String, PipelineError)>;

fn named(broken: &Broken) -> BTreeMap<&str, String> {
    let chain = |error: &PipelineError| {
        let causes = std::iter::successors(Some(error as &dyn std::error::Error), |e| e.source());
        causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
    };
    broken.iter().map(|(target, error)| (target.as_str(), chain(error))).collect()
}

fn row(
    baseline: &VariantRecord,
    variant: &VariantRecord,
    assessed: &Assessed,
    target: &Target,
    environment: &TargetEnvironment,
    measurement: Measurement,
) -> Row {
    Row {
        variant: variant.clone(),
        baseline_weights: baseline.weights,
        evaluation: assessed.as_ref().ok().map(|quality| quality.evaluation.clone()),
        evaluation_missing: assessed.as_ref().err().cloned(),
        target: target.name.clone(),
        environment: environment.clone(),
        measurement,
    }
}

fn print_plan(study: &Study, loaded: &Loaded, quick: bool, global: &Global) {
    let variants = study.recipes.len();
    let blocks = study.timing.blocks as usize;
    let settings =
        study.targets.iter().map(|target| study.settings(target).len()).max().unwrap_or(1);
    let rules = &study.timing.rules;
    let warm = Duration::from_nanos(rules.warmup_min_ns.0);
    let solo = BLOCK_OVERHEAD + warm + Duration::from_nanos(rules.solo_ns.0);
    let paired = 2 * (BLOCK_OVERHEAD + warm) + Duration::from_nanos(rules.paired_ns.0);
    let each = solo * (variants as u32 + 1) + paired * variants as u32;
    let long = Duration::from_nanos(study.timing.sustained_ns.map_or(0, |span| span.0));
    let estimate = each * (blocks * settings) as u32 + long * ((variants + 1) * settings) as u32;
    let energy = energy_time(study, quick);
    if global.json {
        let names: Vec<&str> = study.recipes.iter().map(|r| r.name.as_str()).collect();
        say!(
            "{:#}",
            json!({
                "variants": names, "blocks": blocks * settings * (2 * variants + 1),
                "estimate_s": estimate.as_secs(), "quick": quick,
                "energy_estimate_s": energy.iter().map(|(target, span)| json!({ "target": target, "s": span.as_secs() })).collect::<Vec<_>>(),
            })
        );
        return;
    }
    say!("study `{}`: {} on {}", study.name, study.model.display(), study.data.path.display());
    let splits = &loaded.splits;
    say!(
        "samples: {} to calibrate, {} to select, {} to report",
        splits.calibrate.len(),
        splits.select.len(),
        splits.report.len()
    );
    say!("variants, beside the baseline:");
    for recipe in &study.recipes {
        let words: Vec<String> = recipe.steps.iter().map(ToString::to_string).collect();
        let options = recipe.options.as_ref().map(|o| format!("engine {}", o.label()));
        let all = words.into_iter().chain(options).collect::<Vec<_>>().join("; ");
        say!("  {:<20} from {:<12} {all}", recipe.name, recipe.parent);
    }
    for target in &study.targets {
        say!(
            "target `{}`: {} blocks of fresh processes, about {} for a small model",
            target.name,
            blocks * settings * (2 * variants + 1),
            report::seconds(estimate)
        );
    }
    for (target, span) in energy {
        say!(
            "energy on `{target}`: {} windows a variant, about {} more where it has a power sensor",
            study.energy.windows,
            report::seconds(span)
        );
    }
    if quick {
        say!("quick protocol: {QUICK_BLOCKS} blocks, no verdicts");
    }
}

/// How long the energy windows take on each target that may have a sensor.
fn energy_time(study: &Study, quick: bool) -> Vec<(&str, Duration)> {
    let each = study.energy.windows as usize * (study.recipes.len() + 1);
    let wanted = study.targets.iter().filter_map(|target| {
        let rules = study.energy.rules(&target.profile.energy);
        let off = quick || matches!(rules.source, EnergySource::None { .. });
        let blocks = each * study.settings(target).len();
        (!off).then(|| (target.name.as_str(), energy_span(&rules) * blocks as u32))
    });
    wanted.collect()
}

fn print_results(
    study: &Study,
    rows: &[Row],
    (out, manifest): (&Path, &str),
    took: Duration,
    quick: bool,
    global: &Global,
) {
    super::say::table(&report::results_table(rows, global.color()));
    if quick {
        say!("quick protocol: {QUICK_BLOCKS} blocks, no verdicts; not for decisions");
    }
    if let Some(row) = rows.first() {
        let shown = row.environment.cpu.as_deref().unwrap_or("an unnamed processor");
        let emulated =
            if row.environment.emulated { ", EMULATED: not a board's speed" } else { "" };
        say!(
            "{} report samples; {} on {shown}{emulated}; quality intervals 95 %, timing 99 %",
            row.evaluation.as_ref().map_or(0, |e| e.samples),
            row.environment.engine,
        );
    }
    let (took, out) = (report::seconds(took), out.display());
    say!("`{}` took {took}; written to {out}; {manifest}", study.name);
}
