//! Machines that run variants: profiles and inventories, how a board is reached, and how an agent is
//! started there.

mod agents;
mod board;
mod check;
mod child;
mod choose;
mod errand;
mod error;
mod farm;
mod follow;
mod interrupt;
mod inventory;
mod inventory_error;
pub mod flash;
mod local;
mod nodes;
mod predict;
mod profile;
mod quote;
mod results;
mod site;
mod ssh;
mod transfer;
mod trust;
mod typed;

pub use agents::{AGENTS_VARIABLE, AgentFile, agent_file};
pub use board::{Board, News};
pub use check::{Finding, Grade, check, clean, entry, identify};
pub use child::{Ended, Limits};
pub use choose::{Reach, Target, choose};
pub use errand::{Errand, files_below};
pub use error::TargetError;
pub use farm::Farm;
pub use follow::RemoteJob;
pub use interrupt::{catch_interrupts, interrupted_again};
pub use inventory::{INVENTORY, INVENTORY_VARIABLE, Inventory, add_entry, own_inventory};
pub use inventory_error::InventoryError;
pub use local::LocalAgent;
pub use predict::Asked;
pub use profile::{Profile, ProfileError, Throttling, profile, profiles, recognise};
pub use site::{Site, own_name};
pub use ssh::{Address, Connection};
pub use transfer::Parcel;
pub use trust::{Trust, is_variable_name};
pub use typed::{Mistyped, nearest, typed};
