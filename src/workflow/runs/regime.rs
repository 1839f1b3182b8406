//! A further regime of a run that is finished: its variants evaluated on other data, beside what stands
//! there.

use crate::pipeline;
use crate::report::{self, RegimeEvaluation};
use crate::study::{self, Regime, RunDirectory};
use crate::workflow::gate::record_gate;
use crate::workflow::open_run::OpenRun;
use crate::workflow::report::write_report_if_possible;
use crate::workflow::variants::{evaluate_regimes, made_variants};
use crate::workflow::{Progress, WorkflowError};
use paring_boards::FolderTrust;
use paring_core::schema::Sha256Hex;
use std::path::PathBuf;

/// A regime to be added.
#[derive(Clone, Debug)]
pub struct RegimeOptions {
    /// The run directory.
    pub run: PathBuf,
    /// Path of the study file, if it has moved.
    pub study: Option<PathBuf>,
    /// Trust in whoever made the study: its folder may name programs to run.
    pub trust: FolderTrust,
    /// The regime's name.
    pub name: String,
    /// Its data, a file or folder.
    pub data: PathBuf,
    /// Columns that name subsets.
    pub slices: Vec<String>,
    /// Column of groups that intervals resample whole.
    pub group: Option<String>,
}

/// Result of [`add_regime`].
#[derive(Debug)]
pub struct RegimeResult {
    /// The regime, evaluated.
    pub regimes: Vec<RegimeEvaluation>,
    /// `regimes.csv`.
    pub file: PathBuf,
    /// Hash of the run's manifest from now on.
    pub manifest_sha256: Sha256Hex,
}

/// Evaluates the variants of a run on further data.
///
/// # Errors
/// [`WorkflowError`] where the run or its study cannot be used, and where the data do not fit or stand
/// under another name already.
pub fn add_regime(
    options: &RegimeOptions,
    progress: &Progress,
) -> Result<RegimeResult, WorkflowError> {
    let regime = Regime::new(&options.name, Some(options.data.clone()));
    let regime = regime.map_err(WorkflowError::Option)?;
    let mut run = OpenRun::reopen(&options.run, options.study.as_deref(), options.trust, progress)?;
    // Columns that the study names hold also where its data came later.
    let named = run.study.regimes.iter().find(|own| own.name == regime.name);
    let slices = match (options.slices.is_empty(), named) {
        (true, Some(named)) => named.slices.clone(),
        _ => options.slices.clone(),
    };
    let group = options.group.clone().or_else(|| named.and_then(|named| named.group.clone()));
    let regime = Regime { slices, group, ..regime };
    let name = regime.name.clone();
    let variants = made_variants(&run)?;
    let regimes = evaluate_regimes(&run, &[regime], &variants, progress)?;
    let required = &run.directory.protocol.require;
    if required.iter().any(|own| own.regime.as_deref() == Some(&*name)) {
        judge_again(&run.directory)?;
        record_gate(&run.directory, &run.study.owner, progress)?;
    }
    write_report_if_possible(&run.directory, progress);
    let file = run.directory.folders.regime_scores().to_path_buf();
    Ok(RegimeResult { regimes, file, manifest_sha256: run.seal()? })
}

/// Verdicts in `results.csv` on a regime that requirements were waiting for.
fn judge_again(directory: &RunDirectory) -> Result<(), WorkflowError> {
    let (folders, facts) = (&directory.folders, directory.protocol.facts());
    let rows = study::recorded_rows(folders)?.rows;
    match rows.is_empty() {
        true => Ok(()),
        false => {
            let csv = report::results_csv(&facts, &rows)?;
            Ok(pipeline::replace(&folders.results(), &csv)?)
        }
    }
}
