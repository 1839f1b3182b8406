//! Locations of inventory files: the one that `PARING_INVENTORY` names, or those beside the study and in
//! the user's configuration folder.

use std::path::{Path, PathBuf};

/// The file's name, wherever it lies.
pub const INVENTORY_FILE_NAME: &str = "targets.toml";
/// Names an inventory that is read instead of the others.
pub const INVENTORY_VARIABLE: &str = "PARING_INVENTORY";

/// A location of an inventory file.
pub(super) struct InventoryLocation {
    pub(super) path: PathBuf,
    /// True where it is the user's own, and not of whoever made the study's folder.
    pub(super) users_own: bool,
}

/// Locations of inventory files for a study in `folder`, nearest first.
pub(super) fn inventory_locations(folder: &Path) -> Vec<InventoryLocation> {
    let users = |path| InventoryLocation { path, users_own: true };
    if let Some(named) = std::env::var_os(INVENTORY_VARIABLE) {
        return vec![users(named.into())];
    }
    let (beside, own_path) = (folder.join(INVENTORY_FILE_NAME), user_inventory_path());
    let resolved = |path: &Path| path.canonicalize().ok();
    let users_own =
        own_path.as_deref().and_then(resolved).is_some_and(|path| resolved(&beside) == Some(path));
    std::iter::once(InventoryLocation { path: beside, users_own })
        .chain(own_path.map(users))
        .collect()
}

/// The inventory in the user's configuration folder; `None` without a home.
pub fn user_inventory_path() -> Option<PathBuf> {
    let given = std::env::var_os("XDG_CONFIG_HOME").filter(|v| !v.is_empty()).map(PathBuf::from);
    let folder =
        given.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".config")))?;
    Some(folder.join("paring").join(INVENTORY_FILE_NAME))
}
