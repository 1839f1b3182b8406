//! Machines that run variants: their profiles and inventories, the transport to them, the agent deployed
//! there, and cards flashed for them.
//!
//! `profiles` and `inventory` say what there is; `transport` reaches it; `deploy` puts the agent there
//! and has it measure. `flash` makes cards that boards boot from, and knows nothing of the others.

mod deploy;
mod error;
pub mod flash;
mod host_check;
mod interrupt;
mod inventory;
mod key_schemas;
mod profiles;
mod transport;

pub use deploy::{
    AGENTS_VARIABLE, AgentFile, Board, CheckFinding, CheckGrade, RemoteJob, RemotePrediction,
    RemoteProgram, TargetEvent, TargetSession, agent_file, check_target, clean_target, files_below,
    identify_board, user_and_host_name,
};
pub use error::TargetError;
pub use host_check::check_host;
pub use interrupt::{catch_interrupts, interrupted_again};
pub use inventory::{
    FolderTrust, INVENTORY_FILE_NAME, INVENTORY_VARIABLE, Inventory, InventoryError, InventoryFile,
    Target, TargetTransport, add_inventory_entry, inventory_entry, is_environment_variable_name,
    remove_inventory_entry, rename_inventory_entry, select_targets, user_inventory_path,
};
pub use profiles::{
    ProfileError, TargetProfile, ThrottlingSource, profile_of_machine, shipped_profile,
    shipped_profiles,
};
pub use transport::{
    FileUpload, LabgridRequest, LocalAgent, ProcessLimits, ProcessOutcome, SshAddress,
    SshConnection,
};
