//! Boards that a run's study does not name get approved variants alone, where the study asks for approvals;
//! whichever verb brings them there.

use super::approval_states;
use crate::ledger::read_ledger;
use crate::pipeline::{BASELINE, Folders, variant_names, variant_record};
use crate::study::{ApprovalRules, RunDirectory, StudyError};
use crate::workflow::WorkflowError;
use paring_boards::{Target, TargetTransport};
use paring_core::schema::Sha256Hex;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Folders between a run and a model in it, at most: `signed/VARIANT/`.
const DEPTH: usize = 3;

/// Refuses models that lie in a run whose study asks for approvals, and all models of a run that is named
/// itself, where the target is a board that the study does not name and the model is no approved variant.
/// Copies elsewhere are not known to be a run's.
///
/// # Errors
/// [`WorkflowError::NotApproved`] names the first variant that is not, and what is lacking.
pub(crate) fn refuse_unapproved_models<'a>(
    models: impl IntoIterator<Item = &'a Path>,
    target: &Target,
) -> Result<(), WorkflowError> {
    if target.transport == TargetTransport::Local {
        return Ok(());
    }
    for model in models {
        let Some(run) = run_of(model) else { continue };
        let folders = Folders::new(&run);
        let rules = ApprovalRules::of(&read_ledger(&folders.ledger())?);
        if !rules.required || own_targets(&folders).contains(&target.name) {
            continue;
        }
        if !model.is_dir() {
            refuse_unapproved_model(&run, model, target)?;
            continue;
        }
        for name in variant_names(&folders)? {
            let file = variant_record(&folders, &name)?.file;
            let file = folders.variants().join(&file).to_path_buf();
            refuse_unapproved_model(&run, &file, target)?;
        }
    }
    Ok(())
}

fn refuse_unapproved_model(run: &Path, model: &Path, target: &Target) -> Result<(), WorkflowError> {
    let refused = |variant: String, lacking: String| WorkflowError::NotApproved {
        variant,
        target: target.name.clone(),
        lacking,
    };
    let folders = Folders::new(run);
    let sha256 = Sha256Hex::of_file(model)
        .map_err(|source| WorkflowError::ReadFile { path: model.to_path_buf(), source })?;
    for name in variant_names(&folders)? {
        if variant_record(&folders, &name)?.file_sha256 != sha256 {
            continue;
        }
        if name == BASELINE {
            return Ok(());
        }
        let state = approval_states(run, std::slice::from_ref(&name))?.remove(0).1;
        return state.lacking.map_or(Ok(()), |lacking| Err(refused(name, lacking)));
    }
    let name = model.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    Err(refused(name, format!("{} is no variant of the run", model.display())))
}

/// The run that a file lies in, or the folder itself.
fn run_of(model: &Path) -> Option<PathBuf> {
    let whole = model.canonicalize().ok()?;
    let own = usize::from(!whole.is_dir());
    let mut folders = whole.ancestors().skip(own).take(DEPTH);
    // A damaged one is one, too.
    let is_run =
        |folder: &&Path| !matches!(RunDirectory::protocol_of(folder), Err(StudyError::NoRun(_)));
    folders.find(is_run).map(Path::to_path_buf)
}

/// Names of the targets in the study that a run keeps.
fn own_targets(folders: &Folders) -> BTreeSet<String> {
    let bytes = folders.root().join("study.toml").read().unwrap_or_default();
    let text = String::from_utf8(bytes).unwrap_or_default();
    let table: toml::Table = text.parse().unwrap_or_default();
    let targets = table.get("target").and_then(toml::Value::as_array);
    let names = targets.into_iter().flatten().filter_map(|target| target.get("name")?.as_str());
    names.map(str::to_string).collect()
}
