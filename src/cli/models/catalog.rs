//! `paring catalog`.

use super::sample_args::SampleArgs;
use crate::cli::progress::ProgressPrinter;
use crate::cli::{CodedError, GlobalOptions};
use crate::workflow::{self, CatalogOptions};
use clap::Args;
use paring_compress::catalog::Criterion;
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
    /// Criteria to judge components by, with commas between; the first ranks. Default: all
    #[arg(long, value_delimiter = ',', value_name = "NAME")]
    criteria: Option<Vec<Criterion>>,
    /// Remove so many components, each alone, measure loss and flips, and hold the criteria against them
    #[arg(long, default_value_t = 0, value_name = "COUNT")]
    ablations: usize,
}

impl CatalogArgs {
    pub(in crate::cli) fn run(self, global: &GlobalOptions) -> Result<(), CodedError> {
        let CatalogArgs { model, samples, all, probes, criteria, ablations } = self;
        let samples = samples.into();
        let options = CatalogOptions { model, samples, probes, criteria, ablations };
        let printer = ProgressPrinter::new(global.quiet);
        let answer = workflow::catalog(&options, &|event| printer.show(event))?;
        match global.json {
            true => say!("{:#}", answer.json()),
            false => say!("{}", answer.text(all)),
        }
        Ok(())
    }
}
