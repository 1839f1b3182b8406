//! Variants with some groups of decisions left undone, judged on the select split as the report split would
//! judge them.

use super::measured_group_costs::{MeasuredCost, explained_losses, measured_group_costs};
use crate::attribution::{self, GroupCoalition, GroupLevel};
use crate::evaluate::{self, BootstrapSampling, ModelOutputs, PredictionStatistics};
use crate::govern::{
    self, CandidateTuning, GateRow, RequirementReach, RestorationSpace, RestorationState,
    RestoredValue,
};
use crate::ledger::Ledger;
use crate::pipeline::{
    self, BASELINE, EvaluationSetup, ExperimentRunner, Folders, PipelineError, RecordedStep,
    StepTuning, TriedRecipe, variant_record,
};
use crate::workflow::WorkflowError;
use crate::workflow::open_run::OpenRun;
use paring_compress::Step;
use paring_core::schema::{
    DecisionGroup, Evaluation, ExecutionSetting, Measurement, MissingReason, ReplayedDecision,
    Requirement, SCHEMA, VariantRecord,
};

/// Scope of a search.
pub(super) struct RestorationScope {
    pub(super) by: RestoreCost,
    /// The target that costs are of, where they are measured.
    pub(super) target: Option<String>,
    /// Maximum number of groups of decisions.
    pub(super) groups: usize,
}

/// Draws of a bootstrap behind a trial's intervals.
const RESAMPLES: usize = 2_000;

/// The cost that a search gives back as little of as it can.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RestoreCost {
    /// Multiply-accumulates of one sample.
    Macs,
    /// Bytes of the ONNX file.
    Bytes,
    /// Figures that were measured of each group on a target.
    Measured(MeasuredCost),
}

impl RestoreCost {
    /// As the command line says it.
    pub fn name(self) -> &'static str {
        match self {
            RestoreCost::Macs => "macs",
            RestoreCost::Bytes => "bytes",
            RestoreCost::Measured(MeasuredCost::Microseconds) => "microseconds",
            RestoreCost::Measured(MeasuredCost::Millijoules) => "millijoules",
        }
    }
}

/// Costs of variants with some groups put back.
enum StateCosts {
    Macs,
    Bytes,
    /// Of each group that is put back.
    Groups(Vec<f64>),
}

impl StateCosts {
    fn of(
        scope: &RestorationScope,
        folders: &Folders,
        variant: &VariantRecord,
        groups: &[DecisionGroup],
    ) -> Result<StateCosts, WorkflowError> {
        Ok(match scope.by {
            RestoreCost::Macs => StateCosts::Macs,
            RestoreCost::Bytes => StateCosts::Bytes,
            RestoreCost::Measured(cost) => {
                let target = scope.target.as_deref().unwrap_or_default();
                let each = measured_group_costs(folders, variant, groups, cost, target)?;
                StateCosts::Groups(each)
            }
        })
    }
}

/// Trials of one variant.
pub(super) struct SelectTrials<'a> {
    setup: EvaluationSetup<'a>,
    runner: ExperimentRunner<'a>,
    requirements: &'a [Requirement],
    costs: StateCosts,
    baseline: VariantRecord,
    baseline_answers: ModelOutputs,
    baseline_exam: PredictionStatistics,
    pub(super) variant: VariantRecord,
    pub(super) groups: Vec<DecisionGroup>,
    /// Other settings that quantize steps could have.
    pub(super) tunings: Vec<StepTuning>,
    /// Loss that an explanation of the variant counts to each group.
    pub(super) explained: Vec<Option<f64>>,
    done: Vec<RecordedStep>,
    pieces: Vec<Vec<(usize, ReplayedDecision)>>,
    /// Width of an interval on the report split over that on the select split.
    factor: f64,
    reach: Option<RequirementReach>,
}

impl<'a> SelectTrials<'a> {
    /// Trials of a variant of the run, in at most as many groups as `scope` says.
    ///
    /// # Errors
    /// [`WorkflowError`] of a variant that cannot be replayed, and where the run has no select samples.
    pub(super) fn begin(
        run: &'a OpenRun,
        name: &str,
        requirements: &'a [Requirement],
        scope: &RestorationScope,
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
        let groups = attribution::groups(&done, GroupLevel::Layer, scope.groups);
        let pieces = attribution::pieces(&groups, &done);
        let variant = variant_record(&folders, name)?;
        let costs = StateCosts::of(scope, &folders, &variant, &groups)?;
        let setup = EvaluationSetup { samples: select, ..run.evaluation_setup() };
        let inputs = run.context()?.inputs;
        // What other kernels cost nobody has measured.
        let other_kernels = !matches!(costs, StateCosts::Groups(_));
        let tunings =
            pipeline::quantization_tunings(&done, inputs.calibration.is_some(), other_kernels);
        let runner = ExperimentRunner::open(&folders, inputs, setup)?;
        let baseline = variant_record(&folders, BASELINE)?;
        let baseline_answers = setup.answers(&folders, &baseline)?;
        let slices = setup.own_slices();
        let id = baseline.variant_id.clone();
        let baseline_exam =
            PredictionStatistics::new(id, setup.task, &baseline_answers, None, &slices);
        let baseline_exam = baseline_exam.map_err(other_samples(BASELINE))?;
        let (own, reported) = (select.len() as f64, loaded.splits.report.len().max(1) as f64);
        Ok(SelectTrials {
            explained: explained_losses(&folders, &variant, &groups),
            variant,
            factor: (own / reported).sqrt(),
            reach: None,
            setup,
            runner,
            requirements,
            costs,
            baseline,
            baseline_answers,
            baseline_exam,
            groups,
            tunings,
            done,
            pieces,
        })
    }

    /// Groups and settings that a search may change, in the order of trying.
    pub(super) fn space(&self) -> RestorationSpace {
        let quantized_by = |group: &DecisionGroup| {
            let steps = group.parts.iter().map(|part| part.step);
            let mut quantizing = steps
                .filter(|step| matches!(self.done.get(*step), Some(done) if matches!(done.step, Step::Quantize(_))));
            quantizing.next()
        };
        let mut order: Vec<usize> = (0..self.groups.len()).collect();
        let loss = |group: &usize| self.explained.get(*group).copied().flatten().unwrap_or(0.0);
        order.sort_by(|a, b| loss(b).total_cmp(&loss(a)));
        let tunings = self.tunings.iter();
        RestorationSpace {
            quantized_by: self.groups.iter().map(quantized_by).collect(),
            tunings: tunings
                .map(|own| CandidateTuning { step: own.step, setting: own.tuning.setting() })
                .collect(),
            order,
        }
    }

    /// The recipe from the baseline on, with some groups left undone and some settings tuned.
    ///
    /// # Errors
    /// [`PipelineError::Step`] names a step that cannot be replayed.
    pub(super) fn steps(&self, state: &RestorationState) -> Result<Vec<Step>, PipelineError> {
        let all = GroupCoalition::full(self.groups.len());
        let set = state.restored.iter().fold(all, |set, group| set.without(*group));
        let tuned: Vec<StepTuning> =
            state.tuned.iter().filter_map(|tuning| self.tunings.get(*tuning).copied()).collect();
        attribution::recipe(&StepTuning::applied(&tuned, &self.done), &self.pieces, set)
    }

    /// The worth of the variant in a state.
    ///
    /// # Errors
    /// [`WorkflowError`] where it cannot be made or asked.
    pub(super) fn value(
        &mut self,
        state: &RestorationState,
    ) -> Result<RestoredValue, WorkflowError> {
        let steps = self.steps(state)?;
        let made = self.runner.try_recipe(&steps, &self.variant.options)?;
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
        let unknown = || {
            WorkflowError::Option(
                "the multiply-accumulates of a variant are not known, because a shape is not: give `--by bytes`".into(),
            )
        };
        let cost = match &self.costs {
            StateCosts::Macs => made.macs.ok_or_else(unknown)? as f64,
            StateCosts::Bytes => made.file_bytes as f64,
            StateCosts::Groups(each) => {
                state.restored.iter().filter_map(|group| each.get(*group)).sum()
            }
        };
        Ok(RestoredValue { shortfall, cost, passes })
    }

    /// The evaluation of a trial on the select split.
    fn evaluation(&self, made: &TriedRecipe) -> Result<Evaluation, WorkflowError> {
        let slices = self.setup.own_slices();
        let before = Some(&self.baseline_answers);
        let id = made.file_sha256.clone();
        let exam = PredictionStatistics::new(id, self.setup.task, &made.outputs, before, &slices)
            .map_err(other_samples(&self.variant.name))?;
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
