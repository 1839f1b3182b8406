//! `paring show`.

use crate::cli::signing::state_line;
use crate::cli::warnings::print_warning;
use crate::cli::{CodedError, ColumnArgs, GlobalOptions, say};
use crate::study::QUICK_BLOCKS;
use crate::{report, workflow};
use clap::Args;
use paring_core::text::shell_word;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Show the table of a run again.
#[derive(Debug, Args)]
pub(in crate::cli) struct ShowArgs {
    /// The run directory, or the folder of a bench
    run: PathBuf,
    #[command(flatten)]
    columns: ColumnArgs,
}

impl ShowArgs {
    pub(in crate::cli) fn run(self, global: &GlobalOptions) -> Result<(), CodedError> {
        let shown = workflow::show(&self.run, &print_warning)?;
        let quick = shown.facts.as_ref().is_some_and(|facts| facts.quick);
        let gate = shown.facts.as_ref().and_then(|facts| facts.gate(&shown.rows));
        if global.json {
            let rows = shown.rows.iter().map(|row| {
                json!({
                    "variant": row.variant.name, "target": row.target,
                    "evaluation": row.evaluation, "measurement": row.measurement,
                })
            });
            let rows: Vec<Value> = rows.collect();
            let approvals: BTreeMap<_, _> = shown.approvals.iter().cloned().collect();
            say!(
                "{:#}",
                json!({
                    "schema": 1, "run": shown.path, "quick": quick, "rows": rows, "gate": gate,
                    "approvals": approvals,
                })
            );
            return Ok(());
        }
        say::table(&report::results_table(&shown.rows, global.layout(self.columns)));
        if quick {
            say!("{}", report::quick_note(QUICK_BLOCKS));
        }
        say!("{}", report::INTERVAL_LEVELS);
        for (variant, state) in &shown.approvals {
            say!("{}", state_line(variant, state));
        }
        if let Some(sentence) = gate.as_ref().and_then(report::gate_sentence) {
            let run = shell_word(&shown.path.to_string_lossy()).into_owned();
            say!("{sentence}; `paring gate {run}` has every verdict");
        }
        Ok(())
    }
}
