//! `paring bench`.

use super::BenchArgs;
use crate::cli::progress::ProgressPrinter;
use crate::cli::{CodedError, GlobalOptions, say};
use crate::workflow;

impl BenchArgs {
    pub(in crate::cli) fn run(self, global: &GlobalOptions) -> Result<(), CodedError> {
        let layout = global.layout(self.columns);
        let options = self.options(global.trust());
        let printer = ProgressPrinter::new(global.quiet);
        let answer = workflow::bench(&options, &|event| printer.show(event))?;
        match global.json {
            true => say!("{:#}", answer.json()),
            false => {
                say::table(&answer.table(layout));
                say!("{}", answer.text());
            }
        }
        Ok(workflow::refuse_unmeasured(&answer)?)
    }
}
