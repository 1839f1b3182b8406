//! One block: what a fresh process does with one variant, or with a variant and its baseline.

use super::block_error::BlockError;
use super::processor_affinity::keep_on;
use crate::arrays::{Array, read_tensors};
use crate::engine::{
    self, AnalysedModel, DimensionBindings, EngineError, InferencePlan, ModelSource,
};
use crate::measure::sampling::{SampledModel, nanos};
use crate::measure::{ContentionProbe, InputCycle, allocated, count_allocations};
use crate::sensors;
use paring_core::schema::{
    ExecutionSetting, Job, JobModel, MemoryPoint, MemoryPoints, SampleBurst, SampleRules,
    Sha256Hex, SoloBlock, WeightBytes,
};
use paring_core::units::{Bytes, LatencyNs};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;

/// At most this many different inputs are cycled: enough to be real, few enough to stay in cache
/// on a board as they would in use.
const DISTINCT_INPUTS: usize = 8;

pub(crate) fn memory() -> MemoryPoint {
    let mut point = sensors::memory(sensors::root());
    (point.heap_bytes, point.peak_heap_bytes) = allocated().unzip();
    point
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

/// A job and its inputs, in one setting.
pub(crate) struct BlockBench<'a> {
    pub(crate) job: &'a Job,
    folder: &'a Path,
    pub(crate) setting: ExecutionSetting,
    arrays: BTreeMap<String, Array>,
}

/// A model that is ready, and what it took.
pub(crate) struct LoadedModel {
    pub(crate) stand: SampledModel,
    load_ns: LatencyNs,
    analysed: MemoryPoint,
    weights: WeightBytes,
}

impl<'a> BlockBench<'a> {
    /// Keeps this process where the job wants it, and reads the inputs.
    pub(crate) fn open(
        job: &'a Job,
        folder: &'a Path,
        setting: ExecutionSetting,
    ) -> Result<Self, BlockError> {
        keep_on(&job.affinity)?;
        engine::use_threads(setting.threads);
        Ok(BlockBench { job, folder, setting, arrays: inputs(job, folder)? })
    }

    pub(crate) fn model(&self, id: &Sha256Hex) -> Result<&'a JobModel, BlockError> {
        let found = self.job.models.iter().find(|m| m.variant_id == *id);
        found.ok_or(BlockError::Absent("such variant"))
    }

    pub(crate) fn baseline(&self) -> Result<&'a JobModel, BlockError> {
        self.job.models.iter().find(|m| m.baseline).ok_or(BlockError::Absent("baseline"))
    }

    pub(crate) fn load(&self, model: &JobModel) -> Result<LoadedModel, BlockError> {
        let path = self.folder.join(&model.path);
        verify(&path, &model.sha256)?;
        let engine = |source| BlockError::Engine { model: model.name.clone(), source };
        let bindings = DimensionBindings { batch: self.setting.batch, dims: &self.job.dims };
        let start = Instant::now();
        let analysed = AnalysedModel::load(ModelSource::File(&path), bindings).map_err(engine)?;
        let paused = Instant::now();
        let (memory, own) = (memory(), Bytes(analysed.constant_bytes()));
        let probing = paused.elapsed();
        let plan = analysed.optimise(&model.options).map_err(engine)?;
        let load_ns = (start.elapsed() - probing).into();
        let cycle = self.cycle(&plan).map_err(engine)?.ok_or(BlockError::Absent("inputs"))?;
        let weights = WeightBytes { model: own, packed: Bytes(plan.constant_bytes()) };
        let stand = SampledModel::new(plan, cycle, self.setting.streams);
        Ok(LoadedModel { stand, load_ns, analysed: memory, weights })
    }

    /// Inputs of one batch each, from consecutive samples, wrapping around.
    fn cycle(&self, plan: &InferencePlan) -> Result<Option<InputCycle>, EngineError> {
        let (batch, samples) =
            (self.setting.batch, self.arrays.values().map(Array::rows).min().unwrap_or(0));
        if samples == 0 {
            return Ok(None);
        }
        let groups = (samples / batch).clamp(1, DISTINCT_INPUTS);
        let prepared = (0..groups).map(|group| {
            let indices: Vec<usize> = (0..batch).map(|i| (group * batch + i) % samples).collect();
            let arrays = self.arrays.iter().map(|(name, a)| (name.clone(), a.take(&indices)));
            plan.inputs(&arrays.collect())
        });
        Ok(InputCycle::new(prepared.collect::<Result<_, _>>()?))
    }

    pub(crate) fn solo(
        &self,
        model: &JobModel,
        start: MemoryPoint,
    ) -> Result<SoloBlock, BlockError> {
        let engine = |source| BlockError::Engine { model: model.name.clone(), source };
        let LoadedModel { mut stand, load_ns, analysed, weights } = self.load(model)?;
        let optimised = memory();
        let rules = &self.job.rules;
        let begun = Instant::now();
        stand.plan.execute(&stand.cycle.all()[0]).map_err(engine)?;
        let first_ns = begun.elapsed().into();
        let (warmup, each) = stand.warm_up(rules).map_err(engine)?;
        // The model's memory, before the samples and the loops that watch take theirs.
        let after_runs = memory();
        count_allocations(false);

        let mut watch = ContentionProbe::new();
        let bursts = sampled(&mut stand, each, rules, &mut watch).map_err(engine)?;
        let (reference_after_ns, walk_after_ns) = watch.read();
        let end = memory();

        let digests = stand.cycle.all().iter().map(|inputs| stand.plan.digest(inputs));
        let digests = digests.collect::<Result<Vec<_>, _>>().map_err(engine)?;
        Ok(SoloBlock {
            load_ns,
            first_ns,
            warmup,
            bursts,
            reference_after_ns,
            walk_after_ns,
            memory: MemoryPoints { start, loaded: analysed, optimised, after_runs, end },
            weights: Some(weights),
            kernels: stand.plan.kernels(),
            output_sha256: Sha256Hex::of_parts(digests.iter().map(|d| d.as_str().as_bytes())),
        })
    }
}

/// Bursts of one model for as long as the rules say.
fn sampled(
    stand: &mut SampledModel,
    each: LatencyNs,
    rules: &SampleRules,
    watch: &mut ContentionProbe,
) -> Result<Vec<SampleBurst>, EngineError> {
    let length = stand.length(each, rules);
    let (mut bursts, mut count) = (Vec::new(), 0);
    let begun = Instant::now();
    while bursts.len() < 2 || (begun.elapsed() < nanos(rules.solo_ns) && count < rules.max_samples)
    {
        bursts.push(stand.burst(length, watch)?);
        count += length as u32;
    }
    Ok(bursts)
}
