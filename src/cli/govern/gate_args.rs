//! Arguments of `paring gate`, and the options that they become.

use crate::cli::{ColumnArgs, GlobalOptions};
use crate::report::VariantRestoration;
use crate::workflow::{GateOptions, GateRestoreOptions, MeasuredCost, RestoreCost};
use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// Judge the variants of a run by its protocol's requirements.
///
/// Ends with exit code 5 where a variant fails, or where a requirement is undecided.
#[derive(Debug, Args)]
pub(in crate::cli) struct GateArgs {
    /// The run directory
    run: PathBuf,
    /// Only these variants; may be given several times
    #[arg(long, value_name = "NAME")]
    variant: Vec<String>,
    /// Write the verdicts as JUnit XML, too
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// End with 0 where requirements are undecided and none fails
    #[arg(long)]
    allow_undecided: bool,
    /// First put back what variants that fail need to meet the requirements on quality and size
    #[arg(long)]
    pub(super) restore: bool,
    /// With --restore: give back as little as possible of this
    #[arg(long, value_enum, default_value = "macs", requires = "restore")]
    by: CostChoice,
    /// With --by microseconds or millijoules: the target that costs were measured on; default: that of the
    /// requirements, or the study's only one
    #[arg(long, value_name = "NAME", requires = "restore")]
    target: Option<String>,
    /// With --restore: groups of decisions at most
    #[arg(long, default_value_t = 12, requires = "restore", value_parser = clap::value_parser!(u64).range(1..=64))]
    groups: u64,
    /// With --restore: try every set of groups, at most ten, instead of searching greedily
    #[arg(long, requires = "restore")]
    exhaustive: bool,
    /// With --restore: the study file, if it has moved
    #[arg(long, value_name = "FILE", requires = "restore")]
    study: Option<PathBuf>,
    #[command(flatten)]
    pub(super) columns: ColumnArgs,
}

/// A cost of putting back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum CostChoice {
    Macs,
    Bytes,
    Microseconds,
    Millijoules,
}

impl CostChoice {
    fn cost(self) -> RestoreCost {
        match self {
            CostChoice::Macs => RestoreCost::Macs,
            CostChoice::Bytes => RestoreCost::Bytes,
            CostChoice::Microseconds => RestoreCost::Measured(MeasuredCost::Microseconds),
            CostChoice::Millijoules => RestoreCost::Measured(MeasuredCost::Millijoules),
        }
    }
}

impl GateArgs {
    /// Options of the restoring before.
    pub(super) fn restoring(&self, global: &GlobalOptions) -> GateRestoreOptions {
        GateRestoreOptions {
            run: self.run.clone(),
            variants: self.variant.clone(),
            study: self.study.clone(),
            trust: global.trust(),
            by: self.by.cost(),
            target: self.target.clone(),
            groups: self.groups as usize,
            exhaustive: self.exhaustive,
        }
    }

    /// Options of the judging; what was put back takes the place of what failed.
    pub(super) fn judging(self, restorations: &[VariantRestoration]) -> GateOptions {
        let made = restorations.iter().filter_map(|found| {
            Some((found.variant.clone(), found.restored.as_ref()?.name.clone()))
        });
        let (replaced, made): (Vec<String>, Vec<String>) = made.unzip();
        let named = !self.variant.is_empty();
        let variants = if named { [self.variant, made].concat() } else { vec![] };
        let (run, junit, allow_undecided) = (self.run, self.junit, self.allow_undecided);
        GateOptions { run, variants, replaced, junit, allow_undecided }
    }
}
