//! `paring eval`: quality of models on all samples of a dataset.

use super::elsewhere::{self, Ask, Elsewhere};
use super::{Coded, ExitCode, Global};
use crate::data::{Dataset, Pixels, Wanted};
use crate::engine::{self, Signature, Source};
use crate::evaluate::{self, Answers, Exam, Predictor, Sampling, Scores, Task};
use crate::pipeline::{Instances, write_answers, write_instances, write_instances_csv};
use crate::record::{EngineOptions, Evaluation, Metric, Sha256Hex, TaskKind};
use crate::report;
use anyhow::anyhow;
use clap::Args;
use serde_json::json;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Evaluate models on a dataset.
#[derive(Debug, Args)]
pub(super) struct Eval {
    /// ONNX files; the first is what the others are compared with
    #[arg(required = true)]
    models: Vec<PathBuf>,
    /// An .npz file with the models' inputs and `labels`, or a folder with a labels.csv
    #[arg(long)]
    data: PathBuf,
    /// What is asked: classification, multilabel, regression, segmentation or scores
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
    /// Write every answer into this folder, one file a model
    #[arg(long)]
    predictions: Option<PathBuf>,
    /// Ask on these boards too, and say where they answer otherwise than this machine
    #[arg(long, value_name = "NAME")]
    target: Vec<String>,
    /// Write answers as CSV too
    #[arg(long, requires = "predictions")]
    csv: bool,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Meaning {
    Probabilities,
    Logits,
}

/// A model on the data.
struct Opened {
    signature: Signature,
    data: Dataset,
}

fn input(error: anyhow::Error) -> Coded {
    Coded::new(ExitCode::Input, error)
}

impl Eval {
    pub(super) fn run(self, global: &Global) -> Result<(), Coded> {
        let task = self.asked()?;
        let mut opened: Option<Opened> = None;
        let mut baseline: Option<Answers> = None;
        let mut exams = Vec::new();
        let boards = elsewhere::boards(&self.target)?;
        let mut elsewhere = Vec::new();
        for model in &self.models {
            let signature = engine::describe(Source::File(model))?;
            // Models with the same inputs read the same data.
            let same = opened.take().filter(|o| o.signature.inputs == signature.inputs);
            let data = same.map_or_else(|| self.load(&signature), |o| Ok(o.data))?;
            let now = Opened { signature, data };
            let asked = self.ask(model, &task, &now)?;
            let answers = asked.answers(model, &now.data, global)?;
            for board in &boards {
                elsewhere.push(asked.elsewhere(model, &now.data, board, &answers, global)?);
            }
            let slices = self.columns(&now.data, &self.slice);
            let id = Sha256Hex::of_file(model).map_err(|e| Coded::new(ExitCode::Internal, e))?;
            let exam = Exam::new(id, &task, &answers, baseline.as_ref(), &slices)
                .map_err(|e| input(anyhow!(e).context(model.display().to_string())))?;
            self.write(model, &answers, baseline.as_ref(), &slices)?;
            exams.push(exam);
            baseline.get_or_insert(answers);
            opened = Some(now);
        }
        let groups = opened.as_ref().zip(self.group.as_ref());
        let groups = groups.and_then(|(o, name)| o.data.columns.get(name)).map(Vec::as_slice);
        let found = evaluate::assess(&exams, &Sampling { groups, ..Sampling::default() });
        if found.is_empty() {
            return Err(input(anyhow!("{} has no samples", self.data.display())));
        }
        self.print(&found, &elsewhere, global);
        Ok(())
    }

    fn asked(&self) -> Result<Task, Coded> {
        let scores = match self.scores {
            Meaning::Probabilities => Scores::Probabilities,
            Meaning::Logits => Scores::Logits,
        };
        let mut task = Task::new(self.task, scores);
        if let Some(metric) = self.metric {
            if !Task::knows(self.task, metric) || metric.needs_baseline() {
                let error = anyhow!("--metric {metric} says nothing about {}", self.task);
                return Err(input(error));
            }
            task.primary = metric;
        }
        (task.positive, task.threshold) = (self.positive, self.threshold);
        Ok(task)
    }

    fn load(&self, signature: &Signature) -> Result<Dataset, Coded> {
        let wanted = Wanted {
            inputs: &signature.inputs,
            columns: self.slice.iter().chain(&self.group).cloned().collect(),
            extras: vec![],
            pixels: Pixels::default(),
        };
        Dataset::load(&self.data, &wanted).map_err(|e| input(e.into()))
    }

    fn columns(&self, data: &Dataset, names: &[String]) -> Vec<(String, Vec<String>)> {
        let column = |name: &String| Some((name.clone(), data.columns.get(name)?.clone()));
        names.iter().filter_map(column).collect()
    }

    fn ask(&self, model: &Path, task: &Task, opened: &Opened) -> Result<Ask, Coded> {
        let Opened { signature, data } = opened;
        let mut dims = BTreeMap::new();
        for need in &signature.inputs {
            need.bind(&data.inputs[&need.name], &mut dims).map_err(|e| input(e.into()))?;
        }
        let all = signature.outputs.join("`, `");
        let output = match &self.output {
            None if signature.outputs.len() == 1 => 0,
            None => {
                let name = model.display();
                return Err(input(anyhow!(
                    "{name} has several outputs, name one with --output: `{all}`"
                )));
            }
            Some(name) => signature.outputs.iter().position(|o| o == name).ok_or_else(|| {
                input(anyhow!("{} has no output `{name}`; it has `{all}`", model.display()))
            })?,
        };
        let batch = signature.fixed_batch().unwrap_or(1);
        let options = EngineOptions::default();
        let source = Source::File(model);
        let predictor = Predictor::load(source, batch, &dims, &options, output, task.scores)?
            .with_task(task.clone());
        Ok(Ask { predictor, dims, batch, output, options })
    }

    fn write(
        &self,
        model: &Path,
        answers: &Answers,
        baseline: Option<&Answers>,
        slices: &[(String, Vec<String>)],
    ) -> Result<(), Coded> {
        let Some(folder) = &self.predictions else { return Ok(()) };
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

    fn print(&self, found: &[Evaluation], elsewhere: &[Elsewhere], global: &Global) {
        let pairs = || self.models.iter().zip(found);
        if global.json {
            let all: Vec<_> =
                pairs().map(|(model, e)| json!({ "model": model, "evaluation": e })).collect();
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
        elsewhere.iter().for_each(Elsewhere::print);
    }
}
