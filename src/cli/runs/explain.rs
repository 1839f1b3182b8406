//! `paring explain`: effects of decisions, by experiments with and without each.

use super::ExplainArgs;
use crate::cli::progress::ProgressPrinter;
use crate::cli::{CodedError, GlobalOptions};
use crate::report;
use crate::workflow;
use serde_json::json;

impl ExplainArgs {
    pub(in crate::cli) fn run(self, global: &GlobalOptions) -> Result<(), CodedError> {
        let options = self.options(global.trust());
        let printer = ProgressPrinter::new(global.quiet);
        let result = workflow::explain(&options, &|event| printer.show(event))?;
        if global.json {
            say!("{:#}", json!(result.explanations));
            return Ok(());
        }
        for explanation in &result.explanations {
            say!("{}", report::explanation_text(explanation));
        }
        let files: Vec<String> = result.files.iter().map(|f| f.display().to_string()).collect();
        say!("written to {}; manifest {}", files.join(", "), result.manifest_sha256);
        Ok(())
    }
}
