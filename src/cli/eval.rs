//! `paring eval`: accuracy of models on all samples of a dataset.

use super::progress::bar;
use super::{Coded, ExitCode, Global};
use crate::data::{Dataset, Pixels, Wanted};
use crate::engine::{self, Source};
use crate::evaluate::{self, Predictor, Scores};
use crate::pipeline::write_predictions;
use crate::record::{EngineOptions, Evaluation, Sha256Hex};
use crate::report;
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
    /// What the output holds: probabilities or logits
    #[arg(long, default_value = "probabilities")]
    scores: Meaning,
    /// Name of the output with the scores, where there are several
    #[arg(long)]
    output: Option<String>,
    /// Write every answer as Parquet into this folder, one file a model
    #[arg(long)]
    predictions: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Meaning {
    Probabilities,
    Logits,
}

impl Eval {
    pub(super) fn run(self, global: &Global) -> Result<(), Coded> {
        let mut baseline: Option<Vec<crate::record::Prediction>> = None;
        let mut found: Vec<(PathBuf, Evaluation)> = Vec::new();
        for model in &self.models {
            let predictions = self.predictions_of(model, global)?;
            let id = Sha256Hex::of_file(model).map_err(|e| Coded::new(ExitCode::Internal, e))?;
            let evaluation = match &baseline {
                None => evaluate::evaluate(&id, &predictions, None),
                Some(base) => evaluate::compare(&id, &predictions, base, None),
            };
            let evaluation = evaluation.ok_or_else(|| {
                Coded::new(
                    ExitCode::Input,
                    anyhow::anyhow!("{} has no samples", self.data.display()),
                )
            })?;
            if let Some(folder) = &self.predictions {
                let name = model.file_stem().unwrap_or_default().to_string_lossy();
                let path = folder.join(format!("{name}.parquet"));
                if path.exists() {
                    let error = anyhow::anyhow!(
                        "{} exists already; name another folder as --predictions, or rename a model",
                        path.display()
                    );
                    return Err(Coded::new(ExitCode::Input, error));
                }
                write_predictions(&path, &predictions)?;
            }
            baseline.get_or_insert(predictions);
            found.push((model.clone(), evaluation));
        }
        if global.json {
            let all: Vec<_> =
                found.iter().map(|(model, e)| json!({ "model": model, "evaluation": e })).collect();
            say!("{:#}", json!(all));
        } else {
            for (model, evaluation) in &found {
                say!("{}: {}", model.display(), report::evaluation_line(evaluation));
            }
        }
        Ok(())
    }

    fn predictions_of(
        &self,
        model: &Path,
        global: &Global,
    ) -> Result<Vec<crate::record::Prediction>, Coded> {
        let input = |error: anyhow::Error| Coded::new(ExitCode::Input, error);
        let signature = engine::describe(Source::File(model))?;
        let wanted = Wanted {
            inputs: &signature.inputs,
            columns: vec![],
            extras: vec![],
            pixels: Pixels::default(),
        };
        let data = Dataset::load(&self.data, &wanted).map_err(|e| input(e.into()))?;
        let mut dims = BTreeMap::new();
        for need in &signature.inputs {
            need.bind(&data.inputs[&need.name], &mut dims).map_err(|e| input(e.into()))?;
        }
        let output = match &self.output {
            None => 0,
            Some(name) => signature.outputs.iter().position(|o| o == name).ok_or_else(|| {
                input(anyhow::anyhow!(
                    "{} has no output `{name}`; it has `{}`",
                    model.display(),
                    signature.outputs.join("`, `")
                ))
            })?,
        };
        let scores = match self.scores {
            Meaning::Probabilities => Scores::Probabilities,
            Meaning::Logits => Scores::Logits,
        };
        let batch = signature.fixed_batch().unwrap_or(1);
        let options = EngineOptions::default();
        let predictor =
            Predictor::load(Source::File(model), batch, &dims, &options, output, scores)?;
        let all: Vec<usize> = (0..data.len()).collect();
        let bar = bar("evaluate", all.len(), global.quiet);
        let answers = predictor.predict(&data, &all, &|n| bar.inc(n as u64));
        bar.finish_and_clear();
        answers.map_err(|e| input(anyhow::Error::from(e).context(model.display().to_string())))
    }
}
