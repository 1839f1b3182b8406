//! `paring profile`.

use super::SampleArgs;
use crate::cli::progress::ProgressPrinter;
use crate::cli::{CodedError, ColumnArgs, GlobalOptions, say};
use crate::report;
use crate::workflow::{self, ProfileOptions};
use clap::Args;
use std::path::PathBuf;

/// Say where a model's time goes on a machine, layer by layer.
#[derive(Debug, Args)]
pub(in crate::cli) struct ProfileArgs {
    /// The ONNX file
    model: PathBuf,
    #[command(flatten)]
    samples: SampleArgs,
    /// Target to measure on
    #[arg(long, default_value = "host")]
    target: String,
    /// Engine options: conv_nhwc, f32_to_f16, block_quant, vzeroupper
    #[arg(long)]
    engine: Vec<String>,
    /// Write the layers as CSV into this file too
    #[arg(long)]
    csv: Option<PathBuf>,
    #[command(flatten)]
    columns: ColumnArgs,
}

impl ProfileArgs {
    pub(in crate::cli) fn run(self, global: &GlobalOptions) -> Result<(), CodedError> {
        let ProfileArgs { model, samples, target, engine, csv, columns } = self;
        let (samples, trust) = (samples.into(), global.trust());
        let options = ProfileOptions { model, samples, target, trust, engine, csv };
        let printer = ProgressPrinter::new(global.quiet);
        let profile = workflow::profile(&options, &|event| printer.show(event))?;
        match global.json {
            true => say!("{:#}", report::layers_json(&profile.table, profile.peaks.as_ref())),
            false => {
                say::table(&report::layers_table(&profile.table, global.layout(columns)));
            }
        }
        Ok(())
    }
}
