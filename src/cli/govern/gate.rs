//! `paring gate`.

use super::gate_args::GateArgs;
use crate::cli::progress::ProgressPrinter;
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
        let options = self.judging(&restorations);
        let result = workflow::gate(&options, &print_warning)?;
        if global.json {
            let mut answer = json!(result);
            if !restorations.is_empty() {
                answer["restorations"] = json!(restorations);
            }
            say!("{:#}", answer);
        } else {
            restorations.iter().for_each(|found| say!("{}", report::restoration_lines(found)));
            say!("{}\nmanifest {}", report::gate_lines(&result.gate), result.manifest_sha256);
        }
        Ok(workflow::refuse_unmet(&result.gate, options.allow_undecided)?)
    }
}
