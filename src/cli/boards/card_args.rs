//! Options of `paring flash write` and `paring flash verify`, and the question before a card is written.

use crate::cli::{CodedError, ExitCode};
use crate::workflow::CardOptions;
use clap::Args;
use paring_boards::flash::{CardDevice, partitions};
use std::io::BufRead;
use std::path::{Path, PathBuf};

#[derive(Debug, Args)]
pub(super) struct CardArgs {
    /// The image; .xz and .gz are unpacked on the way
    image: PathBuf,
    /// The card: a block device such as /dev/sdb or /dev/mmcblk0
    device: PathBuf,
    /// The image's block map. Default: a .bmap file beside it, if there is one
    #[arg(long)]
    bmap: Option<PathBuf>,
    /// Also devices that are built in, and ordinary files
    #[arg(long)]
    any_device: bool,
}

#[derive(Debug, Args)]
pub(super) struct WriteCardArgs {
    #[command(flatten)]
    pub(super) card: CardArgs,
    /// Do not ask
    #[arg(long)]
    pub(super) yes: bool,
}

impl From<CardArgs> for CardOptions {
    fn from(args: CardArgs) -> CardOptions {
        let CardArgs { image, device, bmap, any_device } = args;
        CardOptions { image, device, bmap, any_device }
    }
}

/// Shows the partitions that would be lost, and asks.
pub(super) fn agreed(card: &CardDevice) -> Result<bool, CodedError> {
    let failed = |e: std::io::Error| CodedError::new(ExitCode::Internal, e);
    let path = card.path();
    let model = card.disk.as_ref().and_then(|disk| disk.model.clone()).unwrap_or_default();
    let size = card.bytes.map_or_else(|| "an ordinary file".to_string(), |b| b.to_string());
    note!("{} {model} ({size}) now has", path.display());
    let mut file = std::fs::File::open(path).map_err(failed)?;
    match partitions(&mut file, path) {
        Ok(found) => {
            for part in found {
                let kind = if part.fat { "FAT" } else { "" };
                note!("  {:>10} {kind}{}", part.bytes, part.name);
            }
        }
        Err(_) => note!("  no partition table"),
    }
    note!("All of it will be lost. Type the device's path to go on:");
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).map_err(failed)?;
    Ok(Path::new(line.trim()) == path)
}
