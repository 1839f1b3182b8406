//! `paring eval`.

use super::EvalArgs;
use crate::cli::progress::ProgressPrinter;
use crate::cli::{CodedError, GlobalOptions, say};
use crate::report::{self, TerminalLayout};
use crate::workflow::{self, EvaluationResult};
use serde_json::json;

/// Samples of those hit hardest that are printed.
const SHOWN_HITS: usize = 5;

impl EvalArgs {
    pub(in crate::cli) fn run(self, global: &GlobalOptions) -> Result<(), CodedError> {
        let layout = global.layout(self.columns);
        let options = self.options(global.trust())?;
        let printer = ProgressPrinter::new(global.quiet);
        let result = workflow::evaluate(&options, &|event| printer.show(event))?;
        match global.json {
            true => print_json(&result),
            false => print_text(&result, layout),
        }
        Ok(())
    }
}

fn print_json(EvaluationResult { models, boards }: &EvaluationResult) {
    let models = models.iter().map(|one| {
        let flow = one.flow.as_ref().map(|(flow, _)| flow);
        json!({ "model": one.model, "evaluation": one.evaluation, "flow": flow })
    });
    let models: Vec<_> = models.collect();
    match boards.as_slice() {
        [] => say!("{:#}", json!(models)),
        boards => say!("{:#}", json!({ "models": models, "elsewhere": boards })),
    }
}

fn print_text(EvaluationResult { models, boards }: &EvaluationResult, layout: TerminalLayout) {
    for one in models {
        say!("{}: {}", one.model.display(), report::evaluation_line(&one.evaluation));
    }
    for one in models {
        say!("\n{}:", one.model.display());
        say::table(&report::evaluation_text(&one.evaluation, layout));
    }
    for one in models {
        if let Some((flow, hits)) = &one.flow {
            let mut lines = report::flow_lines(flow);
            lines.extend(report::hits_lines(hits, SHOWN_HITS));
            say!("\n{}:\n{}", one.model.display(), lines.join("\n"));
        }
    }
    boards.iter().for_each(|board| say!("{}", board.text()));
}
