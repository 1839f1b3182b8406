//! `paring eval`: quality of models on all samples of a dataset.

use super::elsewhere::{self, Ask, Elsewhere};
use super::insight::{Insight, Seen};
use super::{Coded, ExitCode, Global};
use crate::evaluate::{self, Answers, Asked, Exam, Predictor, Sampling, Stress, Task, task_output};
use crate::pipeline::{Instances, write_answers, write_instances, write_instances_csv};
use crate::report;
use anyhow::anyhow;
use clap::Args;
use paring_agent::engine::{self, DimensionBindings, ModelSource};
use paring_core::files::ConfinedPath;
use paring_core::schema::ScoreKind;
use paring_core::schema::{
    EngineOptions, Evaluation, Metric, RobustnessScore, Sha256Hex, TaskKind,
};
use paring_data::{
    DataError, Dataset, DatasetRequest, DatasetWindows, PixelNormalization, WINDOW_BYTES,
};
use serde_json::json;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Evaluate models on a dataset.
#[derive(Debug, Args)]
pub(super) struct Eval {
    /// ONNX files; the first is what the others are compared with
    #[arg(required = true)]
    models: Vec<PathBuf>,
    /// An .npz file with the models' inputs and `labels`, or a folder with a labels.csv; without labels
    /// models are compared with the first alone
    #[arg(long)]
    data: PathBuf,
    /// What is asked: classification, multilabel, regression, segmentation, scores or sequence
    #[arg(long, default_value = "classification")]
    task: TaskKind,
    /// What the output holds: probabilities or logits
    #[arg(long, default_value = "probabilities")]
    scores: Meaning,
    /// Name of the output with the scores, where there are several
    #[arg(long)]
    output: Option<String>,
    /// The metric to name first, f1_macro say
    #[arg(long)]
    metric: Option<Metric>,
    /// The class that precision, recall and their like speak of
    #[arg(long)]
    positive: Option<usize>,
    /// From which probability or score on an answer counts as positive
    #[arg(long)]
    threshold: Option<f64>,
    /// Arrays (columns) with one value a sample that name subsets
    #[arg(long)]
    slice: Vec<String>,
    /// Array (column) of groups that are resampled whole
    #[arg(long)]
    group: Option<String>,
    /// Samples of each class were chosen beforehand: intervals take their number as given
    #[arg(long, conflicts_with = "group")]
    fixed_class_shares: bool,
    /// Ask on these boards too, and say where they answer otherwise than this machine
    #[arg(long, value_name = "NAME")]
    target: Vec<String>,
    /// Disturb the inputs, and search for ones that the models get wrong
    #[arg(long)]
    robustness: bool,
    /// Compare layer by layer what flows through the models, and list the samples hit hardest
    #[arg(long)]
    flow: bool,
    /// Write every answer into this folder, one file a model
    #[arg(long)]
    predictions: Option<PathBuf>,
    /// Inputs held in memory at once, in MiB; robustness and flow look at as many
    #[arg(long, default_value_t = WINDOW_BYTES >> 20)]
    memory: u64,
    /// Write answers as CSV too
    #[arg(long, requires = "predictions")]
    csv: bool,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Meaning {
    Probabilities,
    Logits,
}

/// A model and the first window of its data.
struct Opened {
    ask: Ask,
    data: Dataset,
    answers: Answers,
    columns: BTreeMap<String, Vec<String>>,
    /// What was asked, on these data.
    task: Task,
}

fn input(error: anyhow::Error) -> Coded {
    Coded::new(ExitCode::Input, error)
}

impl Eval {
    pub(super) fn run(self, global: &Global) -> Result<(), Coded> {
        let task = self.asked()?;
        let mut baseline: Option<Opened> = None;
        let (mut exams, mut robustness, mut insights) = (Vec::new(), Vec::new(), Vec::new());
        let boards = elsewhere::boards(&self.target, global)?;
        let mut elsewhere = Vec::new();
        for model in &self.models {
            let own = self.open(model, &task, global)?;
            for board in &boards {
                elsewhere.push(own.ask.elsewhere(model, &own.data, board, &own.head(), global)?);
            }
            let before = baseline.as_ref().map(|base| &base.answers);
            let slices = columns(&own.columns, &self.slice);
            let id = Sha256Hex::of_file(model).map_err(|e| Coded::new(ExitCode::Internal, e))?;
            let exam = Exam::new(id, &own.task, &own.answers, before, &slices)
                .map_err(|e| input(anyhow!(e).context(model.display().to_string())))?;
            self.write(model, &own.answers, before, &slices)?;
            exams.push(exam);
            if self.robustness {
                robustness.push(self.stressed(&own.task, &own, baseline.as_ref())?);
            }
            if self.flow {
                insights.push(self.insight(model, &own, baseline.as_ref())?);
            }
            baseline.get_or_insert(own);
        }
        let groups = baseline.as_ref().and_then(|base| self.groups(base));
        let fixed_class_shares = self.fixed_class_shares;
        let how = Sampling { groups, fixed_class_shares, ..Sampling::default() };
        let mut found = evaluate::assess(&exams, &how);
        if found.is_empty() {
            return Err(input(anyhow!("{} has no samples", self.data.display())));
        }
        let scored = found.iter_mut().zip(robustness);
        scored.for_each(|(evaluation, scores)| evaluation.robustness = scores);
        self.print(&found, &insights, &elsewhere, global);
        Ok(())
    }

    fn groups<'a>(&self, opened: &'a Opened) -> Option<&'a [String]> {
        opened.columns.get(self.group.as_ref()?).map(Vec::as_slice)
    }

    /// What disturbed inputs do, on the samples of the first window.
    fn stressed(
        &self,
        task: &Task,
        own: &Opened,
        base: Option<&Opened>,
    ) -> Result<Vec<RobustnessScore>, Coded> {
        let clean = own.head();
        let asked = Asked { predictor: &own.ask.predictor, clean: &clean };
        let base = base.map(|base| (&base.ask.predictor, base.head()));
        let base = base.as_ref().map(|(predictor, clean)| Asked { predictor, clean });
        let scores =
            Stress::default().run(task, &own.data, &asked, base.as_ref(), self.groups(own));
        scores.map_err(|e| input(e.into()))
    }

    fn asked(&self) -> Result<Task, Coded> {
        let scores = match self.scores {
            Meaning::Probabilities => ScoreKind::Probabilities,
            Meaning::Logits => ScoreKind::Logits,
        };
        let mut task = Task::new(self.task, scores);
        if let Some(metric) = self.metric {
            if !Task::knows(self.task, metric) {
                let error = anyhow!("--metric {metric} says nothing about {}", self.task);
                return Err(input(error));
            }
            task.primary = metric;
        }
        (task.positive, task.threshold) = (self.positive, self.threshold);
        Ok(task)
    }

    /// Asks a model about all samples, window by window.
    fn open(&self, model: &Path, task: &Task, global: &Global) -> Result<Opened, Coded> {
        let signature = engine::describe(ModelSource::File(model))?;
        let wanted = DatasetRequest {
            inputs: &signature.inputs,
            columns: self.slice.iter().chain(&self.group).cloned().collect(),
            extras: vec![],
            pixels: PixelNormalization::default(),
        };
        let data = |e: DataError| input(e.into());
        let bytes = self.memory.saturating_mul(1 << 20);
        let mut windows = DatasetWindows::open(&self.data, wanted, bytes).map_err(data)?;
        let columns = windows.columns().clone();
        let task = task.on_data(self.metric, windows.labelled()).map_err(|e| input(e.into()))?;
        let Some((_, first)) = windows.window().map_err(data)? else {
            return Err(input(anyhow!("{} has no samples", self.data.display())));
        };
        let mut dims = BTreeMap::new();
        for need in &signature.inputs {
            let rows = &first.inputs[&need.name];
            need.bind(rows.dtype(), rows.shape(), &mut dims).map_err(|e| input(e.into()))?;
        }
        let batch = signature.fixed_batch().unwrap_or(1);
        let (source, options) = (ModelSource::File(model), EngineOptions::default());
        let bindings = DimensionBindings { batch, dims: &dims };
        let output = task_output(source, bindings, &signature.outputs, self.output.as_deref());
        let output = output.map_err(|e| input(anyhow!(e).context(model.display().to_string())))?;
        let predictor = Predictor::load(source, batch, &dims, &options, output, task.scores)?
            .with_task(task.clone());
        let ask = Ask { predictor, dims, batch, output, options };
        let mut answers = ask.answers(model, &first, global)?;
        while let Some((start, window)) = windows.window().map_err(data)? {
            let mut more = ask.answers(model, &window, global)?;
            more.samples.iter_mut().for_each(|sample| *sample += start);
            answers.append(more);
        }
        Ok(Opened { ask, data: first, answers, columns, task })
    }

    fn write(
        &self,
        model: &Path,
        answers: &Answers,
        baseline: Option<&Answers>,
        slices: &[(String, Vec<String>)],
    ) -> Result<(), Coded> {
        let Some(folder) = &self.predictions else { return Ok(()) };
        let folder = ConfinedPath::root(folder);
        let name = model.file_stem().unwrap_or_default().to_string_lossy();
        let path = folder.join(format!("{name}.parquet"));
        if path.exists() {
            return Err(input(anyhow!(
                "{} exists already; name another folder as --predictions, or rename a model",
                path.display()
            )));
        }
        let predictions = answers.predictions();
        let before = baseline.map(Answers::predictions);
        let before = before.as_deref();
        let instances = Instances { answers, predictions: &predictions, before, slices };
        write_instances(&path, &instances)?;
        write_answers(&folder.join(format!("{name}.scores.safetensors")), answers)?;
        if self.csv {
            write_instances_csv(&folder.join(format!("{name}.csv")), &instances)?;
        }
        Ok(())
    }

    fn insight(&self, model: &Path, own: &Opened, base: Option<&Opened>) -> Result<Insight, Coded> {
        let head = own.head();
        let before = base.map(Opened::head);
        let base = before.as_ref().map(|answers| Seen { model: &self.models[0], answers });
        let own_seen = Seen { model, answers: &head };
        let variant = base.as_ref().map(|_| &own_seen);
        let first = base.as_ref().unwrap_or(&own_seen);
        let found = Insight::of(first, variant, &own.data, own.ask.batch, &own.ask.dims)?;
        if let Some(folder) = &self.predictions {
            let name = model.file_stem().unwrap_or_default().to_string_lossy();
            found.write(&ConfinedPath::root(folder), &name)?;
        }
        Ok(found)
    }

    fn print(
        &self,
        found: &[Evaluation],
        insights: &[Insight],
        elsewhere: &[Elsewhere],
        global: &Global,
    ) {
        let pairs = || self.models.iter().zip(found);
        if global.json {
            let flow = |position: usize| insights.get(position).map(|insight| &insight.flow);
            let all: Vec<_> = pairs()
                .enumerate()
                .map(|(p, (model, e))| json!({ "model": model, "evaluation": e, "flow": flow(p) }))
                .collect();
            match elsewhere {
                [] => say!("{:#}", json!(all)),
                _ => say!("{:#}", json!({ "models": all, "elsewhere": elsewhere })),
            }
            return;
        }
        for (model, evaluation) in pairs() {
            say!("{}: {}", model.display(), report::evaluation_line(evaluation));
        }
        for (model, evaluation) in pairs() {
            say!("\n{}: {}", model.display(), report::evaluation_text(evaluation));
        }
        for (model, insight) in self.models.iter().zip(insights) {
            say!("\n{}:\n{}", model.display(), insight.text());
        }
        elsewhere.iter().for_each(Elsewhere::print);
    }
}

impl Opened {
    /// The answers about the samples of the first window.
    fn head(&self) -> Answers {
        self.answers.take(&(0..self.data.len()).collect::<Vec<_>>())
    }
}

fn columns(all: &BTreeMap<String, Vec<String>>, names: &[String]) -> Vec<(String, Vec<String>)> {
    names.iter().filter_map(|name| Some((name.clone(), all.get(name)?.clone()))).collect()
}
