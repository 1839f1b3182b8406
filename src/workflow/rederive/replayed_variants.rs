//! Variants made again, one after the other, each from the parent that the run has.

use super::comparison::{RederivedPair, rests_on_samples};
use super::recorded_recipe::{recorded_decisions, recorded_recipe, without_samples};
use super::replay_context::ReplayContext;
use super::{Rederivation, RederivationOutcome, RederiveOptions, RederivedVariant};
use crate::ledger::Ledger;
use crate::pipeline::{
    self, BASELINE, Folders, PipelineError, RecordedStep, variant_names, variant_record,
};
use crate::workflow::WorkflowError;
use paring_compress::{CompressError, Step};
use paring_core::schema::{TrainingEnd, TrainingRecord, VariantRecord};

/// Makes variants again from the baseline, the ledger's decisions and frozen tables, in a scratch folder,
/// and holds them against the run. Nothing is measured, and nothing outside of the scratch folder written.
///
/// # Errors
/// [`WorkflowError`] where the baseline or the data are not those of the run. A variant that cannot be
/// made again is part of the result.
pub fn rederive(options: &RederiveOptions) -> Result<Rederivation, WorkflowError> {
    let folder = tempfile::tempdir().map_err(WorkflowError::TemporaryFolder)?;
    let (run, scratch) = (Folders::new(&options.run), Folders::new(folder.path()));
    let replay = ReplayContext::open(options, &run, &scratch)?;
    let baseline = variant_record(&run, BASELINE)?;
    let given = pipeline::baseline(&scratch, &replay.context.inputs)?;
    if given.file_sha256 != baseline.file_sha256 {
        return Err(WorkflowError::Option(format!(
            "{} is not the run's baseline: its SHA-256 is {}, the run was made from {}",
            options.baseline.display(),
            given.file_sha256,
            baseline.file_sha256
        )));
    }
    // A copy, because a ledger is opened for writing.
    let copy = scratch.root().join("recorded.jsonl");
    let bytes = run
        .ledger()
        .read()
        .map_err(|source| WorkflowError::ReadFile { path: run.ledger().to_path_buf(), source })?;
    pipeline::replace(&copy, &bytes)?;
    let recorded = Ledger::open(&copy, &replay.study.owner)?;
    let names = match options.variants.as_slice() {
        [] => variant_names(&run)?.into_iter().filter(|name| name != BASELINE).collect(),
        named => named.to_vec(),
    };
    let mut session = RederivationSession { run, scratch, replay, recorded };
    let variants = names.into_iter().map(|name| {
        let (outcome, machine_dependent_steps) = session.variant(&name)?;
        Ok(RederivedVariant { name, machine_dependent_steps, outcome })
    });
    let variants = variants.collect::<Result<_, WorkflowError>>()?;
    let (baseline_sha256, with_data) = (given.file_sha256, options.data.is_some());
    Ok(Rederivation { baseline_sha256, with_data, variants })
}

/// The run, and the scratch folder that its variants are made again in.
struct RederivationSession {
    run: Folders,
    scratch: Folders,
    replay: ReplayContext,
    recorded: Ledger,
}

impl RederivationSession {
    /// The outcome of a variant, and its steps that depend on the machine.
    fn variant(&mut self, name: &str) -> Result<(RederivationOutcome, Vec<String>), WorkflowError> {
        let refused = |reason: String| Ok((RederivationOutcome::NotDerived { reason }, vec![]));
        let line = pipeline::ancestry(&self.run, name)?;
        let record = &line[0];
        let Some(parent) = line.get(1) else {
            return match record.file_sha256 == variant_record(&self.scratch, BASELINE)?.file_sha256
            {
                true => Ok((RederivationOutcome::Identical, vec![])),
                false => refused("it is another baseline".into()),
            };
        };
        let recipes = &self.replay.study.recipes;
        let recipe = match recorded_recipe(&self.run, &line, recipes, &self.recorded) {
            Ok(Some(recipe)) => recipe,
            Ok(None) => return refused("neither study.toml nor the ledger has its recipe; what `paring gate --restore` puts together is not made again".into()),
            Err(error) => return refused(WorkflowError::from(error).with_causes()),
        };
        let decided = recorded_decisions(record, &recipe, &self.recorded)?;
        if let Some(reason) = irreproducible(&recipe.steps, &decided) {
            return refused(reason);
        }
        // Without samples only what needs none is done again.
        let machine_dependent = match self.replay.context.inputs.calibration {
            Some(_) => steps_on_samples(&decided),
            None => vec![],
        };
        let recipe = match self.replay.context.inputs.calibration {
            Some(_) => recipe,
            None => without_samples(&recipe, &decided)?,
        };
        self.copy_parent(parent)?;
        let mut again = Ledger::open(&self.scratch.ledger(), &self.replay.study.owner)?;
        let made = pipeline::attempt(name, || {
            pipeline::make(&self.replay.context, &mut again, &recipe, parent, &|_| ())
        });
        match made {
            Ok(made) => {
                let (run, scratch) = (&self.run, &self.scratch);
                let pair = RederivedPair { run, recorded: record, scratch, made: &made };
                Ok((pair.compare(&decided, &again), machine_dependent))
            }
            Err(error) if error.is_of_one_variant() => refused(self.reason(error)),
            Err(error) => Err(error.into()),
        }
    }

    /// Puts the parent's model, as the run has it, where the variant is made.
    fn copy_parent(&self, parent: &VariantRecord) -> Result<(), WorkflowError> {
        let path = pipeline::whole_file(&self.run, parent)?;
        let bytes = path
            .read()
            .map_err(|source| WorkflowError::ReadFile { path: path.to_path_buf(), source })?;
        Ok(pipeline::replace(&self.scratch.variants().join(&parent.file), &bytes)?)
    }

    /// The reason why a variant could not be made again, and what to do about it.
    fn reason(&self, error: PipelineError) -> String {
        let lacks_data = self.replay.context.inputs.calibration.is_none();
        match &error {
            PipelineError::Step { step, source, .. }
                if lacks_data && matches!(**source, CompressError::NoCalibration(_)) =>
            {
                format!("step `{step}` computes with the calibration samples: give --data")
            }
            _ => WorkflowError::from(error).with_causes(),
        }
    }
}

/// Steps in which samples that were run through the model decided numbers.
fn steps_on_samples(decided: &[RecordedStep]) -> Vec<String> {
    let own = decided.iter().filter(|step| rests_on_samples(std::slice::from_ref(step)));
    own.map(|step| step.step.to_string()).collect()
}

/// The reason why steps cannot be done again at all, if there is one.
fn irreproducible(steps: &[Step], decided: &[RecordedStep]) -> Option<String> {
    if let Some(step) = steps.iter().find(|step| matches!(step, Step::Import { .. })) {
        return Some(format!("step `{step}` takes what another tool made, which no step makes"));
    }
    let mut trainings = decided.iter().flat_map(|step| &step.decisions);
    let limited = |training: &TrainingRecord| training.end == TrainingEnd::TimeLimit;
    trainings.any(|(_, decision)| decision.training.as_ref().is_some_and(limited)).then(|| {
        "a time limit ended its training, so its weights depend on the machine's speed".to_string()
    })
}
