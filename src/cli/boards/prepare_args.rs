//! Options of `paring flash prepare`.

use crate::workflow::{PrepareOptions, WirelessOptions};
use clap::Args;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(super) struct PrepareArgs {
    /// The image as its maker gives it, unpacked: Raspberry Pi OS or Jetson Linux
    image: PathBuf,
    /// The board's name: in the network, and among the targets
    #[arg(long)]
    target: String,
    /// Kind of the board, a profile's name: raspberry-pi-5, say; `paring target list` names them all
    #[arg(long)]
    extends: String,
    /// The agent for the board. Default: the one that a deployment would take
    #[arg(long)]
    agent: Option<PathBuf>,
    /// The public key that may log in
    #[arg(long)]
    key: PathBuf,
    /// The user that paring logs in as
    #[arg(long, default_value = "paring")]
    user: String,
    /// A wireless network to join; its pass phrase is read from --wireless-password-file
    #[arg(long, requires_all = ["wireless_password_file", "country"])]
    wireless: Option<String>,
    /// A file with the pass phrase and nothing else
    #[arg(long)]
    wireless_password_file: Option<PathBuf>,
    /// The country whose rules of radio apply: DE, say
    #[arg(long)]
    country: Option<String>,
    /// The prepared image. Default: the image's name with the target's behind it
    #[arg(long)]
    out: Option<PathBuf>,
}

impl From<PrepareArgs> for PrepareOptions {
    fn from(args: PrepareArgs) -> PrepareOptions {
        let wireless = match (args.wireless, args.wireless_password_file, args.country) {
            (Some(name), Some(password_file), Some(country)) => {
                Some(WirelessOptions { name, password_file, country })
            }
            _ => None,
        };
        PrepareOptions {
            image: args.image,
            out: args.out,
            target: args.target,
            profile: args.extends,
            agent: args.agent,
            key: args.key,
            user: args.user,
            wireless,
        }
    }
}
