//! `paring first-load`: the process that other verbs try a model file in.

use super::{CodedError, ExitCode};
use crate::pipeline::{LoadSizes, first_load};
use anyhow::anyhow;
use clap::Args;
use std::path::PathBuf;

/// Load a model once, within bounds.
#[derive(Debug, Args)]
pub(super) struct FirstLoadVerb {
    /// The ONNX file
    model: PathBuf,
    /// Values of symbolic dimensions, as JSON
    #[arg(long, value_parser = sizes)]
    sizes: Option<LoadSizes>,
    /// The process that waits for this one
    #[arg(long)]
    parent: u32,
}

fn sizes(text: &str) -> Result<LoadSizes, String> {
    serde_json::from_str(text).map_err(|e| e.to_string())
}

impl FirstLoadVerb {
    pub(super) fn run(self) -> Result<(), CodedError> {
        let loaded = first_load(&self.model, self.sizes, self.parent);
        let loaded = loaded.map_err(|e| CodedError::new(ExitCode::Input, anyhow!(e)))?;
        say!("{}", serde_json::json!(loaded));
        Ok(())
    }
}
