//! `paring gradient`.

use super::sample_args::SampleArgs;
use crate::cli::{CodedError, ColumnArgs, GlobalOptions, say};
use crate::workflow::{self, GradientOptions};
use clap::Args;
use paring_core::schema::ScoreKind;
use std::path::PathBuf;

/// Show each layer's gradient norm, and write the backward pass as ONNX.
#[derive(Debug, Args)]
pub(in crate::cli) struct GradientArgs {
    /// The ONNX file
    model: PathBuf,
    #[command(flatten)]
    samples: SampleArgs,
    /// Output with the class scores; default: the only one
    #[arg(long)]
    output: Option<String>,
    /// Meaning of the scores; default: by the node that gives them
    #[arg(long)]
    scores: Option<ScoreMeaning>,
    /// Write the backward graph into this file: the model's own nodes, the loss, the gradients
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,
    #[command(flatten)]
    columns: ColumnArgs,
}

/// Meaning of scores, as typed.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum ScoreMeaning {
    Probabilities,
    Logits,
}

impl From<ScoreMeaning> for ScoreKind {
    fn from(meaning: ScoreMeaning) -> ScoreKind {
        match meaning {
            ScoreMeaning::Probabilities => ScoreKind::Probabilities,
            ScoreMeaning::Logits => ScoreKind::Logits,
        }
    }
}

impl GradientArgs {
    pub(in crate::cli) fn run(self, global: &GlobalOptions) -> Result<(), CodedError> {
        let GradientArgs { model, samples, output, scores, save, columns } = self;
        let (samples, scores) = (samples.into(), scores.map(ScoreKind::from));
        let options = GradientOptions { model, samples, output, scores, save };
        let answer = workflow::gradient(&options)?;
        match global.json {
            true => say!("{:#}", answer.json()),
            false => say::table(&answer.text(global.layout(columns))),
        }
        Ok(())
    }
}
