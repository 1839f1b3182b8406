//! `paring init`.

use crate::cli::{CodedError, GlobalOptions};
use crate::workflow::{self, InitOptions};
use clap::Args;
use std::path::PathBuf;

/// Write a study file to start from, with comments.
#[derive(Debug, Args)]
pub(in crate::cli) struct InitArgs {
    /// The ONNX file
    model: PathBuf,
    /// An .npz file with the model's inputs and `labels`, or a folder with a labels.csv
    #[arg(long)]
    data: Option<PathBuf>,
    /// Path of the study; paths in it are relative to its folder
    #[arg(long, default_value = "study.toml")]
    out: PathBuf,
}

impl InitArgs {
    pub(in crate::cli) fn run(self, _global: &GlobalOptions) -> Result<(), CodedError> {
        let InitArgs { model, data, out } = self;
        let owner = std::env::var("USER").unwrap_or_default();
        let options = InitOptions { model, data, out, owner };
        workflow::init(&options)?;
        say!("wrote {}; next: paring run {0} --dry-run", options.out.display());
        Ok(())
    }
}
