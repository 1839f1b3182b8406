//! The table of runs in a folder.

use super::layout::TerminalLayout;
use super::layout::text_table::{TextColumn, cell, fitted};
use paring_core::number_format::counted;
use serde::Serialize;
use std::fmt;
use std::path::PathBuf;

/// Progress of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// It has results.
    Finished,
    /// Its variants are made, and were not measured.
    Compressed,
    /// A verb works in it, or was stopped in it.
    Unfinished,
    /// Its protocol cannot be read.
    Damaged,
}

impl fmt::Display for RunState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            RunState::Finished => "finished",
            RunState::Compressed => "compressed",
            RunState::Unfinished => "unfinished",
            RunState::Damaged => "damaged",
        })
    }
}

/// A run, as its directory describes it.
#[derive(Clone, Debug, Serialize)]
pub struct ListedRun {
    /// The run directory.
    pub path: PathBuf,
    /// Its name in the folder that was listed.
    pub name: String,
    /// The study's name, or that of a bench; empty of a run that is damaged.
    pub study: String,
    /// Its beginning: date and time of day, UTC.
    pub begun: String,
    /// File name of the model, where the run keeps its study.
    pub model: Option<String>,
    /// Variants that are made, the baseline included.
    pub variants: usize,
    /// Targets that were measured on.
    pub targets: Vec<String>,
    /// Its state.
    pub state: RunState,
}

/// One row a run, the latest last, with how many there are.
pub fn runs_table(runs: &[ListedRun], layout: TerminalLayout) -> String {
    let text = |heading: &str, rank: u8, of: &dyn Fn(&ListedRun) -> String| {
        TextColumn::text(heading, rank, runs.iter().map(|run| cell(of(run))))
    };
    let columns = vec![
        text("run", 0, &|run| run.name.clone()).whole(),
        text("begun (UTC)", 3, &|run| run.begun.clone()),
        text("study", 4, &|run| run.study.clone()),
        text("model", 2, &|run| run.model.clone().unwrap_or_default()),
        TextColumn::figures("variants", 1, runs.iter().map(|run| cell(run.variants))),
        text("targets", 1, &|run| run.targets.join(", ")),
        text("state", 0, &|run| run.state.to_string()),
    ];
    format!("{}\n{}", fitted(columns, layout), counted(runs.len(), "run"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use insta::assert_snapshot;

    #[test]
    fn names_stay_whole() {
        let run = |name: &str, state| ListedRun {
            path: format!("paring-runs/{name}").into(),
            name: name.into(),
            study: "digits".into(),
            begun: "2026-12-01 02:00".into(),
            model: Some("digits_cnn.onnx".into()),
            variants: 9,
            targets: vec!["host".into(), "pi4".into()],
            state,
        };
        let runs = [
            run("digits-20261130-101500", RunState::Finished),
            run("a-study-with-a-long-name-20261201-020000", RunState::Unfinished),
        ];
        assert_snapshot!(runs_table(&runs, TerminalLayout::default()), @"
        ─────────────────────────────────────────────────────────────────────────
        run                                       variants  targets    state
        ─────────────────────────────────────────────────────────────────────────
        digits-20261130-101500                           9  host, pi4  finished
        a-study-with-a-long-name-20261201-020000         9  host, pi4  unfinished
        ─────────────────────────────────────────────────────────────────────────
        --wide adds: begun (UTC); study; model
        2 runs
        ");
        let wide = TerminalLayout { wide: true, ..TerminalLayout::default() };
        assert_snapshot!(runs_table(&runs[..1], wide), @"
        ────────────────────────────────────────────────────────────────────────────────────────────────
        run                     begun (UTC)       study   model            variants  targets    state
        ────────────────────────────────────────────────────────────────────────────────────────────────
        digits-20261130-101500  2026-12-01 02:00  digits  digits_cnn.onnx         9  host, pi4  finished
        ────────────────────────────────────────────────────────────────────────────────────────────────
        1 run
        ");
    }
}
