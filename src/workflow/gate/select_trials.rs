//! Variants with some groups of decisions left undone, judged on the select split as the report split would
//! judge them.

use crate::attribution::{self, GroupCoalition, GroupLevel};
use crate::evaluate::{self, BootstrapSampling, ModelOutputs, PredictionStatistics};
use crate::govern::{self, GateRow, RequirementReach, RestoredValue};
use crate::ledger::Ledger;
use crate::pipeline::{
    self, BASELINE, EvaluationSetup, ExperimentRequest, ExperimentRunner, Folders, PipelineError,
    RecordedStep, variant_record,
};
use crate::workflow::WorkflowError;
use crate::workflow::open_run::OpenRun;
use paring_compress::Step;
use paring_core::schema::{
    DecisionGroup, Evaluation, ExecutionSetting, Experiment, FileName, Measurement, MissingReason,
    ReplayedDecision, Requirement, SCHEMA, VariantRecord,
};
use std::collections::BTreeSet;

/// Draws of a bootstrap behind a trial's intervals.
const RESAMPLES: usize = 2_000;

/// The size that a search gives back as little of as it can.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RestoreCost {
    /// Multiply-accumulates of one sample.
    Macs,
    /// Bytes of the ONNX file.
    Bytes,
}

/// Trials of one variant.
pub(super) struct SelectTrials<'a> {
    folders: Folders,
    setup: EvaluationSetup<'a>,
    runner: ExperimentRunner<'a>,
    requirements: &'a [Requirement],
    by: RestoreCost,
    baseline: VariantRecord,
    baseline_answers: ModelOutputs,
    baseline_exam: PredictionStatistics,
    pub(super) variant: VariantRecord,
    pub(super) groups: Vec<DecisionGroup>,
    done: Vec<RecordedStep>,
    pieces: Vec<Vec<(usize, ReplayedDecision)>>,
    /// Width of an interval on the report split over that on the select split.
    factor: f64,
    reach: Option<RequirementReach>,
}

impl<'a> SelectTrials<'a> {
    /// Trials of a variant of the run, in at most `most` groups.
    ///
    /// # Errors
    /// [`WorkflowError`] of a variant that cannot be replayed, and where the run has no select samples.
    pub(super) fn begin(
        run: &'a OpenRun,
        name: &str,
        requirements: &'a [Requirement],
        (by, most): (RestoreCost, usize),
    ) -> Result<Self, WorkflowError> {
        let OpenRun { directory, study, loaded } = run;
        let folders = directory.folders.clone();
        let select = &loaded.splits.select;
        if select.is_empty() {
            return Err(WorkflowError::Option(
                "the study has no select samples, on which restorations are chosen: give `splits` under [data] a share to `select`".into(),
            ));
        }
        let line = pipeline::ancestry(&folders, name)?;
        let ledger = Ledger::open(&folders.ledger(), &study.owner)?;
        let done = pipeline::recorded_steps(&line, &study.recipes, &ledger)?;
        let groups = attribution::groups(&done, GroupLevel::Layer, most);
        let pieces = attribution::pieces(&groups, &done);
        let setup = EvaluationSetup { samples: select, ..run.evaluation_setup() };
        let runner = ExperimentRunner::open(&folders, run.context()?.inputs, setup)?;
        let baseline = variant_record(&folders, BASELINE)?;
        let baseline_answers = setup.answers(&folders, &baseline)?;
        let slices = setup.own_slices();
        let id = baseline.variant_id.clone();
        let baseline_exam =
            PredictionStatistics::new(id, setup.task, &baseline_answers, None, &slices);
        let baseline_exam = baseline_exam.map_err(other_samples(BASELINE))?;
        let (own, reported) = (select.len() as f64, loaded.splits.report.len().max(1) as f64);
        Ok(SelectTrials {
            variant: variant_record(&folders, name)?,
            factor: (own / reported).sqrt(),
            reach: None,
            folders,
            setup,
            runner,
            requirements,
            by,
            baseline,
            baseline_answers,
            baseline_exam,
            groups,
            done,
            pieces,
        })
    }

    /// The recipe from the baseline on, with these groups left undone.
    ///
    /// # Errors
    /// [`PipelineError::Step`] names a step that cannot be replayed.
    pub(super) fn steps(&self, restored: &BTreeSet<usize>) -> Result<Vec<Step>, PipelineError> {
        let all = GroupCoalition::full(self.groups.len());
        let set = restored.iter().fold(all, |set, group| set.without(*group));
        attribution::recipe(&self.done, &self.pieces, set)
    }

    /// The worth of the variant with these groups put back.
    ///
    /// # Errors
    /// [`WorkflowError`] where it cannot be made or asked.
    pub(super) fn value(
        &mut self,
        restored: &BTreeSet<usize>,
    ) -> Result<RestoredValue, WorkflowError> {
        let options = self.variant.options.clone();
        let request = ExperimentRequest { steps: self.steps(restored)?, options, keep: true };
        let [made] = <[Experiment; 1]>::try_from(self.runner.run(&[request])?)
            .map_err(|all| WorkflowError::Option(format!("{} experiments of one", all.len())))?;
        let evaluation = self.evaluation(&made)?;
        let record = VariantRecord {
            file_bytes: made.file_bytes,
            params: made.params,
            macs: made.macs,
            ..self.variant.clone()
        };
        let measurement = unmeasured(&record);
        let row = |variant, evaluation| GateRow {
            variant,
            evaluation,
            evaluation_missing: None,
            target: "",
            emulated: false,
            measurement: &measurement,
        };
        let rows = [row(&self.baseline, None), row(&record, Some(&evaluation))];
        let cells = govern::judge(self.requirements, &rows);
        let reach = self
            .reach
            .get_or_insert_with(|| RequirementReach::of(&cells, self.requirements, self.factor));
        let (shortfall, passes) = govern::shortfall(&cells, self.requirements, reach, self.factor);
        let bytes = made.file_bytes as f64;
        let cost = match self.by {
            RestoreCost::Macs => made.macs.map_or(bytes, |macs| macs as f64),
            RestoreCost::Bytes => bytes,
        };
        Ok(RestoredValue { shortfall, cost, passes })
    }

    /// The evaluation of an experiment on the select split; its file is removed.
    fn evaluation(&self, made: &Experiment) -> Result<Evaluation, WorkflowError> {
        let name = format!("{} with less undone", self.variant.name);
        let file = FileName::try_from(format!("{}.onnx", made.file_sha256));
        let file = file.map_err(|error| WorkflowError::Option(error.to_string()))?;
        let record = VariantRecord { name, file, ..self.variant.clone() };
        let answers = self.setup.answers(&self.folders.experiments(), &record)?;
        let path = self.runner.file(&made.file_sha256);
        path.remove().map_err(PipelineError::file("remove", &path))?;
        let slices = self.setup.own_slices();
        let before = Some(&self.baseline_answers);
        let id = made.file_sha256.clone();
        let exam = PredictionStatistics::new(id, self.setup.task, &answers, before, &slices)
            .map_err(other_samples(&record.name))?;
        let groups = self.setup.own_groups();
        let how = BootstrapSampling {
            groups: groups.as_deref(),
            fixed_class_shares: self.setup.fixed_class_shares,
            resamples: RESAMPLES,
            ..BootstrapSampling::default()
        };
        let found = evaluate::evaluate_variants(&[self.baseline_exam.clone(), exam], &how);
        let none = || WorkflowError::Option("there are no select samples".into());
        found.into_iter().nth(1).ok_or_else(none)
    }
}

fn other_samples(variant: &str) -> impl Fn(evaluate::SampleMismatch) -> PipelineError {
    let variant = variant.to_string();
    move |source| PipelineError::OtherSamples { variant: variant.clone(), source }
}

/// A measurement of something that no target has run.
fn unmeasured(variant: &VariantRecord) -> Measurement {
    let none = || MissingReason("it was not measured".into());
    Measurement {
        schema: SCHEMA,
        variant_id: variant.variant_id.clone(),
        setting: ExecutionSetting::of_batch(1),
        latency: Err(none()),
        speed: Err(none()),
        energy: Err(none()),
        sustained: None,
        started_at: None,
        invalid_reasons: vec![],
    }
}
