//! Machines that run variants: profiles and inventories, how a board is reached, and how an agent is
//! started there.

mod child;
mod choose;
mod errand;
mod error;
mod inventory;
pub mod flash;
mod local;
mod profile;
mod quote;
mod ssh;
mod transfer;
mod typed;

pub use child::{Ended, Limits};
pub use choose::{Reach, Target, choose};
pub use errand::{Errand, files_below};
pub use error::TargetError;
pub use inventory::{INVENTORY, INVENTORY_VARIABLE, Inventory, InventoryError, own_inventory};
pub use local::LocalAgent;
pub use profile::{Profile, ProfileError, Throttling, profile, profiles, recognise};
pub use ssh::{Address, Connection};
pub use transfer::Parcel;
pub use typed::{Mistyped, typed};
