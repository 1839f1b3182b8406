//! `paring diff`.

use super::sample_args::SampleArgs;
use crate::cli::{CodedError, GlobalOptions};
use crate::report;
use crate::workflow::{self, DiffOptions};
use clap::Args;
use std::path::PathBuf;

/// Say what differs between two models, whoever made them.
#[derive(Debug, Args)]
pub(in crate::cli) struct DiffArgs {
    /// The ONNX file before
    base: PathBuf,
    /// The ONNX file after
    variant: PathBuf,
    #[command(flatten)]
    samples: SampleArgs,
}

impl DiffArgs {
    pub(in crate::cli) fn run(self, global: &GlobalOptions) -> Result<(), CodedError> {
        let DiffArgs { base, variant, samples } = self;
        let options = DiffOptions { base, variant, samples: samples.into() };
        let difference = workflow::diff(&options)?;
        match global.json {
            true => say!("{:#}", report::difference_json(&difference)),
            false => say!("{}", report::difference_text(&difference)),
        }
        Ok(())
    }
}
