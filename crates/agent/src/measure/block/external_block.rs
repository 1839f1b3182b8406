//! Blocks of another engine: its process with the job's model and inputs, alone or beside tract.

use super::block_bench::{BlockBench, sampled};
use super::block_error::BlockError;
use super::child_programs::ChildPrograms;
use super::partner_process::failed;
use crate::measure::ContentionProbe;
use crate::measure::external::{EngineModel, EngineOutput, EngineProcess, answer_agreement};
use crate::measure::sampling::{burst_length, nanos};
use paring_core::error_chain::error_chain;
use paring_core::schema::{
    AnswerAgreement, EngineProgram, ExternalEngine, JobModel, MemoryPoint, MemoryPoints,
    MissingReason, Sha256Hex, SoloBlock,
};
use paring_core::units::LatencyNs;

/// Part of a block's time that an engine has for one answer: the block's error must be told too.
const ANSWER_SHARE: f64 = 0.75;

impl BlockBench<'_> {
    /// Starts the program of another engine and has it load a model; gives the time that this took.
    pub(super) fn start_engine(
        &self,
        model: &JobModel,
        program: &EngineProgram,
        programs: &ChildPrograms,
    ) -> Result<(EngineProcess, LatencyNs), BlockError> {
        let absolute = |path: std::path::PathBuf| std::path::absolute(&path).unwrap_or(path);
        let (file, inputs) = (absolute(self.file(model)?), absolute(self.inputs_file()));
        let batches = self.batches();
        if batches.is_empty() {
            return Err(BlockError::Absent("inputs"));
        }
        let limit = nanos(self.job.rules.limit_ns).mul_f64(ANSWER_SHARE);
        let engine = || program.name.clone();
        let mut process = EngineProcess::start(&program.name, programs.engine(program), limit)
            .map_err(|source| BlockError::Program { engine: engine(), source })?;
        let load_ns = process.load(EngineModel {
            model: &file,
            inputs: &inputs,
            batches: &batches,
            threads: self.setting.threads,
            dims: &self.job.dims,
        });
        let load_ns = load_ns.map_err(|source| BlockError::Program { engine: engine(), source })?;
        Ok((process, load_ns))
    }

    /// Measures a model in another engine alone. In the first round its answers are held against
    /// tract's. The memory is that of a program in any language: it is not said.
    pub(super) fn solo_external(
        &self,
        model: &JobModel,
        programs: &ChildPrograms,
        start: MemoryPoint,
        round: u32,
    ) -> Result<SoloBlock, BlockError> {
        let program = model.engine.as_ref().ok_or(BlockError::Absent("engine"))?;
        let (mut process, load_ns) = self.start_engine(model, program, programs)?;
        let rules = &self.job.rules;
        let first = process.run(1).map_err(failed(&process))?;
        let (warmup, each) = process.warm_up(rules).map_err(failed(&process))?;
        let mut watch = ContentionProbe::new();
        let length = burst_length(each, rules);
        let bursts = sampled(length, rules, &mut || process.burst(length, &mut watch));
        let bursts = bursts.map_err(failed(&process))?;
        let (reference_after_ns, walk_after_ns) = watch.read();
        let asked = self.answered_batches();
        let outputs = asked.iter().map(|samples| process.outputs(samples));
        let outputs = outputs.collect::<Result<Vec<_>, _>>().map_err(failed(&process))?;
        process.end().map_err(failed(&process))?;
        let agreement = (round == 0).then(|| self.agreement(model, &asked, &outputs));
        let unsaid = MemoryPoint::default();
        Ok(SoloBlock {
            load_ns,
            first_ns: first.first().copied().unwrap_or_default(),
            warmup,
            bursts,
            reference_after_ns,
            walk_after_ns,
            memory: MemoryPoints {
                start,
                loaded: unsaid,
                optimised: unsaid,
                after_runs: unsaid,
                end: unsaid,
            },
            weights: None,
            kernels: vec![],
            output_sha256: digest(&outputs),
            engine: Some(ExternalEngine { agreement, ..process.facts().clone() }),
        })
    }

    /// Samples of the inferences whose answers are compared: all that there are, in batches.
    fn answered_batches(&self) -> Vec<Vec<usize>> {
        let (batch, samples) = (self.setting.batch, self.samples());
        let starts = (0..samples).step_by(batch.max(1));
        starts.map(|from| (from..from + batch).map(|sample| sample % samples).collect()).collect()
    }

    fn agreement(
        &self,
        model: &JobModel,
        asked: &[Vec<usize>],
        outputs: &[Vec<EngineOutput>],
    ) -> Result<AnswerAgreement, MissingReason> {
        let lost = |error: &(dyn std::error::Error + 'static)| {
            MissingReason(format!("tract cannot run it: {}", error_chain(error)))
        };
        let plan = self.load(model).map_err(|error| lost(&error))?.stand.plan;
        let own = asked.iter().zip(outputs).map(|(samples, outputs)| {
            let inputs = self.inputs_at(&plan, samples)?;
            Ok((plan.run_numbers(&inputs)?, outputs.as_slice()))
        });
        let own = own.collect::<Result<Vec<_>, crate::engine::EngineError>>();
        answer_agreement(&own.map_err(|error| lost(&error))?, self.samples())
    }
}

/// Digest of the values of all outputs.
fn digest(outputs: &[Vec<EngineOutput>]) -> Sha256Hex {
    let values = outputs.iter().flatten().flat_map(|output| &output.values);
    let bytes: Vec<[u8; 8]> = values.map(|v| v.unwrap_or(f64::NAN).to_le_bytes()).collect();
    Sha256Hex::of_parts(bytes.iter().map(|value| value.as_slice()))
}
