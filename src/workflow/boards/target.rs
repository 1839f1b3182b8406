//! The inventory: targets that are known, a new one, their state, and leaving them.

use super::inventory_file;
use crate::workflow::{Progress, ProgressEvent, WorkflowError, on_all};
use paring_boards::{
    self, CheckFinding, FolderTrust, Inventory, SshAddress, Target, TargetEvent, TargetProfile,
};
use paring_core::schema::TargetEnvironment;
use paring_core::text::shell_word;
use std::path::{Path, PathBuf};

/// Targets that a study can name.
#[derive(Clone, Debug)]
pub struct TargetList {
    /// Targets of the inventory, and its files.
    pub inventory: Inventory,
    /// Profiles that targets can extend, or that this machine can be.
    pub profiles: Vec<TargetProfile>,
}

/// Targets and profiles that are known here.
///
/// # Errors
/// [`WorkflowError`] where an inventory cannot be read.
pub fn list_targets(trust: FolderTrust) -> Result<TargetList, WorkflowError> {
    let inventory = Inventory::find(Path::new(""), trust)?;
    Ok(TargetList { inventory, profiles: paring_boards::shipped_profiles().unwrap_or_default() })
}

/// A board that is new to the inventory.
#[derive(Clone, Debug)]
pub struct AddTargetOptions {
    /// Its place, as ssh has it.
    pub address: SshAddress,
    /// Its name in studies; the host's without it.
    pub name: Option<String>,
    /// True for an emulator.
    pub emulated: bool,
    /// The profile, where it is not to be recognised.
    pub profile: Option<String>,
    /// Trust in whoever made the inventory.
    pub trust: FolderTrust,
}

/// A board that was written to the inventory.
#[derive(Clone, Debug)]
pub struct AddedTarget {
    /// Its name in studies.
    pub name: String,
    /// The profile that it extends.
    pub profile: TargetProfile,
    /// The board, as it described itself.
    pub environment: TargetEnvironment,
    /// The inventory.
    pub inventory: PathBuf,
}

/// Connects to a board, recognises it, and writes it into the inventory.
///
/// # Errors
/// [`WorkflowError`] of a name or profile that cannot be, and of a board that cannot be reached.
pub fn add_target(
    options: &AddTargetOptions,
    progress: &Progress,
) -> Result<AddedTarget, WorkflowError> {
    let known = Inventory::find(Path::new(""), options.trust)?;
    let address = &options.address;
    let host = address.destination.rsplit('@').next().unwrap_or_default();
    let name = options.name.clone().unwrap_or_else(|| host.to_string());
    refuse_known(&known, &name)?;
    let inventory = inventory_file()?;
    // A name that cannot be is refused before anything is sent.
    let chosen = options.profile.as_deref().map(paring_boards::shipped_profile).transpose()?;
    if let Some(any) = paring_boards::shipped_profiles()?.first() {
        paring_boards::inventory_entry(&name, any, address, false)?;
    }
    let (recognised, environment) = paring_boards::identify_board(address, None, &mut |news| {
        if let TargetEvent::Note(note) = news {
            progress(ProgressEvent::Note(&note));
        }
    })?;
    let profile = chosen.unwrap_or(recognised);
    let emulated = options.emulated || environment.emulated;
    let entry = paring_boards::inventory_entry(&name, &profile, address, emulated)?;
    paring_boards::add_inventory_entry(&inventory, &entry)?;
    Ok(AddedTarget { name, profile, environment, inventory })
}

/// Refuses a name that is a target's already, before a board is spoken to.
fn refuse_known(inventory: &Inventory, name: &str) -> Result<(), WorkflowError> {
    match inventory.targets.iter().find(|target| target.name == name) {
        Some(target) => Err(WorkflowError::Option(format!(
            "`{name}` is a target already: {} at {}; choose another name with --name, or `paring target remove {}` before",
            target.profile.name,
            target.transport,
            shell_word(name)
        ))),
        None => Ok(()),
    }
}

/// Takes a target out of the inventory file that it stands in, and gives that file. The board itself is
/// left as it is.
///
/// # Errors
/// [`WorkflowError`] where no inventory has it, or the file cannot be edited.
pub fn remove_target(name: &str, trust: FolderTrust) -> Result<PathBuf, WorkflowError> {
    let path = file_of(name, trust)?;
    paring_boards::remove_inventory_entry(&path, name)?;
    Ok(path)
}

/// Gives a target another name, and gives the file that it stands in. Runs keep the name that they were
/// measured under.
///
/// # Errors
/// [`WorkflowError`] where no inventory has it, the new name cannot be one or is taken, or the file cannot
/// be edited.
pub fn rename_target(name: &str, to: &str, trust: FolderTrust) -> Result<PathBuf, WorkflowError> {
    let path = file_of(name, trust)?;
    refuse_known(&Inventory::find(Path::new(""), trust)?, to)?;
    paring_boards::rename_inventory_entry(&path, name, to)?;
    Ok(path)
}

/// The first inventory file that has a target of this name: the one that counts.
fn file_of(name: &str, trust: FolderTrust) -> Result<PathBuf, WorkflowError> {
    let inventory = Inventory::find(Path::new(""), trust)?;
    for path in &inventory.files {
        let mut one = Inventory::default();
        if path.exists() {
            one.add(path, trust)?;
        }
        if one.targets.iter().any(|target| target.name == name) {
            return Ok(path.clone());
        }
    }
    let words = [name.to_string()];
    let target = paring_boards::select_targets(&words, &inventory)?.into_iter().next();
    let kind = target.map(|target| target.name).unwrap_or_default();
    Err(WorkflowError::Option(format!(
        "no inventory has a target `{name}`; {kind} is a profile or a place of a farm, and stands in no file"
    )))
}

/// The targets that names or labels choose; all of the inventory without any.
fn chosen(names: &[String], trust: FolderTrust) -> Result<Vec<Target>, WorkflowError> {
    let inventory = Inventory::find(Path::new(""), trust)?;
    if !names.is_empty() {
        return Ok(paring_boards::select_targets(names, &inventory)?);
    }
    inventory.refuse_untrusted(&inventory.targets)?;
    match inventory.targets.is_empty() {
        true => Err(WorkflowError::Option(
            "the inventory is empty; `paring target add user@host`".into(),
        )),
        false => Ok(inventory.targets),
    }
}

/// State of targets; all of the inventory without names.
///
/// # Errors
/// [`WorkflowError`] where a name or label chooses nothing.
pub fn check_targets(
    names: &[String],
    trust: FolderTrust,
    progress: &Progress,
) -> Result<Vec<(Target, Vec<CheckFinding>)>, WorkflowError> {
    let targets = chosen(names, trust)?;
    let outcomes =
        on_all(&targets, progress, &|target, heard| Ok(paring_boards::check_target(target, heard)));
    let checked = outcomes
        .into_iter()
        .filter_map(|(target, findings)| Some((target.clone(), findings.ok()?)));
    Ok(checked.collect())
}

/// Removes everything that paring put on boards; `cleaned` hears of each.
///
/// # Errors
/// [`WorkflowError::Clean`] of the first board where that failed.
pub fn clean_targets(
    names: &[String],
    trust: FolderTrust,
    cleaned: &mut dyn FnMut(&Target),
) -> Result<(), WorkflowError> {
    let inventory = Inventory::find(Path::new(""), trust)?;
    for target in &paring_boards::select_targets(names, &inventory)? {
        paring_boards::clean_target(target, &mut |_| {})
            .map_err(|source| WorkflowError::Clean { target: target.name.clone(), source })?;
        cleaned(target);
    }
    Ok(())
}
