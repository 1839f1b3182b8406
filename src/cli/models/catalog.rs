//! `paring catalog`.

use super::sample_args::SampleArgs;
use crate::cli::{CodedError, GlobalOptions};
use crate::workflow::{self, CatalogOptions};
use clap::Args;
use std::path::PathBuf;

/// Say what could be removed, what depends on what, and what each component is worth.
#[derive(Debug, Args)]
pub(in crate::cli) struct CatalogArgs {
    /// The ONNX file
    model: PathBuf,
    #[command(flatten)]
    samples: SampleArgs,
    /// List every component, not only the least important
    #[arg(long)]
    all: bool,
    /// Trial removals per kind of component, from which the expected change of accuracy is learnt
    #[arg(long, default_value_t = 14)]
    probes: usize,
}

impl CatalogArgs {
    pub(in crate::cli) fn run(self, global: &GlobalOptions) -> Result<(), CodedError> {
        let samples = self.samples.into();
        let options = CatalogOptions { model: self.model, samples, probes: self.probes };
        let answer = workflow::catalog(&options)?;
        match global.json {
            true => say!("{:#}", answer.json()),
            false => say!("{}", answer.text(self.all)),
        }
        Ok(())
    }
}
