//! Options of `paring target`.

use crate::cli::ColumnArgs;
use crate::workflow::AddTargetOptions;
use clap::{Args, Subcommand};
use paring_boards::{FolderTrust, SshAddress};
use std::path::PathBuf;

/// The boards that are known here.
#[derive(Debug, Args)]
pub(in crate::cli) struct TargetArgs {
    #[command(subcommand)]
    pub(super) action: TargetAction,
}

#[derive(Debug, Subcommand)]
pub(super) enum TargetAction {
    /// Say which targets a study can name
    List(ColumnArgs),
    /// Connect to a board, recognise it, and write it into the inventory
    Add(AddTargetArgs),
    /// Take a target out of the inventory; the board is left as it is
    Remove {
        /// Its name
        name: String,
    },
    /// Give a target another name; runs keep the name that they were measured under
    Rename {
        /// Its name
        name: String,
        /// The new name
        to: String,
    },
    /// Say how targets are: what is there, what is missing, how to mend it
    Check {
        /// Names or labels; all boards of the inventory where there are none
        names: Vec<String>,
    },
    /// Take away everything that paring put on boards
    Clean {
        /// Names or labels
        #[arg(required = true)]
        names: Vec<String>,
    },
}

#[derive(Debug, Args)]
pub(super) struct AddTargetArgs {
    /// `user@host`, or a name in ssh's configuration
    address: String,
    /// Its name in studies; default: the host's
    #[arg(long)]
    name: Option<String>,
    /// The port
    #[arg(long)]
    port: Option<u16>,
    /// An ssh configuration instead of your own
    #[arg(long)]
    ssh_config: Option<PathBuf>,
    /// It is an emulator: every row says so
    #[arg(long)]
    emulated: bool,
    /// The profile, where it is not to be recognised
    #[arg(long)]
    profile: Option<String>,
}

impl AddTargetArgs {
    /// The options, with the trust that a global one gives.
    pub(super) fn options(self, trust: FolderTrust) -> AddTargetOptions {
        let AddTargetArgs { address, name, port, ssh_config, emulated, profile } = self;
        let address = SshAddress { destination: address, port, config: ssh_config };
        AddTargetOptions { address, name, emulated, profile, trust }
    }
}
