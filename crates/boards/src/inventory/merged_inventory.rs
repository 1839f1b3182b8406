//! All boards that are known here, merged from the inventory files; those of untrusted files are known and
//! cannot be chosen.

use super::error::InventoryError;
use super::inventory_file::parse;
use super::search_path::{INVENTORY_VARIABLE, InventoryLocation, inventory_locations};
use super::target::Target;
use super::trust::{FolderTrust, UntrustedEntry};
use std::path::{Path, PathBuf};

/// All boards that are known here.
#[derive(Clone, Debug, Default)]
pub struct Inventory {
    /// The files that were read, the first the one that counts where names meet.
    pub files: Vec<PathBuf>,
    /// The boards, in the files' order.
    pub targets: Vec<Target>,
    /// Entries of files that are not trusted.
    untrusted: Vec<UntrustedEntry>,
    /// Names that mean another board in a later file, and that file.
    disputed: Vec<(String, PathBuf)>,
}

impl Inventory {
    /// Reads the inventories for a study in `folder`: the one that `PARING_INVENTORY` names, or
    /// those beside the study and in the configuration folder. None is fine. `trust` is that in the
    /// owner of `folder`.
    ///
    /// # Errors
    /// [`InventoryError`] names the file, the line and the key.
    pub fn find(folder: &Path, trust: FolderTrust) -> Result<Inventory, InventoryError> {
        let mut inventory = Inventory::default();
        for InventoryLocation { path, users_own } in inventory_locations(folder) {
            if path.exists() {
                inventory.add(&path, if users_own { FolderTrust::Given } else { trust })?;
            } else if std::env::var_os(INVENTORY_VARIABLE).is_some() {
                // The first board is still to be entered.
                inventory.files.push(path);
            }
        }
        Ok(inventory)
    }

    /// Adds a file's boards; a name that is there already keeps its meaning. Without trust in the
    /// file's owner, boards with keys that can run programs, or with the name of another board in a file
    /// that is added later, are known and cannot be chosen.
    ///
    /// # Errors
    /// [`InventoryError`] names the file, the line and the key.
    pub fn add(&mut self, path: &Path, trust: FolderTrust) -> Result<(), InventoryError> {
        let text = std::fs::read_to_string(path).map_err(|source| InventoryError::Io {
            doing: "read",
            path: path.to_path_buf(),
            source,
        })?;
        for target in parse(path, &text)? {
            let known = self.targets.iter().find(|known| known.name == target.name);
            if known.is_some_and(|known| *known != target) {
                self.disputed.push((target.name.clone(), path.to_path_buf()));
            }
            if known.is_none() {
                if trust == FolderTrust::Withheld {
                    let (path, name) = (path.to_path_buf(), target.name.clone());
                    let key = target.key_that_runs_programs();
                    self.untrusted.push(UntrustedEntry { path, name, key });
                }
                self.targets.push(target);
            }
        }
        self.files.push(path.to_path_buf());
        Ok(())
    }

    /// Refuses targets that would run what nobody trusts, or that somebody who is not trusted has named
    /// as the user has named another.
    ///
    /// # Errors
    /// [`InventoryError::Untrusted`] names the file, the entry and the key, [`InventoryError::Disputed`]
    /// both files.
    pub fn refuse_untrusted(&self, targets: &[Target]) -> Result<(), InventoryError> {
        let selected = |one: &&UntrustedEntry| targets.iter().any(|target| target.name == one.name);
        for UntrustedEntry { path, name, key } in self.untrusted.iter().filter(selected) {
            let (path, name) = (path.clone(), name.clone());
            if let Some(key) = key {
                return Err(InventoryError::Untrusted { path, name, key });
            }
            if let Some((_, other)) = self.disputed.iter().find(|(disputed, _)| *disputed == name) {
                return Err(InventoryError::Disputed { path, name, other: other.clone() });
            }
        }
        Ok(())
    }
}
