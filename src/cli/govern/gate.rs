//! `paring gate`.

use super::gate_args::GateArgs;
use crate::cli::progress::ProgressPrinter;
use crate::cli::say;
use crate::cli::warnings::print_warning;
use crate::cli::{CodedError, GlobalOptions};
use crate::report;
use crate::workflow;
use serde_json::json;

impl GateArgs {
    pub(in crate::cli) fn run(self, global: &GlobalOptions) -> Result<(), CodedError> {
        let printer = ProgressPrinter::new(global.quiet);
        let restorations = match self.restore {
            true => {
                let restoring = self.restoring(global);
                workflow::restore_until_pass(&restoring, &|event| printer.show(event))?
            }
            false => vec![],
        };
        let columns = self.columns;
        let options = self.judging(&restorations);
        let result = workflow::gate(&options, &print_warning)?;
        if global.json {
            let mut answer = json!(result);
            if !restorations.is_empty() {
                answer["restorations"] = json!(restorations);
            }
            say!("{:#}", answer);
        } else {
            let layout = global.layout(columns);
            let texts = restorations.iter().map(|found| report::restoration_text(found, layout));
            texts.for_each(|text| say::table(&format!("{text}\n")));
            say!("{}\nmanifest {}", report::gate_lines(&result.gate), result.manifest_sha256);
        }
        Ok(workflow::refuse_unmet(&result.gate, options.allow_undecided)?)
    }
}
