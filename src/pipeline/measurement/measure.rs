//! Measuring variants on a target: the job, the agent, and the journal's sum.

use super::layer_tables::{LayerTables, measure_layers};
use super::meter_log::fill;
use super::remote_jobs::with_remote;
use crate::pipeline::{Folders, PipelineError, read_json, replace, replace_json};
use paring_agent::arrays::write_tensors;
use paring_agent::measure::{JournalSummary, read_journal};
use paring_boards::{Target, TargetEvent, TargetSession};
use paring_core::files::ConfinedPath;
use paring_core::schema::{
    BlockRecord, ConditionRules, EnergyJob, EnergyRules, EnergySource, ExecutionSetting, Job,
    JobModel, Measurement, MissingReason, SCHEMA, SampleRules, Sha256Hex, StopRule,
    TargetEnvironment, VariantRecord,
};
use paring_core::units::LatencyNs;
use paring_data::Dataset;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::AtomicBool;

/// A target is sent at most this many samples: the agent cycles a few of them.
const MOST_SAMPLES: usize = 64;

/// Extent of the measurements on a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MeasurementExtent {
    /// Measurements of whole variants.
    Times,
    /// Times node by node.
    Layers,
    /// One after the other.
    Both,
}

/// The plan by which variants are measured on one target.
#[derive(Clone, Debug)]
pub struct MeasurementPlan<'a> {
    /// Extent of the measurements.
    pub extent: MeasurementExtent,
    /// Name of the target.
    pub target: &'a str,
    /// Hash of the rules of timing.
    pub measurement_sha256: Sha256Hex,
    /// Seeds the schedule.
    pub seed: u64,
    /// Blocks of each kind for each variant.
    pub blocks: u32,
    /// Time that each variant also runs without a pause.
    pub sustained_ns: Option<LatencyNs>,
    /// Rules inside a block.
    pub rules: SampleRules,
    /// Rule for going on beyond that.
    pub stop: Option<StopRule>,
    /// Batch sizes, threads and the like at which models are run.
    pub settings: &'a [ExecutionSetting],
    /// Processors that blocks are kept on; empty for all.
    pub affinity: &'a [usize],
    /// Conditions that make a block invalid, and those that are set before.
    pub conditions: ConditionRules,
    /// Values for symbolic dimensions.
    pub dims: &'a BTreeMap<String, usize>,
    /// The dataset that real inputs come from.
    pub data: &'a Dataset,
    /// Samples of it that may be used.
    pub samples: &'a [usize],
    /// Rules of measuring energy, or the reason that it is not measured.
    pub energy: Result<EnergyRules, MissingReason>,
    /// The folder that stands for `/` where the target's power sensors are read; `None` for `/`.
    pub sysfs_root: Option<&'a Path>,
}

impl MeasurementPlan<'_> {
    /// The energy part of a job on a machine with these sensors.
    ///
    /// # Errors
    /// Why there is no energy, as it stands in the results.
    pub fn energy_on(&self, environment: &TargetEnvironment) -> Result<EnergyJob, MissingReason> {
        let asked = self.energy.clone()?;
        let source = asked.source.resolve(&environment.sensors)?;
        Ok(EnergyJob::new(asked, source, self.sysfs_root))
    }
}

/// Writes the job's inputs and gives the job.
fn job(
    folders: &Folders,
    bench: &MeasurementPlan,
    variants: &[VariantRecord],
) -> Result<Job, PipelineError> {
    let folder = folders.journal(bench.target);
    // Enough for the largest batch, even where that wraps around.
    let most = MOST_SAMPLES.max(bench.settings.iter().map(|s| s.batch).max().unwrap_or(1));
    let samples: Vec<usize> = bench.samples.iter().copied().take(most).collect();
    let path = folder.join("inputs.safetensors");
    let inputs = bench
        .data
        .inputs_at(&samples)
        .map_err(|e| PipelineError::file("read", &path)(std::io::Error::other(e)))?;
    let bytes = write_tensors(&inputs)
        .map_err(|e| PipelineError::file("write", &path)(std::io::Error::other(e)))?;
    replace(&path, &bytes)?;
    let models = variants
        .iter()
        .map(|variant| JobModel {
            name: variant.name.clone(),
            variant_id: variant.variant_id.clone(),
            path: Path::new("../../variants").join(&variant.file),
            sha256: variant.file_sha256.clone(),
            options: variant.options.clone(),
            baseline: variant.parent.is_none(),
        })
        .collect();
    Ok(Job {
        schema: SCHEMA,
        measurement_sha256: bench.measurement_sha256.clone(),
        seed: bench.seed,
        blocks: bench.blocks,
        stop: bench.stop.clone(),
        sustained_ns: bench.sustained_ns,
        rules: bench.rules.clone(),
        inputs: "inputs.safetensors".into(),
        inputs_sha256: Sha256Hex::of(&bytes),
        settings: bench.settings.to_vec(),
        affinity: bench.affinity.to_vec(),
        conditions: bench.conditions.clone(),
        emulated: false,
        dims: bench.dims.clone(),
        models,
        energy: None,
    })
}

/// A measurement of a variant on one target in one setting, which the measurement names.
#[derive(Clone, Debug)]
pub struct VariantMeasurement {
    /// The variant's name: a variant may have the same file and options as its parent, and so the same
    /// identity.
    pub variant: String,
    /// The measurement.
    pub measurement: Measurement,
}

/// Measurements of variants on a target.
#[derive(Clone, Debug)]
pub struct TargetMeasurements {
    /// The target's environment.
    pub environment: TargetEnvironment,
    /// One a setting and variant, settings first; empty where only layers were wanted.
    pub measurements: Vec<VariantMeasurement>,
    /// Times layer by layer; empty where they were not wanted.
    pub layers: LayerTables,
}

/// Has the agent of a target measure what its journal lacks, sums the journal up, and then has it time
/// the variants node by node, as far as that is wanted. When `stop` becomes true a board is left to go
/// on by itself.
///
/// # Errors
/// [`PipelineError`] where the agent or the journal fails, or what was found cannot be kept.
pub fn measure(
    folders: &Folders,
    bench: &MeasurementPlan,
    target: &Target,
    variants: &[VariantRecord],
    stop: Option<&'static AtomicBool>,
    heard: &mut dyn FnMut(TargetEvent),
) -> Result<TargetMeasurements, PipelineError> {
    let folder = folders.journal(bench.target);
    let failed = |source| PipelineError::Target { target: bench.target.to_string(), source };
    let mut site = TargetSession::open(target, stop, heard).map_err(failed)?;
    let mut environment = site.probe(bench.sysfs_root).map_err(failed)?;
    environment.unused_gpu = target.profile.gpu.clone();
    replace_json(&folder.join("environment.json"), &environment)?;
    let mut job = job(folders, bench, variants)?;
    job.conditions = target.profile.conditions(&job.conditions);
    job.emulated = environment.emulated;
    let energy = bench.energy_on(&environment);
    job.energy = energy.as_ref().ok().cloned();
    replace_json(&folder.join("job.json"), &job)?;
    let measurements = match bench.extent {
        MeasurementExtent::Layers => vec![],
        MeasurementExtent::Times | MeasurementExtent::Both => {
            timed(folders, bench, (target, &mut site), &job, &energy, variants)?
        }
    };
    let layers = match bench.extent {
        MeasurementExtent::Times => LayerTables::default(),
        MeasurementExtent::Layers | MeasurementExtent::Both => {
            measure_layers(folders, (target, &mut site), environment.emulated, &job, variants)?
        }
    };
    Ok(TargetMeasurements { environment, measurements, layers })
}

/// The measurements of a job.
fn timed(
    folders: &Folders,
    bench: &MeasurementPlan,
    (target, site): (&Target, &mut TargetSession),
    job: &Job,
    energy: &Result<EnergyJob, MissingReason>,
    variants: &[VariantRecord],
) -> Result<Vec<VariantMeasurement>, PipelineError> {
    let folder = folders.journal(bench.target);
    let job_path = folder.join("job.json");
    with_remote(folders, target, job, &mut |remote| site.run(remote, &job_path))?;
    let records = counted(&folder, job)?;
    let summary = JournalSummary::new(&records);
    let without_energy = energy.as_ref().err();
    let of = |variant: &VariantRecord, setting: ExecutionSetting| VariantMeasurement {
        variant: variant.name.clone(),
        measurement: measurement(&summary, job, variant, setting, without_energy),
    };
    let each = bench.settings.iter().flat_map(|s| variants.iter().map(move |v| (v, *s)));
    let each = each.map(|(variant, setting)| of(variant, setting));
    Ok(each.collect())
}

/// All blocks of a journal that were measured by a job's rules.
fn counted(folder: &ConfinedPath, job: &Job) -> Result<Vec<BlockRecord>, PipelineError> {
    let mut records = read_journal(&folder.join("blocks.jsonl"))?;
    records.retain(|record| job.counts(record));
    if let Some(EnergyJob {
        rules: EnergyRules { source: EnergySource::Meter { path, .. }, .. },
        ..
    }) = &job.energy
    {
        fill(path, &mut records);
    }
    Ok(records)
}

/// Measurement of a variant from a job's blocks; `without_energy` is why no energy was measured.
fn measurement(
    summary: &JournalSummary,
    job: &Job,
    variant: &VariantRecord,
    setting: ExecutionSetting,
    without_energy: Option<&MissingReason>,
) -> Measurement {
    let (baseline, needed) = (variant.parent.is_none(), job.blocks as usize);
    let found = summary.measurement(&variant.variant_id, setting, baseline, needed);
    match without_energy {
        None => found,
        Some(why) => Measurement { energy: Err(why.clone()), ..found },
    }
}

/// The journal of a run on a target, with its job and environment.
#[derive(Clone, Debug)]
pub struct TargetJournal {
    /// The target's environment.
    pub environment: TargetEnvironment,
    job: Job,
    records: Vec<BlockRecord>,
}

impl TargetJournal {
    /// Reads the journal of a target, its job and its environment.
    ///
    /// # Errors
    /// [`PipelineError`] where one of them is missing or is not what its name says.
    pub fn read(folders: &Folders, target: &str) -> Result<TargetJournal, PipelineError> {
        let folder = folders.journal(target);
        let lost = |path: &ConfinedPath| {
            PipelineError::file("read", path)(std::io::ErrorKind::InvalidData.into())
        };
        let (environment, job) = (folder.join("environment.json"), folder.join("job.json"));
        let environment = read_json(&environment).ok_or_else(|| lost(&environment))?;
        let job: Job = read_json(&job).ok_or_else(|| lost(&job))?;
        Ok(TargetJournal { environment, records: counted(&folder, &job)?, job })
    }

    /// Blocks that count, in the order they were measured.
    pub fn blocks(&self) -> &[BlockRecord] {
        &self.records
    }

    /// Aggregates of its blocks, for all of its variants: finding the quiet pace reads every block.
    pub fn summary(&self) -> JournalSummary<'_> {
        JournalSummary::new(&self.records)
    }

    /// The measurement of a variant by the journal's own [`Self::summary`]; `without_energy` is asked why
    /// there is no energy, where the job has none.
    pub fn measurement(
        &self,
        summary: &JournalSummary,
        variant: &VariantRecord,
        setting: ExecutionSetting,
        without_energy: &dyn Fn() -> MissingReason,
    ) -> Measurement {
        let why = self.job.energy.is_none().then(without_energy);
        measurement(summary, &self.job, variant, setting, why.as_ref())
    }
}
