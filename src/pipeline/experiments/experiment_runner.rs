//! Controlled experiments: variants with only some of their decisions, made in memory and asked the
//! report samples; each is done once for a run, found again by its key.

use super::step_replay::{ReplayCache, ReplayedGraph};
use crate::evaluate::{self, EvaluationTask, Predictor};
use crate::pipeline::{EvaluationSetup, Folders, PipelineError, RecipeInputs, attempt, replace};
use paring_agent::engine::ModelSource;
use paring_core::files::{ConfinedPath, append_lines};
use paring_core::schema::{
    EngineOptions, Experiment, ExperimentPredictions, SCHEMA, Sha256Hex, TaskKind, VariantRecord,
};
use paring_onnx::graph::Graph;
use rayon::prelude::*;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Instant;

use paring_compress::Step;

/// An experiment that is asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct ExperimentRequest {
    /// The steps to do, from the baseline on.
    pub steps: Vec<Step>,
    /// Engine options.
    pub options: EngineOptions,
    /// Its ONNX file is kept.
    pub keep: bool,
}

/// Makes experiments on one draw of calibration samples and keeps what they gave; those on disturbed
/// inputs stand in `disturbed_experiments.rs`, recipes that are tried and forgotten in `recipe_trial.rs`.
#[derive(Debug)]
pub struct ExperimentRunner<'a> {
    folders: Folders,
    pub(super) inputs: RecipeInputs,
    pub(super) subject: EvaluationSetup<'a>,
    pub(super) replays: ReplayCache,
    /// Hash over everything that experiments share.
    ground: Sha256Hex,
    pub(super) known: BTreeMap<Sha256Hex, Experiment>,
    made: usize,
}

impl<'a> ExperimentRunner<'a> {
    /// A runner in the folders of a `run`; `inputs` says on which samples recipes calibrate, `subject` on
    /// which they are asked.
    ///
    /// # Errors
    /// [`PipelineError`] where the baseline or the experiments done before cannot be read.
    pub fn open(
        run: &Folders,
        inputs: RecipeInputs,
        subject: EvaluationSetup<'a>,
    ) -> Result<Self, PipelineError> {
        let folders = run.experiments();
        let folder = folders.variants();
        folder.create_folder().map_err(PipelineError::file("create", &folder))?;
        let given = Sha256Hex::of_file(&inputs.model)
            .map_err(PipelineError::file("read", &inputs.model))?;
        let calibration = inputs.calibration.as_ref().map(|c| c.sha256.clone());
        let asked = subject.data.sha256_of(subject.samples);
        let version = env!("CARGO_PKG_VERSION");
        let rest = json!([
            given,
            calibration,
            asked,
            inputs.seed,
            inputs.dims,
            inputs.batch,
            subject.batch,
            subject.output,
            subject.task,
            version
        ]);
        let select = inputs.select.as_ref().map(|select| &select.sha256);
        // Without a training nobody looks at them.
        let rest = if select.is_some() { json!([rest, select]) } else { rest };
        let ground = Sha256Hex::of_json(&rest);
        let failed =
            |source| PipelineError::Graph { variant: crate::pipeline::BASELINE.into(), source };
        let replays = ReplayCache::new(Graph::load(&inputs.model).map_err(failed)?);
        let known = read(&folders.root().join(JOURNAL))?;
        Ok(ExperimentRunner { folders, inputs, subject, replays, ground, known, made: 0 })
    }

    /// The model and samples of this draw.
    pub fn inputs(&self) -> &RecipeInputs {
        &self.inputs
    }

    /// Experiments that were made here and now, rather than found.
    pub fn made(&self) -> usize {
        self.made
    }

    /// Does experiments, or finds them done before; in the order asked for.
    ///
    /// # Errors
    /// [`PipelineError`] where a step fails, the engine cannot run what came of it, or it cannot be
    /// kept.
    pub fn run(&mut self, wanted: &[ExperimentRequest]) -> Result<Vec<Experiment>, PipelineError> {
        let keys: Vec<Sha256Hex> = wanted.iter().map(|w| self.key(w)).collect();
        let mut todo: BTreeMap<&Sha256Hex, &ExperimentRequest> = BTreeMap::new();
        for (key, want) in keys.iter().zip(wanted) {
            let done = self.known.get(key).is_some_and(|found| {
                !want.keep || (found.kept && self.file(&found.file_sha256).exists())
            });
            if !done {
                todo.insert(key, want);
            }
        }
        let recipes: Vec<&[Step]> = todo.values().map(|want| want.steps.as_slice()).collect();
        let graphs = self.replays.play(&self.inputs, &recipes)?;
        let jobs: Vec<_> = todo.into_iter().zip(graphs).collect();
        let done: Vec<Experiment> = jobs
            .into_par_iter()
            .map(|((key, want), begun)| self.experiment(key, want, &begun))
            .collect::<Result<_, _>>()?;
        self.keep(done)?;
        let all = keys.iter().filter_map(|key| self.known.get(key).cloned());
        Ok(all.collect())
    }

    /// Appends experiments to the journal.
    pub(super) fn keep(&mut self, done: Vec<Experiment>) -> Result<(), PipelineError> {
        self.made += done.len();
        let path = self.folders.root().join(JOURNAL);
        append_lines(&path, &done).map_err(PipelineError::file("append to", &path))?;
        self.known.extend(done.into_iter().map(|e| (e.key.clone(), e)));
        Ok(())
    }

    /// The place of an experiment's ONNX file, if it is kept.
    pub fn file(&self, sha256: &Sha256Hex) -> ConfinedPath {
        self.folders.variants().join(format!("{sha256}.onnx"))
    }

    fn key(&self, wanted: &ExperimentRequest) -> Sha256Hex {
        let steps: Vec<Value> = wanted.steps.iter().map(Step::identity).collect();
        Sha256Hex::of_json(&json!([self.ground, steps, wanted.options]))
    }

    fn experiment(
        &self,
        key: &Sha256Hex,
        wanted: &ExperimentRequest,
        begun: &ReplayedGraph,
    ) -> Result<Experiment, PipelineError> {
        let name = || format!("experiment {}", key.short());
        attempt(&name(), || self.experiment_called(&name(), key, wanted, begun))
    }

    fn experiment_called(
        &self,
        name: &str,
        key: &Sha256Hex,
        wanted: &ExperimentRequest,
        begun: &ReplayedGraph,
    ) -> Result<Experiment, PipelineError> {
        let mut graph = begun.graph.clone();
        graph.rejoin_vectors();
        let bytes = graph.encode();
        let file_sha256 = Sha256Hex::of(&bytes);
        if wanted.keep {
            replace(&self.file(&file_sha256), &bytes)?;
        }
        let RecipeInputs { dims, batch, .. } = &self.inputs;
        let facts = graph.facts(dims, *batch);
        let facts =
            facts.map_err(|source| PipelineError::Graph { variant: name.to_string(), source })?;
        let cost = graph.cost(&facts.shapes);
        let predictor = self.predictor(name, ModelSource::Bytes(name, &bytes), &wanted.options)?;
        let asked = Instant::now();
        let answers = self.answers_of(name, &predictor)?;
        let asked_s = Some(asked.elapsed().as_secs_f64());
        Ok(Experiment {
            schema: SCHEMA,
            key: key.clone(),
            steps: wanted.steps.iter().map(Step::to_string).collect(),
            options: wanted.options.clone(),
            file_sha256,
            file_bytes: bytes.len() as u64,
            params: cost.params,
            macs: cost.macs.map(|macs| macs / *batch as u64),
            disturbed: None,
            refused: None,
            unsound: vec![],
            made_s: Some(begun.took.as_secs_f64()),
            asked_s,
            kept: wanted.keep,
            answers,
        })
    }

    /// Answers of a model on the samples that experiments are asked.
    ///
    /// # Errors
    /// [`PipelineError`] names the model as `name`.
    pub fn answers(
        &self,
        name: &str,
        bytes: &[u8],
        options: &EngineOptions,
    ) -> Result<ExperimentPredictions, PipelineError> {
        self.answers_of(name, &self.predictor(name, ModelSource::Bytes(name, bytes), options)?)
    }

    fn answers_of(
        &self,
        name: &str,
        predictor: &Predictor,
    ) -> Result<ExperimentPredictions, PipelineError> {
        let EvaluationSetup { data, samples, task, .. } = self.subject;
        let found = predictor.answers(data, samples, &|_| ());
        let found =
            found.map_err(|source| PipelineError::Predict { variant: name.to_string(), source })?;
        Ok(recorded(&found, task))
    }

    pub(super) fn predictor(
        &self,
        name: &str,
        source: ModelSource,
        options: &EngineOptions,
    ) -> Result<Predictor, PipelineError> {
        let EvaluationSetup { batch, dims, output, task, .. } = self.subject;
        let found = Predictor::load(source, batch, dims, options, output, task.scores);
        let engine = |source| PipelineError::Engine { variant: name.to_string(), source };
        Ok(found.map_err(engine)?.with_task((*task).clone()))
    }
}

/// Numbers of an answer without labels that experiments keep at most, evenly spread over it.
const MOST_KEPT: usize = 4_096;

/// The kept part of an experiment's answers: classes and confidences, and all numbers where the
/// primary metric needs them. Without labels at most [`MOST_KEPT`] of each answer; of pixels their
/// classes.
pub fn recorded(found: &evaluate::ModelOutputs, task: &EvaluationTask) -> ExperimentPredictions {
    let confidences: Vec<Option<f64>> = found.predictions().iter().map(|p| p.confidence).collect();
    let finite = |v: &f32| v.is_finite().then_some(*v);
    let row = |position: usize| -> Vec<Option<f32>> {
        match (found.labelled(), task.kind, found.pixels(position)) {
            (true, ..) => found.row(position).iter().map(finite).collect(),
            (false, TaskKind::Segmentation, pixels) => {
                let classes = spread(pixels.unwrap_or_default());
                classes.map(|class| (*class != u8::MAX).then_some(f32::from(*class))).collect()
            }
            (false, ..) => spread(found.row(position)).map(finite).collect(),
        }
    };
    let rows = if task.is_by_class() { 0 } else { found.len() };
    ExperimentPredictions {
        classes: found.class.clone(),
        confidences: match confidences.is_empty() {
            true => vec![None; found.len()],
            false => confidences,
        },
        values: (0..rows).flat_map(row).collect(),
    }
}

/// At most [`MOST_KEPT`] of all.
fn spread<T>(all: &[T]) -> impl Iterator<Item = &T> {
    all.iter().step_by(all.len().div_ceil(MOST_KEPT).max(1))
}

/// A folder of their own for experiments on `variant` that are measured, with their files in it.
///
/// # Errors
/// [`PipelineError::File`] names what cannot be written.
pub fn measured_experiments(
    folders: &Folders,
    variant: &str,
    records: &[VariantRecord],
) -> Result<Folders, PipelineError> {
    let own = folders.measured(variant);
    let (from, to) = (folders.experiments().variants(), own.variants());
    to.create_folder().map_err(PipelineError::file("create", &to))?;
    for record in records {
        let (from, to) = (from.join(&record.file), to.join(&record.file));
        if !to.exists() {
            let bytes = from.read().map_err(PipelineError::file("read", &from))?;
            replace(&to, &bytes)?;
        }
    }
    Ok(own)
}

/// The file of experiments in their folder, one a line.
const JOURNAL: &str = "experiments.jsonl";

/// Experiments done before. A line that is not one was torn when the program was stopped, or written
/// by a newer paring; it is done again.
fn read(path: &ConfinedPath) -> Result<BTreeMap<Sha256Hex, Experiment>, PipelineError> {
    let bytes = match path.read() {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => vec![],
        other => other.map_err(PipelineError::file("read", path))?,
    };
    let lines = bytes.split(|byte| *byte == b'\n');
    let read = lines.filter_map(|line| serde_json::from_slice::<Experiment>(line).ok());
    Ok(read.filter(|e| e.schema <= SCHEMA).map(|e| (e.key.clone(), e)).collect())
}
