//! `paring compare`.

use super::compare_args::{CompareArgs, OutputFormat};
use crate::cli::warnings::print_warning;
use crate::cli::{CodedError, ExitCode, GlobalOptions, say};
use crate::report::{self, RunComparison, TerminalLayout};
use crate::workflow;

impl CompareArgs {
    pub(in crate::cli) fn run(self, global: &GlobalOptions) -> Result<(), CodedError> {
        let format = if global.json { OutputFormat::Json } else { self.format };
        let (failures, layout) = (self.failures(), global.layout(self.columns));
        let comparison = workflow::compare(&self.into(), &print_warning)?;
        print(&comparison, format, layout)?;
        Ok(workflow::refuse_changes(&comparison, &failures)?)
    }
}

fn print(
    comparison: &RunComparison,
    format: OutputFormat,
    layout: TerminalLayout,
) -> Result<(), CodedError> {
    let internal = |e: anyhow::Error| CodedError::new(ExitCode::Internal, e);
    match format {
        OutputFormat::Table => say::table(&report::comparison_table(comparison, layout)),
        OutputFormat::Markdown => say::whole(report::comparison_markdown(comparison).trim_end()),
        OutputFormat::Json => {
            let text = serde_json::to_string_pretty(comparison);
            say::whole(&text.map_err(|e| internal(e.into()))?);
        }
        OutputFormat::Csv => {
            let bytes = report::comparison_csv(comparison).map_err(|e| internal(e.into()))?;
            say::whole(String::from_utf8_lossy(&bytes).trim_end());
        }
    }
    Ok(())
}
