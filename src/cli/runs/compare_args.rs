//! Options of `paring compare`.

use crate::cli::ColumnArgs;
use crate::report::{ComparedFigure, ComparisonRules};
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
    /// Exit with code 5 where one of these became worse; several with commas
    #[arg(long, value_delimiter = ',')]
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
    /// Any of accuracy, latency, memory, size and energy
    Regression,
    /// The primary metric on the report split
    Accuracy,
    /// A variant became slower
    Latency,
    /// Peak resident set
    Memory,
    /// Bytes of the model's file
    Size,
    /// Energy of an inference above idle
    Energy,
    /// A row, or one of the figures named beside this, could not be compared
    Incomparable,
}

impl RefusedChange {
    fn figure(self) -> Option<ComparedFigure> {
        match self {
            RefusedChange::Accuracy => Some(ComparedFigure::Accuracy),
            RefusedChange::Memory => Some(ComparedFigure::Memory),
            RefusedChange::Size => Some(ComparedFigure::Size),
            RefusedChange::Energy => Some(ComparedFigure::Energy),
            RefusedChange::Regression | RefusedChange::Latency | RefusedChange::Incomparable => {
                None
            }
        }
    }
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
        let asks = |change| self.fail_on.contains(&change);
        let named: Vec<ComparedFigure> =
            self.fail_on.iter().filter_map(|change| change.figure()).collect();
        let latency = asks(RefusedChange::Latency) || asks(RefusedChange::Regression);
        let strict = asks(RefusedChange::Incomparable);
        FailureRules {
            latency,
            incomparable: strict && (latency || named.is_empty()),
            unjudged: if strict { named.clone() } else { vec![] },
            figures: match asks(RefusedChange::Regression) {
                true => ComparedFigure::ALL.to_vec(),
                false => named,
            },
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
