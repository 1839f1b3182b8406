//! Evaluation of models on all samples of a dataset, window by window.

use super::answered_model::{AnsweredModel, columns};
use super::attacks::AttackedModels;
use super::board_answers::{BoundModel, boards};
use super::insight::{InsightSubject, ModelInsight};
use super::options::EvaluateOptions;
use crate::evaluate::{
    self, BootstrapSampling, EvaluationTask, ModelOutputs, PredictionStatistics, Predictor,
    RobustnessTest, TestedModel, task_output,
};
use crate::pipeline::{Instances, write_answers, write_instances, write_instances_csv};
use crate::report::BoardAgreement;
use crate::workflow::{Progress, WorkflowError, refuse_unapproved_models};
use paring_agent::engine::{self, DimensionBindings, ModelSource};
use paring_core::files::ConfinedPath;
use paring_core::schema::{
    DegradedSample, EngineOptions, Evaluation, LayerFlow, RobustnessScore, Sha256Hex,
};
use paring_data::{DatasetRequest, DatasetWindows};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// An evaluated model.
#[derive(Clone, Debug)]
pub struct ModelEvaluation {
    /// Its file.
    pub model: PathBuf,
    /// Its quality.
    pub evaluation: Evaluation,
    /// Flow of features through its layers, and the samples hit hardest, where they were asked for.
    pub flow: Option<(Vec<LayerFlow>, Vec<DegradedSample>)>,
}

/// Evaluated models, and boards that were asked too.
#[derive(Clone, Debug)]
pub struct EvaluationResult {
    /// Models in the order given.
    pub models: Vec<ModelEvaluation>,
    /// Answers of boards, model by model.
    pub boards: Vec<BoardAgreement>,
}

/// Evaluates models.
///
/// # Errors
/// [`WorkflowError`] where a model, the data or the questions do not fit, or a board fails.
pub fn evaluate(
    options: &EvaluateOptions,
    progress: &Progress,
) -> Result<EvaluationResult, WorkflowError> {
    let task = options.labelled_task()?;
    let mut baseline: Option<AnsweredModel> = None;
    let (mut exams, mut robustness, mut flows) = (Vec::new(), Vec::new(), Vec::new());
    let mut attacks = AttackedModels::default();
    let targets = boards(&options.targets, options.trust)?;
    for target in &targets {
        refuse_unapproved_models(options.models.iter().map(PathBuf::as_path), target)?;
    }
    let mut boards = Vec::new();
    for model in &options.models {
        let answered = options.open(model, &task, progress)?;
        for target in &targets {
            let (bound, data, here) = (&answered.bound, &answered.data, answered.head());
            boards.push(bound.agreement(model, data, target, &here, progress)?);
        }
        let before = baseline.as_ref().map(|base| &base.answers);
        let slices = columns(&answered.columns, &options.slices);
        let id = Sha256Hex::of_file(model).map_err(WorkflowError::HashModel)?;
        let exam =
            PredictionStatistics::new(id, &answered.task, &answered.answers, before, &slices);
        let failed = |source| WorkflowError::OtherSamples { model: model.clone(), source };
        exams.push(exam.map_err(failed)?);
        options.write(model, &answered.answers, before, &slices)?;
        let mut scores = Vec::new();
        if options.robustness {
            scores.extend(options.stressed(&answered.task, &answered, baseline.as_ref())?);
        }
        scores.extend(attacks.attack(options, model, &answered)?);
        robustness.push(scores);
        if options.flow {
            flows.push(options.insight(model, &answered, baseline.as_ref())?);
        }
        baseline.get_or_insert(answered);
    }
    let groups = baseline.as_ref().and_then(|base| options.groups(base));
    let fixed_class_shares = options.fixed_class_shares;
    let sampling = BootstrapSampling { groups, fixed_class_shares, ..BootstrapSampling::default() };
    let mut evaluations = evaluate::evaluate_variants(&exams, &sampling);
    if evaluations.is_empty() {
        return Err(options.no_samples());
    }
    let scored = evaluations.iter_mut().zip(robustness);
    scored.for_each(|(evaluation, scores)| evaluation.robustness = scores);
    let mut flows = flows.into_iter().map(|insight| (insight.flow, insight.hits));
    let models = options.models.iter().zip(evaluations).map(|(model, evaluation)| {
        ModelEvaluation { model: model.clone(), evaluation, flow: flows.next() }
    });
    Ok(EvaluationResult { models: models.collect(), boards })
}

impl EvaluateOptions {
    fn no_samples(&self) -> WorkflowError {
        WorkflowError::Option(format!("{} has no samples", self.data.display()))
    }

    pub(super) fn groups<'a>(&self, opened: &'a AnsweredModel) -> Option<&'a [String]> {
        opened.columns.get(self.group.as_ref()?).map(Vec::as_slice)
    }

    /// Scores under disturbed inputs, on the samples of the first window.
    fn stressed(
        &self,
        task: &EvaluationTask,
        answered: &AnsweredModel,
        base: Option<&AnsweredModel>,
    ) -> Result<Vec<RobustnessScore>, WorkflowError> {
        let clean = answered.head();
        let tested = TestedModel { predictor: &answered.bound.predictor, clean: &clean };
        let base = base.map(|base| (&base.bound.predictor, base.head()));
        let base = base.as_ref().map(|(predictor, clean)| TestedModel { predictor, clean });
        let scores = RobustnessTest::default().run(
            task,
            &answered.data,
            &tested,
            base.as_ref(),
            self.groups(answered),
        );
        scores.map_err(WorkflowError::Robustness)
    }

    /// The task, with a metric that says something about it.
    fn labelled_task(&self) -> Result<EvaluationTask, WorkflowError> {
        let mut task = EvaluationTask::new(self.task, self.scores);
        if let Some(metric) = self.metric {
            if !EvaluationTask::knows(self.task, metric) {
                let problem = format!("--metric {metric} says nothing about {}", self.task);
                return Err(WorkflowError::Option(problem));
            }
            task.primary = metric;
        }
        (task.positive, task.threshold) = (self.positive, self.threshold);
        Ok(task)
    }

    /// Asks a model about all samples, window by window.
    fn open(
        &self,
        model: &Path,
        task: &EvaluationTask,
        progress: &Progress,
    ) -> Result<AnsweredModel, WorkflowError> {
        let signature = engine::describe(ModelSource::File(model))?;
        let wanted = DatasetRequest {
            inputs: &signature.inputs,
            columns: self.slices.iter().chain(&self.group).cloned().collect(),
            extras: vec![],
            rules: self.rules.clone(),
        };
        let mut windows = DatasetWindows::open(&self.data, wanted, self.window_bytes)?;
        let columns = windows.columns().clone();
        let task = task.on_data(self.metric, windows.labelled())?;
        let Some((_, first)) = windows.window()? else {
            return Err(self.no_samples());
        };
        let mut dims = BTreeMap::new();
        for need in &signature.inputs {
            let rows = &first.inputs[&need.name];
            need.bind(rows.dtype(), rows.shape(), &mut dims)?;
        }
        let batch = signature.fixed_batch().unwrap_or(1);
        let (source, options) = (ModelSource::File(model), EngineOptions::default());
        let bindings = DimensionBindings { batch, dims: &dims };
        let output = task_output(source, bindings, &signature.outputs, self.output.as_deref());
        let output = output
            .map_err(|source| WorkflowError::ModelOutput { model: model.to_path_buf(), source })?;
        let predictor = Predictor::load(source, batch, &dims, &options, output, task.scores)?
            .with_task(task.clone());
        let bound = BoundModel { predictor, dims, batch, output, options };
        let mut answers = bound.answers(model, &first, progress)?;
        while let Some((start, window)) = windows.window()? {
            let mut more = bound.answers(model, &window, progress)?;
            more.samples.iter_mut().for_each(|sample| *sample += start);
            answers.append(more);
        }
        Ok(AnsweredModel { bound, data: first, answers, columns, task })
    }

    fn write(
        &self,
        model: &Path,
        answers: &ModelOutputs,
        baseline: Option<&ModelOutputs>,
        slices: &[(String, Vec<String>)],
    ) -> Result<(), WorkflowError> {
        let Some(folder) = &self.predictions else { return Ok(()) };
        let folder = ConfinedPath::root(folder);
        let name = model.file_stem().unwrap_or_default().to_string_lossy();
        let path = folder.join(format!("{name}.parquet"));
        if path.exists() {
            return Err(WorkflowError::Option(format!(
                "{} exists already; name another folder as --predictions, or rename a model",
                path.display()
            )));
        }
        let predictions = answers.predictions();
        let before = baseline.map(ModelOutputs::predictions);
        let before = before.as_deref();
        let instances = Instances { answers, predictions: &predictions, before, slices };
        write_instances(&path, &instances)?;
        write_answers(&folder.join(format!("{name}.scores.safetensors")), answers)?;
        if self.csv {
            write_instances_csv(&folder.join(format!("{name}.csv")), &instances)?;
        }
        Ok(())
    }

    fn insight(
        &self,
        model: &Path,
        answered: &AnsweredModel,
        base: Option<&AnsweredModel>,
    ) -> Result<ModelInsight, WorkflowError> {
        let head = answered.head();
        let before = base.map(AnsweredModel::head);
        let base =
            before.as_ref().map(|answers| InsightSubject { model: &self.models[0], answers });
        let subject = InsightSubject { model, answers: &head };
        let variant = base.as_ref().map(|_| &subject);
        let first = base.as_ref().unwrap_or(&subject);
        let insight = ModelInsight::of(
            first,
            variant,
            &answered.data,
            answered.bound.batch,
            &answered.bound.dims,
        )?;
        if let Some(folder) = &self.predictions {
            let name = model.file_stem().unwrap_or_default().to_string_lossy();
            insight.write(&ConfinedPath::root(folder), &name)?;
        }
        Ok(insight)
    }
}
