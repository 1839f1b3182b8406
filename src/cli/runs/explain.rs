//! `paring explain`: effects of decisions, by experiments with and without each.

use super::ExplainArgs;
use crate::cli::progress::ProgressPrinter;
use crate::cli::{CodedError, GlobalOptions};
use crate::report;
use crate::workflow;
use serde_json::json;
use std::path::PathBuf;

impl ExplainArgs {
    pub(in crate::cli) fn run(self, global: &GlobalOptions) -> Result<(), CodedError> {
        let options = self.options(global.trust());
        let printer = ProgressPrinter::new(global.quiet);
        let result = workflow::explain(&options, &|event| printer.show(event))?;
        if global.json {
            say!("{:#}", json!(result.explanations));
            if !result.undone.is_empty() && !global.quiet {
                note!("{}", report::undone_line(&result.undone));
            }
            return Ok(());
        }
        for explanation in &result.explanations {
            say!("{}", report::explanation_text(explanation));
        }
        for caveat in report::machine_caveats(&result.explanations) {
            say!("{caveat}");
        }
        if !result.undone.is_empty() {
            say!("{}", report::undone_line(&result.undone));
        }
        if let Some((report, others)) = result.files.split_first() {
            let name = |file: &PathBuf| file.file_name().map(|n| n.display().to_string());
            let others: Vec<String> = others.iter().filter_map(name).collect();
            say!("forecasts, classes, caveats and tables: {}", report.display());
            say!("beside it: {}", others.join(", "));
        }
        say!("manifest {}", result.manifest_sha256);
        Ok(())
    }
}
