//! Options of `paring compare`.

use crate::cli::ColumnArgs;
use crate::report::ComparisonRules;
use crate::workflow::{CompareOptions, FailureRules};
use clap::Args;
use std::path::PathBuf;

/// Compare runs.
#[derive(Debug, Args)]
pub(in crate::cli) struct CompareArgs {
    /// Run directories, results.csv files, or tables of other engines' tools (columns engine, model,
    /// latency_p50_us, …); the first is what the others are compared with, the last the newest
    #[arg(required = true)]
    sources: Vec<PathBuf>,
    /// Output format; `--json` is `--format json`
    #[arg(long, default_value = "table")]
    pub(super) format: OutputFormat,
    /// Write a page with every variant from run to run, each step judged; the runs in order of time
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Exit with code 5 on a regression, or where rows cannot be compared
    #[arg(long)]
    fail_on: Vec<RefusedChange>,
    /// Compare although this differs, and say so
    #[arg(long)]
    across: Vec<KnownDifference>,
    #[command(flatten)]
    pub(super) columns: ColumnArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum OutputFormat {
    Table,
    Csv,
    Markdown,
    Json,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum RefusedChange {
    /// A variant became slower
    Regression,
    /// A row could not be compared
    Incomparable,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum KnownDifference {
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

impl CompareArgs {
    /// Changes that end with an error.
    pub(super) fn failures(&self) -> FailureRules {
        FailureRules {
            regressions: self.fail_on.contains(&RefusedChange::Regression),
            incomparable: self.fail_on.contains(&RefusedChange::Incomparable),
        }
    }
}

impl From<CompareArgs> for CompareOptions {
    fn from(args: CompareArgs) -> CompareOptions {
        let across = |kind| args.across.contains(&kind);
        let rules = ComparisonRules {
            across_machine: across(KnownDifference::Machine),
            across_engine: across(KnownDifference::Engine),
            across_version: across(KnownDifference::Version),
            across_data: across(KnownDifference::Data),
            across_rules: across(KnownDifference::Rules),
        };
        CompareOptions { sources: args.sources, rules, page: args.html }
    }
}
