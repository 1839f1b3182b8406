//! Card images: a board's first boot put into one, written to a card, and compared with it.

use super::inventory_file;
use crate::workflow::{Progress, ProgressEvent, ProgressStage, WorkflowError};
use paring_agent::sensors;
use paring_boards::flash::{
    self, BlockMap, CardComparison, CardDevice, FirstBootConfig, OperatingSystem, WirelessNetwork,
};
use paring_boards::{self, SshAddress, TargetProfile};
use paring_core::schema::Sha256Hex;
use serde::Serialize;
use std::path::{Path, PathBuf};

/// An image, and the board that it is prepared for.
#[derive(Clone, Debug)]
pub struct PrepareOptions {
    /// The image as its maker gives it, unpacked.
    pub image: PathBuf,
    /// The prepared image; the image's name with the target's behind it without one.
    pub out: Option<PathBuf>,
    /// The board's name in the network and among the targets.
    pub target: String,
    /// The board's profile.
    pub profile: String,
    /// The agent for the board; the one that a deployment would take without one.
    pub agent: Option<PathBuf>,
    /// A file with the public key that may log in.
    pub key: PathBuf,
    /// The user that logs in.
    pub user: String,
    /// A wireless network to join.
    pub wireless: Option<WirelessOptions>,
}

/// A wireless network.
#[derive(Clone, Debug)]
pub struct WirelessOptions {
    /// Its name.
    pub name: String,
    /// A file with the pass phrase and nothing else.
    pub password_file: PathBuf,
    /// The country whose rules of radio apply.
    pub country: String,
}

/// An image that was prepared, and the target that it makes.
#[derive(Clone, Debug, Serialize)]
pub struct PreparedCardImage {
    /// The prepared image.
    pub image: PathBuf,
    /// The operating system in it.
    pub system: OperatingSystem,
    /// Files that were put into it.
    pub files: Vec<String>,
    /// The inventory that names the target.
    pub inventory: PathBuf,
    /// The target's address.
    pub address: String,
}

/// Puts the agent, a key, a host name and the network into an image, and the board into the inventory.
///
/// # Errors
/// [`WorkflowError`] of a name, profile or file that cannot be used.
pub fn prepare_card_image(
    options: &PrepareOptions,
    progress: &Progress,
) -> Result<PreparedCardImage, WorkflowError> {
    let text = |path: &Path| read(path).map(|b| String::from_utf8_lossy(&b).into_owned());
    let wireless = match &options.wireless {
        Some(WirelessOptions { name, password_file, country }) => {
            let password = text(password_file)?.trim_end_matches(['\r', '\n']).to_string();
            Some(WirelessNetwork { name: name.clone(), password, country: country.clone() })
        }
        None => None,
    };
    let profile = paring_boards::shipped_profile(&options.profile)?;
    let destination = format!("{}@{}.local", options.user, options.target);
    let address = SshAddress { destination, port: None, config: None };
    // A name that cannot be is refused before anything is written.
    let entry = paring_boards::inventory_entry(&options.target, &profile, &address, false)?;
    let inventory = inventory_file()?;
    let agent = agent(options, &profile, progress)?;
    let boot = FirstBootConfig {
        host_name: options.target.clone(),
        user: options.user.clone(),
        keys: text(&options.key)?,
        wireless,
        // A deployment looks for it there: it need not be sent then.
        agent_path: format!("{}/blobs/{}", profile.work, Sha256Hex::of(&agent)),
        agent,
    };
    let out = options.out.clone().unwrap_or_else(|| {
        let stem = options.image.file_stem().unwrap_or_default().to_string_lossy();
        options.image.with_file_name(format!("{stem}-{}.img", options.target))
    });
    let prepared = flash::prepare_image(&options.image, &out, &boot)?;
    paring_boards::add_inventory_entry(&inventory, &entry)?;
    Ok(PreparedCardImage {
        image: out,
        system: prepared.system,
        files: prepared.files,
        inventory,
        address: address.destination,
    })
}

fn read(path: &Path) -> Result<Vec<u8>, WorkflowError> {
    std::fs::read(path)
        .map_err(|source| WorkflowError::ReadFile { path: path.to_path_buf(), source })
}

/// The agent that was named, or the one that a deployment would take.
fn agent(
    options: &PrepareOptions,
    profile: &TargetProfile,
    progress: &Progress,
) -> Result<Vec<u8>, WorkflowError> {
    match (&options.agent, &profile.triple) {
        (Some(path), _) => read(path),
        (None, Some(triple)) => {
            let mut heard = |note: &str| progress(ProgressEvent::Note(note));
            read(&paring_boards::agent_file(triple, &mut heard)?.path)
        }
        (None, None) => Err(WorkflowError::Option(format!(
            "profile `{}` is no board: it has no triple; choose another, or give --agent",
            profile.name
        ))),
    }
}

/// An image and the card that it goes to.
#[derive(Clone, Debug)]
pub struct CardOptions {
    /// The image; .xz and .gz are unpacked on the way.
    pub image: PathBuf,
    /// The card's block device.
    pub device: PathBuf,
    /// The image's block map; a .bmap file beside it without one, if there is one.
    pub bmap: Option<PathBuf>,
    /// Also devices that are built in, and ordinary files.
    pub any_device: bool,
}

/// A card that was found, and the image that goes to it.
#[derive(Debug)]
pub struct CardJob {
    /// The image.
    pub image: PathBuf,
    /// The card.
    pub card: CardDevice,
    map: Option<BlockMap>,
}

/// Finds a card and the block map of its image.
///
/// # Errors
/// [`WorkflowError`] of a device that is no card, or holds the image itself.
pub fn open_card(options: CardOptions) -> Result<CardJob, WorkflowError> {
    let CardOptions { image, device, bmap, any_device } = options;
    let card = CardDevice::find(sensors::root(), &device, any_device)?;
    let map = BlockMap::find(&image, bmap.as_deref())?;
    card.refuse_same(&image, map.as_ref())?;
    Ok(CardJob { image, card, map })
}

/// Writes the image to the card.
///
/// # Errors
/// [`WorkflowError`] where the image cannot be read or the card not be written.
pub fn write_card(job: &CardJob, progress: &Progress) -> Result<(), WorkflowError> {
    let CardJob { image, card, map } = job;
    staged(job, ProgressStage::WriteCard, progress, |done| card.write(image, map.as_ref(), done))
}

/// Compares the card with the image.
///
/// # Errors
/// [`WorkflowError`] with the first difference.
pub fn compare_card(job: &CardJob, progress: &Progress) -> Result<CardComparison, WorkflowError> {
    let CardJob { image, card, map } = job;
    staged(job, ProgressStage::ReadCard, progress, |done| card.verify(image, map.as_ref(), done))
}

/// Work on a card, told in bytes.
fn staged<T>(
    job: &CardJob,
    stage: ProgressStage,
    progress: &Progress,
    work: impl FnOnce(&mut dyn FnMut(u64)) -> Result<T, flash::FlashError>,
) -> Result<T, WorkflowError> {
    let length = flash::image_length(&job.image, job.map.as_ref())?;
    progress(ProgressEvent::StageLength { stage, total: length.unwrap_or(0) as usize });
    let outcome =
        work(&mut |done| progress(ProgressEvent::StageDone { stage, done: done as usize }))?;
    progress(ProgressEvent::StageEnd(stage));
    Ok(outcome)
}
