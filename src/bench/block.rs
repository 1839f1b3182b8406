//! One block: what a fresh process does with one variant, or with a variant and its baseline.

use super::sampling::{burst_length, nanos};
use super::{Cycle, Reference, sample_burst, warm_up};
use crate::data::{Array, InputsError, read_tensors};
use crate::engine::{Bindings, EngineError, Model, Plan, Source};
use crate::probe;
use crate::record::{
    Attempt, BlockData, BlockKind, Job, JobModel, MemoryPoint, MemoryPoints, Missing, Pair,
    PairedBlock, Sha256Hex, SoloBlock,
};
use crate::stats;
use crate::units::LatencyNs;
use rand::RngExt;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// At most this many different inputs are cycled: enough to be real, few enough to stay in cache
/// on a board as they would in use.
const DISTINCT_INPUTS: usize = 8;
/// A paired block has at least so many pairs, however slow the models.
const MIN_PAIRS: usize = 5;

/// Why a block could not be measured.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BlockError {
    /// The engine failed.
    #[error("measure `{model}`")]
    Engine {
        /// The variant.
        model: String,
        /// The cause.
        source: EngineError,
    },
    /// The inputs cannot be read.
    #[error("read the job's inputs")]
    Inputs(#[from] InputsError),
    /// A file is not the one the job names.
    #[error("{} has SHA-256 {found}, the job says {expected}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What it has.
        found: Sha256Hex,
        /// What it should have.
        expected: Sha256Hex,
    },
    /// A file of the job cannot be read.
    #[error("read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// The job has no such model, or no inputs.
    #[error("the job has no {0}")]
    Absent(&'static str),
    /// There is no energy.
    #[error("read energy: {}", .0.0)]
    Energy(Missing),
}

/// Measures one block of `job` in this process. `folder` is what the job's paths are relative to.
///
/// # Errors
/// [`BlockError`] names the variant or the file.
pub(super) fn measure(
    job: &Job,
    folder: &Path,
    attempt: &Attempt,
) -> Result<BlockData, BlockError> {
    let start = probe::memory(probe::root());
    let key = &attempt.key;
    let model = job
        .models
        .iter()
        .find(|m| m.variant_id == key.variant_id)
        .ok_or(BlockError::Absent("such variant"))?;
    let bench = Bench { job, folder, batch: key.batch, arrays: inputs(job, folder)? };
    match key.kind {
        BlockKind::Solo => bench.solo(model, start).map(|b| BlockData::Solo(Box::new(b))),
        BlockKind::Paired => {
            let baseline =
                job.models.iter().find(|m| m.baseline).ok_or(BlockError::Absent("baseline"))?;
            let seed = job.seed ^ u64::from(attempt.number);
            bench.paired(model, baseline, &format!("{key}"), seed).map(BlockData::Paired)
        }
        BlockKind::Energy => {
            super::energy::measure(&bench, model, attempt).map(|b| BlockData::Energy(Box::new(b)))
        }
    }
}

fn inputs(job: &Job, folder: &Path) -> Result<BTreeMap<String, Array>, BlockError> {
    let path = folder.join(&job.inputs);
    verify(&path, &job.inputs_sha256)?;
    Ok(read_tensors(&path)?)
}

fn verify(path: &Path, expected: &Sha256Hex) -> Result<(), BlockError> {
    let at = || path.to_path_buf();
    let found =
        Sha256Hex::of_file(path).map_err(|source| BlockError::Read { path: at(), source })?;
    if found == *expected {
        return Ok(());
    }
    Err(BlockError::Content { path: at(), found, expected: expected.clone() })
}

pub(super) struct Bench<'a> {
    pub(super) job: &'a Job,
    folder: &'a Path,
    batch: usize,
    arrays: BTreeMap<String, Array>,
}

pub(super) struct Loaded {
    pub(super) plan: Plan,
    pub(super) cycle: Cycle,
    load_ns: LatencyNs,
    analysed: MemoryPoint,
}

impl Bench<'_> {
    pub(super) fn load(&self, model: &JobModel) -> Result<Loaded, BlockError> {
        let path = self.folder.join(&model.path);
        verify(&path, &model.sha256)?;
        let engine = |source| BlockError::Engine { model: model.name.clone(), source };
        let bindings = Bindings { batch: self.batch, dims: &self.job.dims };
        let start = Instant::now();
        let analysed = Model::load(Source::File(&path), bindings).map_err(engine)?;
        let paused = Instant::now();
        let memory = probe::memory(probe::root());
        let probing = paused.elapsed();
        let plan = analysed.optimise(&model.options).map_err(engine)?;
        let load_ns = (start.elapsed() - probing).into();
        let cycle = self.cycle(&plan).map_err(engine)?.ok_or(BlockError::Absent("inputs"))?;
        Ok(Loaded { plan, cycle, load_ns, analysed: memory })
    }

    /// Inputs of one batch each, from consecutive samples, wrapping around.
    fn cycle(&self, plan: &Plan) -> Result<Option<Cycle>, EngineError> {
        let samples = self.arrays.values().map(Array::rows).min().unwrap_or(0);
        if samples == 0 {
            return Ok(None);
        }
        let groups = (samples / self.batch).clamp(1, DISTINCT_INPUTS);
        let prepared = (0..groups).map(|group| {
            let indices: Vec<usize> =
                (0..self.batch).map(|i| (group * self.batch + i) % samples).collect();
            let arrays = self.arrays.iter().map(|(name, a)| (name.clone(), a.take(&indices)));
            plan.inputs(&arrays.collect())
        });
        Ok(Cycle::new(prepared.collect::<Result<_, _>>()?))
    }

    fn solo(&self, model: &JobModel, start: MemoryPoint) -> Result<SoloBlock, BlockError> {
        let engine = |source| BlockError::Engine { model: model.name.clone(), source };
        let Loaded { plan, mut cycle, load_ns, analysed } = self.load(model)?;
        let optimised = probe::memory(probe::root());
        let rules = &self.job.rules;
        let begun = Instant::now();
        plan.execute(&cycle.all()[0]).map_err(engine)?;
        let first_ns = begun.elapsed().into();
        let (warmup, each) = warm_up(&plan, &mut cycle, rules).map_err(engine)?;

        let mut reference = Reference::new();
        reference.time();
        let length = burst_length(each, rules);
        let (mut bursts, mut count) = (Vec::new(), 0);
        let begun = Instant::now();
        while bursts.len() < 2
            || (begun.elapsed() < nanos(rules.solo_ns) && count < rules.max_samples)
        {
            bursts.push(sample_burst(&plan, &mut cycle, length, &mut reference).map_err(engine)?);
            count += length as u32;
        }
        let reference_after_ns = reference.time();
        let after_runs = probe::memory(probe::root());

        let digests = cycle.all().iter().map(|inputs| plan.digest(inputs));
        let digests = digests.collect::<Result<Vec<_>, _>>().map_err(engine)?;
        Ok(SoloBlock {
            load_ns,
            first_ns,
            warmup,
            bursts,
            reference_after_ns,
            memory: MemoryPoints { start, loaded: analysed, optimised, after_runs },
            output_sha256: Sha256Hex::of_parts(digests.iter().map(|d| d.as_str().as_bytes())),
        })
    }

    fn paired(
        &self,
        variant: &JobModel,
        baseline: &JobModel,
        purpose: &str,
        seed: u64,
    ) -> Result<PairedBlock, BlockError> {
        let mut rng = stats::generator(seed, purpose);
        let baseline_loaded_first: bool = rng.random();
        let (mut b, mut v) = if baseline_loaded_first {
            let b = self.load(baseline)?;
            (b, self.load(variant)?)
        } else {
            let v = self.load(variant)?;
            (self.load(baseline)?, v)
        };
        let rules = &self.job.rules;
        let mut reference = Reference::new();
        reference.time();
        let pairs = (|| {
            // One more than the length: the first sample of a burst is kept apart.
            let (_, each_b) = warm_up(&b.plan, &mut b.cycle, rules)?;
            let (_, each_v) = warm_up(&v.plan, &mut v.cycle, rules)?;
            let (count_b, count_v) =
                (burst_length(each_b, rules) + 1, burst_length(each_v, rules) + 1);
            let (mut pairs, mut count) = (Vec::new(), 0);
            let begun = Instant::now();
            while pairs.len() < MIN_PAIRS
                || (begun.elapsed() < nanos(rules.paired_ns) && count < rules.max_samples)
            {
                let baseline_first: bool = rng.random();
                let mut of_b = || sample_burst(&b.plan, &mut b.cycle, count_b, &mut reference);
                let early = if baseline_first { Some(of_b()?) } else { None };
                let variant = sample_burst(&v.plan, &mut v.cycle, count_v, &mut reference)?;
                let baseline = match early {
                    Some(burst) => burst,
                    None => sample_burst(&b.plan, &mut b.cycle, count_b, &mut reference)?,
                };
                pairs.push(Pair { baseline_first, baseline, variant });
                count += count_v.max(count_b) as u32;
            }
            Ok(pairs)
        })();
        let pairs =
            pairs.map_err(|source| BlockError::Engine { model: variant.name.clone(), source })?;
        Ok(PairedBlock { baseline_loaded_first, pairs, reference_after_ns: reference.time() })
    }
}
