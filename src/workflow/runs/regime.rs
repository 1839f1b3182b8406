//! A further regime of a run that is finished: its variants evaluated on other data, beside what stands
//! there.

use crate::pipeline;
use crate::report::RegimeEvaluation;
use crate::study::Regime;
use crate::workflow::open_run::OpenRun;
use crate::workflow::report::write_report_if_possible;
use crate::workflow::variants::evaluate_regimes;
use crate::workflow::{Progress, WorkflowError};
use paring_boards::FolderTrust;
use paring_core::schema::{Sha256Hex, VariantRecord};
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
    let regime = Regime::new(&options.name, options.data.clone()).map_err(WorkflowError::Option)?;
    let regime = Regime { slices: options.slices.clone(), group: options.group.clone(), ..regime };
    let mut run = OpenRun::reopen(&options.run, options.study.as_deref(), options.trust, progress)?;
    let variants = made_variants(&run)?;
    let regimes = evaluate_regimes(&run, &[regime], &variants, progress)?;
    write_report_if_possible(&run.directory, progress);
    let file = run.directory.folders.regime_scores().to_path_buf();
    Ok(RegimeResult { regimes, file, manifest_sha256: run.seal()? })
}

/// The baseline, and the study's variants that were made, in its order.
fn made_variants(run: &OpenRun) -> Result<Vec<VariantRecord>, WorkflowError> {
    let folders = &run.directory.folders;
    let made = pipeline::variant_names(folders)?;
    let all = run.study.recipes.iter().map(|recipe| recipe.name.as_str());
    let names = std::iter::once(pipeline::BASELINE).chain(all);
    let names = names.filter(|name| *name == pipeline::BASELINE || made.iter().any(|m| m == name));
    Ok(names.map(|name| pipeline::variant_record(folders, name)).collect::<Result<_, _>>()?)
}
