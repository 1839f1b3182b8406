//! `paring regime`.

use crate::cli::progress::ProgressPrinter;
use crate::cli::{CodedError, GlobalOptions};
use crate::report;
use crate::workflow::{self, RegimeOptions};
use clap::Args;
use std::path::PathBuf;

/// Evaluate the variants of a finished run on further data: another season, sensor or country.
#[derive(Debug, Args)]
pub(in crate::cli) struct RegimeArgs {
    /// The run directory
    run: PathBuf,
    /// The regime's name
    #[arg(long)]
    name: String,
    /// Its data, laid out as the study's
    #[arg(long)]
    data: PathBuf,
    /// Columns that name subsets
    #[arg(long, value_delimiter = ',')]
    slices: Vec<String>,
    /// Column of groups that intervals resample whole
    #[arg(long)]
    group: Option<String>,
    /// The study file, if it has moved
    #[arg(long)]
    study: Option<PathBuf>,
}

impl RegimeArgs {
    pub(in crate::cli) fn run(self, global: &GlobalOptions) -> Result<(), CodedError> {
        let options = RegimeOptions {
            run: self.run,
            study: self.study,
            trust: global.trust(),
            name: self.name,
            data: self.data,
            slices: self.slices,
            group: self.group,
        };
        let printer = ProgressPrinter::new(global.quiet);
        let result = workflow::add_regime(&options, &|event| printer.show(event))?;
        if global.json {
            say!("{:#}", report::regimes_json(&result.regimes));
            return Ok(());
        }
        for line in report::regimes_text(&result.regimes) {
            say!("{line}");
        }
        say!("all metrics, classes and slices: {}", result.file.display());
        say!("manifest {}", result.manifest_sha256);
        Ok(())
    }
}
