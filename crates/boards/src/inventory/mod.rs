//! The boards that a user has: inventory files, trust in them, and the targets that words select.

mod error;
mod inventory_edit;
mod inventory_file;
mod merged_inventory;
mod search_path;
mod selection;
mod target;
mod trust;

pub use error::InventoryError;
pub use inventory_edit::{remove_inventory_entry, rename_inventory_entry};
pub use inventory_file::{
    InventoryFile, add_inventory_entry, inventory_entry, is_environment_variable_name,
};
pub use merged_inventory::Inventory;
pub use search_path::{INVENTORY_FILE_NAME, INVENTORY_VARIABLE, user_inventory_path};
pub use selection::select_targets;
pub use target::{Target, TargetTransport};
pub use trust::FolderTrust;
