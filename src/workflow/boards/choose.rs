//! Targets by their names, and the inventory that new ones are written to.

use crate::workflow::WorkflowError;
use paring_boards::{FolderTrust, INVENTORY_VARIABLE, Inventory, Target};
use std::path::{Path, PathBuf};

/// The one machine that a word names, for work that happens on one.
///
/// # Errors
/// [`WorkflowError`] where the word names none or several.
pub fn one_target(word: &str, trust: FolderTrust) -> Result<Target, WorkflowError> {
    let inventory = Inventory::find(Path::new(""), trust)?;
    let chosen = paring_boards::select_targets(&[word.to_string()], &inventory)?;
    <[Target; 1]>::try_from(chosen).map(|[one]| one).map_err(|several| {
        let names: Vec<&str> = several.iter().map(|t| t.name.as_str()).collect();
        WorkflowError::Option(format!("`{word}` means {}; name one of them", names.join(", ")))
    })
}

/// The inventory that new boards are written to.
///
/// # Errors
/// [`WorkflowError::Option`] where there is no home folder and no file is named.
pub fn inventory_file() -> Result<PathBuf, WorkflowError> {
    let named = std::env::var_os(INVENTORY_VARIABLE).map(PathBuf::from);
    named.or_else(paring_boards::user_inventory_path).ok_or_else(|| {
        let problem = format!("there is no home folder; name a file by {INVENTORY_VARIABLE}");
        WorkflowError::Option(problem)
    })
}
