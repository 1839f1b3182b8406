//! Options and result of an explanation.

use crate::attribution::{AblationOptions, GroupLevel};
use paring_boards::FolderTrust;
use paring_core::schema::{Explanation, Sha256Hex};
use std::path::PathBuf;
use std::time::Duration;

/// Options of [`explain`](super::explain).
#[derive(Clone, Debug)]
pub struct ExplainOptions {
    /// The run directory.
    pub run: PathBuf,
    /// Path of the study file, if it has moved.
    pub study: Option<PathBuf>,
    /// Trust in whoever made the study: its folder may name programs to run.
    pub trust: FolderTrust,
    /// Variants to explain; all of the study that this tool made without any.
    pub variants: Vec<String>,
    /// Fineness of groups of decisions.
    pub level: GroupLevel,
    /// Maximum number of groups; those with the smallest expected effect are merged.
    pub groups: usize,
    /// Calibration resamples and seeds, the study's own included.
    pub replicates: u64,
    /// The most time for the whole call.
    pub time: Duration,
    /// False where measurements take as long as they do, beside that time.
    pub bounds_measurements: bool,
    /// Maximum number of experiments per variant.
    pub experiments: usize,
    /// Targets instead of the study's, which have to answer then.
    pub targets: Vec<String>,
    /// Disturbs inputs too: as the study says, or as is usual.
    pub robustness: bool,
    /// Measures the variant without each group too, in paired blocks of fresh processes.
    pub measure: bool,
    /// The folder that stands for `/` where power sensors are read.
    pub sysfs_root: Option<PathBuf>,
    /// Writes answers, flow and the samples hit hardest as CSV beside the Parquet files.
    pub csv: bool,
    /// The tool's record as a forecaster, one outcome a line; outcomes are added to it.
    pub forecast_history: Option<PathBuf>,
}

impl ExplainOptions {
    /// An explanation of all variants of the run in a folder.
    pub fn new(run: impl Into<PathBuf>) -> Self {
        ExplainOptions {
            run: run.into(),
            study: None,
            trust: FolderTrust::Withheld,
            variants: Vec::new(),
            level: GroupLevel::Layer,
            groups: 12,
            replicates: 5,
            time: Duration::from_secs(180),
            bounds_measurements: false,
            experiments: 1500,
            targets: Vec::new(),
            robustness: false,
            measure: false,
            sysfs_root: None,
            csv: false,
            forecast_history: None,
        }
    }

    /// Bounds of an investigation of one variant in so much time.
    pub(super) fn manner(&self, seed: u64, time: Duration) -> AblationOptions {
        AblationOptions {
            level: self.level,
            groups: self.groups,
            experiments: self.experiments,
            time,
            seed,
        }
    }

    /// True where a variant was asked for by name.
    pub(super) fn names(&self, variant: &str) -> bool {
        self.variants.iter().any(|name| name == variant)
    }
}

/// Result of [`explain`](super::explain).
#[derive(Clone, Debug)]
pub struct ExplainResult {
    /// One explanation a variant.
    pub explanations: Vec<Explanation>,
    /// Work that was not done because the time was over.
    pub undone: Vec<String>,
    /// Files that were written: the report, effects, savings, explanations.
    pub files: Vec<PathBuf>,
    /// SHA-256 of the run's manifest.
    pub manifest_sha256: Sha256Hex,
}
