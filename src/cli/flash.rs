//! `paring flash`: a card image with a board's first boot inside, written to a card and read back.

use super::progress::bar;
use super::target::own_inventory;
use super::{Coded, ExitCode, Global};
use clap::{Args, Subcommand};
use paring_agent::sensors;
use paring_boards::flash::{
    self, BlockMap, CardDevice, FirstBootConfig, FlashError, WirelessNetwork, partitions,
};
use paring_boards::{self, SshAddress, TargetProfile};
use paring_core::schema::Sha256Hex;
use paring_core::units::Bytes;
use serde_json::json;
use std::io::BufRead;
use std::path::{Path, PathBuf};

/// Prepare card images, write them to cards, and check what is on a card
#[derive(Debug, Args)]
pub(super) struct Flash {
    #[command(subcommand)]
    verb: FlashVerb,
}

#[derive(Debug, Subcommand)]
enum FlashVerb {
    /// Put the agent, a key, a host name and the network into an image
    Prepare(Box<Prepare>),
    /// Write an image to a card, and read it back
    Write(Write_),
    /// Compare a card with an image
    Verify(Written),
}

#[derive(Debug, Args)]
struct Prepare {
    /// The image as its maker gives it, unpacked: Raspberry Pi OS or Jetson Linux
    image: PathBuf,
    /// The board's name: in the network, and among the targets
    #[arg(long)]
    target: String,
    /// What the board is, a profile's name: raspberry-pi-5, say; `paring target list` names them all
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

#[derive(Debug, Args)]
struct Written {
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
struct Write_ {
    #[command(flatten)]
    written: Written,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

impl From<FlashError> for Coded {
    fn from(error: FlashError) -> Self {
        let code = match &error {
            FlashError::Io { doing, .. } if *doing == "write" => ExitCode::Internal,
            FlashError::VerifyMismatch { .. } | FlashError::BlockMapChecksum { .. } => {
                ExitCode::Rejected
            }
            _ => ExitCode::Input,
        };
        Coded::new(code, error)
    }
}

impl Flash {
    pub(super) fn run(self, global: &Global) -> Result<(), Coded> {
        match self.verb {
            FlashVerb::Prepare(verb) => verb.run(global),
            FlashVerb::Write(verb) => verb.run(global),
            FlashVerb::Verify(verb) => {
                let (card, map) = verb.found()?;
                verb.compare(&card, map.as_ref(), global)
            }
        }
    }
}

fn read(path: &Path) -> Result<Vec<u8>, Coded> {
    std::fs::read(path).map_err(|e| {
        Coded::new(
            ExitCode::Input,
            anyhow::Error::new(e).context(format!("read {}", path.display())),
        )
    })
}

impl Prepare {
    /// The agent that was named, or the one that a deployment would take.
    fn agent(&self, kind: &TargetProfile, quiet: bool) -> Result<Vec<u8>, Coded> {
        match (&self.agent, &kind.triple) {
            (Some(path), _) => read(path),
            (None, Some(triple)) => {
                let hear = |note: &str| {
                    if !quiet {
                        note!("{note}");
                    }
                };
                read(&paring_boards::agent_file(triple, &mut { hear })?.path)
            }
            (None, None) => {
                let hint = "is no board: it has no triple; choose another, or give --agent";
                let error = anyhow::anyhow!("profile `{}` {hint}", kind.name);
                Err(Coded::new(ExitCode::Input, error))
            }
        }
    }

    fn run(self, global: &Global) -> Result<(), Coded> {
        let text = |path: &Path| read(path).map(|b| String::from_utf8_lossy(&b).into_owned());
        let wireless = match (&self.wireless, &self.wireless_password_file, &self.country) {
            (Some(name), Some(file), Some(country)) => {
                let password = text(file)?.trim_end_matches(['\r', '\n']).to_string();
                Some(WirelessNetwork { name: name.clone(), password, country: country.clone() })
            }
            _ => None,
        };
        let kind = paring_boards::shipped_profile(&self.extends)
            .map_err(|e| Coded::new(ExitCode::Input, e))?;
        let destination = format!("{}@{}.local", self.user, self.target);
        let address = SshAddress { destination, port: None, config: None };
        // What is wrong with the name is said before anything is written.
        let entry = paring_boards::inventory_entry(&self.target, &kind, &address, false)?;
        let inventory = own_inventory()?;
        let agent = self.agent(&kind, global.quiet)?;
        let boot = FirstBootConfig {
            host_name: self.target.clone(),
            user: self.user.clone(),
            keys: text(&self.key)?,
            wireless,
            // Where a deployment looks for it: it need not be sent then.
            agent_path: format!("{}/blobs/{}", kind.work, Sha256Hex::of(&agent)),
            agent,
        };
        let out = self.out.clone().unwrap_or_else(|| {
            let stem = self.image.file_stem().unwrap_or_default().to_string_lossy();
            self.image.with_file_name(format!("{stem}-{}.img", self.target))
        });
        let prepared = flash::prepare_image(&self.image, &out, &boot)?;
        paring_boards::add_inventory_entry(&inventory, &entry)?;
        if global.json {
            say!(
                "{:#}",
                json!({
                    "image": out, "system": prepared.system, "files": prepared.files,
                    "inventory": inventory, "address": address.destination,
                })
            );
            return Ok(());
        }
        say!("{}: {}, with", out.display(), prepared.system);
        prepared.files.iter().for_each(|file| say!("  {file}"));
        say!("`{}` is {} in {}", self.target, address.destination, inventory.display());
        Ok(())
    }
}

impl Written {
    fn found(&self) -> Result<(CardDevice, Option<BlockMap>), Coded> {
        let card = CardDevice::find(sensors::root(), &self.device, self.any_device)?;
        let map = BlockMap::find(&self.image, self.bmap.as_deref())?;
        card.refuse_same(&self.image, map.as_ref())?;
        Ok((card, map))
    }

    fn compare(
        &self,
        card: &CardDevice,
        map: Option<&BlockMap>,
        global: &Global,
    ) -> Result<(), Coded> {
        let length = flash::image_length(&self.image, map)?;
        let bar = bar("read back", length.unwrap_or(0) as usize, global.quiet);
        let found = card.verify(&self.image, map, &mut |done| bar.set_position(done))?;
        bar.finish_and_clear();
        let (device, image) = (card.path(), &self.image);
        if global.json {
            // What was not compared is not known to be the same.
            let same = (found.skipped == 0).then_some(true);
            say!(
                "{:#}",
                json!({
                    "image": image, "device": device, "same": same,
                    "compared_bytes": found.compared, "not_compared_bytes": found.skipped,
                })
            );
            return Ok(());
        }
        let (device, image) = (device.display(), image.display());
        match found.skipped {
            0 => say!("{device} holds {image}, byte for byte"),
            skipped => say!(
                "{device} holds the {} of {image} that its block map has, byte for byte; {}, zero in the image, were neither written nor compared",
                Bytes(found.compared),
                Bytes(skipped)
            ),
        }
        Ok(())
    }
}

impl Write_ {
    fn run(self, global: &Global) -> Result<(), Coded> {
        let (card, map) = self.written.found()?;
        if !self.yes && !agreed(&card)? {
            let error = anyhow::anyhow!("nothing was written to {}", card.path().display());
            return Err(Coded::new(ExitCode::Input, error));
        }
        let length = flash::image_length(&self.written.image, map.as_ref())?;
        let bar = bar("write", length.unwrap_or(0) as usize, global.quiet);
        card.write(&self.written.image, map.as_ref(), &mut |done| bar.set_position(done))?;
        bar.finish_and_clear();
        self.written.compare(&card, map.as_ref(), global)
    }
}

/// Shows what would be lost, and asks.
fn agreed(card: &CardDevice) -> Result<bool, Coded> {
    let failed = |e: std::io::Error| Coded::new(ExitCode::Internal, e);
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
