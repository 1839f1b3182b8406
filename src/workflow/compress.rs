//! Use case: variants, ledger and parings of a study, without measurements.

use super::open_run::{OpenRun, sysfs_root};
use super::variants::{
    ForecastSources, VariantFailure, VariantResult, check_complete, evaluate_regimes,
    evaluate_variants, make_variants,
};
use super::{Progress, ProgressEvent, WorkflowError};
use crate::report::RegimeEvaluation;
use crate::study;
use paring_boards::FolderTrust;
use paring_core::schema::{MissingReason, Sha256Hex};
use std::path::PathBuf;

/// Options of [`compress`].
#[derive(Clone, Debug)]
pub struct CompressOptions {
    /// The study file.
    pub study: PathBuf,
    /// The run directory; a new one in `paring-runs` without it.
    pub out: Option<PathBuf>,
    /// Trust in whoever made the study: its folder may name programs to run.
    pub trust: FolderTrust,
    /// Evaluates the variants on the report split too.
    pub evaluate: bool,
    /// Makes a baseline that cannot be evaluated an error, rather than part of the result.
    pub require_evaluation: bool,
    /// The folder that stands for `/` where power sensors are read.
    pub sysfs_root: Option<PathBuf>,
    /// The tool's record as a forecaster, one outcome a line.
    pub forecast_history: Option<PathBuf>,
}

impl CompressOptions {
    /// Variants of the study in a file, not evaluated.
    pub fn new(study: impl Into<PathBuf>) -> Self {
        CompressOptions {
            study: study.into(),
            out: None,
            trust: FolderTrust::Withheld,
            evaluate: false,
            require_evaluation: false,
            sysfs_root: None,
            forecast_history: None,
        }
    }
}

/// Result of [`compress`].
#[derive(Debug)]
pub struct CompressResult {
    /// The run directory.
    pub run: PathBuf,
    /// All variants that were made, the baseline first.
    pub variants: Vec<VariantResult>,
    /// True where they were evaluated.
    pub evaluated: bool,
    /// The study's regimes, where variants were evaluated.
    pub regimes: Vec<RegimeEvaluation>,
    /// The reason why none could be evaluated.
    pub evaluation_error: Option<WorkflowError>,
    /// Variants that were not made.
    pub not_made: Vec<VariantFailure>,
    /// SHA-256 of the run's manifest.
    pub manifest_sha256: Sha256Hex,
}

impl CompressResult {
    /// Variants that were to be evaluated and were not.
    pub fn not_evaluated(&self) -> Vec<VariantFailure> {
        let variants = self.variants.iter().filter(|_| self.evaluated);
        variants.filter_map(VariantResult::evaluation_failure).collect()
    }

    /// Nothing, if every variant was made and evaluated as the options ask for.
    ///
    /// # Errors
    /// The first reason why the result is not whole.
    pub fn check_complete(self) -> Result<(), WorkflowError> {
        let not_evaluated = self.not_evaluated();
        match self.evaluation_error {
            Some(error) => Err(error),
            None => check_complete(&self.not_made, &not_evaluated),
        }
    }
}

/// Makes all variants of a study with their ledger and parings, and evaluates them if that is asked
/// for.
///
/// # Errors
/// [`WorkflowError`] where the study, the baseline or the run directory cannot be used. A variant that
/// cannot be made is part of the result.
pub fn compress(
    options: &CompressOptions,
    progress: &Progress,
) -> Result<CompressResult, WorkflowError> {
    let study = study::load(&options.study, options.trust)?;
    let loaded = study::open(&study)?;
    let mut run = OpenRun::start(study, loaded, options.out.as_deref(), false, progress)?;
    progress(ProgressEvent::RunDirectory(run.path()));
    let sysfs_root = options.sysfs_root.as_deref().map(sysfs_root).transpose()?;
    let forecasts =
        ForecastSources { history: options.forecast_history.as_deref(), latency: false };
    let made = make_variants(&run, sysfs_root.as_deref(), &forecasts, progress)?;
    let evaluation_outcome = match options.evaluate {
        true => evaluate_variants(&run, &made.records, progress).map(Some),
        false => Ok(None),
    };
    // Without a baseline's predictions the variants are there all the same.
    let (evaluations, evaluation_error) = match evaluation_outcome {
        Ok(evaluations) => (evaluations, None),
        Err(error) if options.require_evaluation => return Err(error),
        Err(error) => (None, Some(error)),
    };
    let evaluated = evaluations.is_some();
    let regimes = match evaluated {
        true => evaluate_regimes(&run, &run.study.regimes, &made.records, progress)?,
        false => vec![],
    };
    let none = || Err(MissingReason("no evaluation was asked for".into()));
    let mut evaluations = evaluations.unwrap_or_default();
    let variants = made.records.into_iter().map(|record| {
        let evaluation = evaluations.remove(&record.name).unwrap_or_else(none);
        VariantResult { record, evaluation, measurements: vec![], layers: vec![] }
    });
    Ok(CompressResult {
        variants: variants.collect(),
        evaluated,
        regimes,
        evaluation_error,
        not_made: made.failures,
        manifest_sha256: run.seal()?,
        run: run.path().to_path_buf(),
    })
}
