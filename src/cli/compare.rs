//! `paring compare`: runs against each other.

use super::{Coded, ExitCode, Global, integrity, say};
use crate::report::{self, CompareError, Comparison, Rules, Source};
use clap::Args;
use std::path::PathBuf;

/// Compare runs.
#[derive(Debug, Args)]
pub(super) struct Compare {
    /// Run directories, results.csv files, or tables of other engines' tools (columns engine, model,
    /// latency_p50_us, …); the first is what the others are compared with, the last the newest
    #[arg(required = true)]
    sources: Vec<PathBuf>,
    /// How the answer is printed; `--json` is `--format json`
    #[arg(long, default_value = "table")]
    format: Format,
    /// End with 5 where a variant became slower, or where rows could not be compared
    #[arg(long)]
    fail_on: Vec<FailOn>,
    /// Compare although this differs, and say so
    #[arg(long)]
    across: Vec<Across>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    Table,
    Csv,
    Markdown,
    Json,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum FailOn {
    /// A variant became slower
    Regression,
    /// A row could not be compared
    Incomparable,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Across {
    /// Board, processor or target
    Machine,
    /// Engine or its version
    Engine,
    /// Version of paring
    Version,
    /// Data or splits
    Data,
    /// Rules of timing
    Rules,
}

impl Compare {
    pub(super) fn run(self, global: &Global) -> Result<(), Coded> {
        if self.sources.len() < 2 {
            return Err(CompareError::Alone.into());
        }
        self.sources.iter().filter(|path| path.is_dir()).for_each(|path| integrity::warn(path));
        let sources = self.sources.iter().map(|path| Source::open(path));
        let sources = sources.collect::<Result<Vec<_>, _>>()?;
        let comparison = report::compare(sources, &self.rules());
        self.print(&comparison, global)?;
        self.judge(&comparison)
    }

    fn rules(&self) -> Rules {
        let across = |kind| self.across.contains(&kind);
        Rules {
            across_machine: across(Across::Machine),
            across_engine: across(Across::Engine),
            across_version: across(Across::Version),
            across_data: across(Across::Data),
            across_rules: across(Across::Rules),
        }
    }

    fn print(&self, comparison: &Comparison, global: &Global) -> Result<(), Coded> {
        let format = if global.json { Format::Json } else { self.format };
        let internal = |e: anyhow::Error| Coded::new(ExitCode::Internal, e);
        match format {
            Format::Table => say::table(&report::comparison_table(comparison, global.color())),
            Format::Markdown => say::whole(report::comparison_markdown(comparison).trim_end()),
            Format::Json => {
                let text = serde_json::to_string_pretty(comparison);
                say::whole(&text.map_err(|e| internal(e.into()))?);
            }
            Format::Csv => {
                let bytes = report::comparison_csv(comparison).map_err(|e| internal(e.into()))?;
                say::whole(String::from_utf8_lossy(&bytes).trim_end());
            }
        }
        Ok(())
    }

    fn judge(&self, comparison: &Comparison) -> Result<(), Coded> {
        let failed = |what: &str, found: Vec<String>| match found.is_empty() {
            true => Ok(()),
            false => {
                let error = anyhow::anyhow!("{what}: {}", found.join("; "));
                Err(Coded::new(ExitCode::Rejected, error))
            }
        };
        if self.fail_on.contains(&FailOn::Regression) {
            failed("slower than before", comparison.regressions())?;
        }
        if self.fail_on.contains(&FailOn::Incomparable) {
            failed("not compared", comparison.incomparable())?;
        }
        Ok(())
    }
}

impl From<CompareError> for Coded {
    fn from(error: CompareError) -> Self {
        Coded::new(ExitCode::Input, error)
    }
}
