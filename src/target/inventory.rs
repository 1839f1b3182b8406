//! Inventories: this board, at this address. A user's file, beside the study or in the
//! configuration folder.

use super::profile::profile;
use super::typed::{Mistyped, nearest, typed};
use super::{Address, Farm, Profile, ProfileError, Reach, Target};
use crate::record::{CoolDown, EnergySource};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The file's name, wherever it lies.
pub const INVENTORY: &str = "targets.toml";
/// Names an inventory that is read instead of the others.
pub const INVENTORY_VARIABLE: &str = "PARING_INVENTORY";

/// What can be wrong with an inventory, or with what is looked for in it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InventoryError {
    /// The file cannot be read or written.
    #[error("{doing} inventory {}", path.display())]
    Io {
        /// `read`, `write`.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// The file is not TOML, or has a key or a value that an inventory has not.
    #[error("{}:{problem}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// Where and what.
        problem: Box<Mistyped>,
    },
    /// An entry makes no sense.
    #[error("{}: target `{name}`: {problem}", path.display())]
    Entry {
        /// The file.
        path: PathBuf,
        /// The entry.
        name: String,
        /// The key, what is wrong with it, and what to do.
        problem: String,
    },
    /// An entry extends a profile that is not there.
    #[error("{}: target `{name}`", path.display())]
    Profile {
        /// The file.
        path: PathBuf,
        /// The entry.
        name: String,
        /// The cause.
        source: ProfileError,
    },
    /// A new entry cannot have this name.
    #[error("a target cannot be called `{}`: it {problem}", name.escape_debug())]
    Name {
        /// The name.
        name: String,
        /// Why.
        problem: &'static str,
    },
    /// Nothing has this name.
    #[error("no target `{name}`{hint}")]
    Unknown {
        /// What was asked for.
        name: String,
        /// What was probably meant, and what there is.
        hint: String,
    },
    /// A word means no target.
    #[error("{0}")]
    Word(String),
    /// Nothing has these labels.
    #[error("no target of the inventory has the labels `{0}`")]
    NoMatch(String),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct InventoryFile {
    #[serde(default)]
    target: Vec<EntrySection>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct EntrySection {
    name: String,
    extends: String,
    address: String,
    #[serde(default)]
    port: Option<u16>,
    #[serde(default)]
    ssh_config: Option<PathBuf>,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    #[serde(default)]
    emulated: bool,
    #[serde(default)]
    env: BTreeMap<String, String>,
    #[serde(default)]
    triple: Option<String>,
    #[serde(default)]
    work: Option<String>,
    #[serde(default)]
    threads: Option<usize>,
    #[serde(default)]
    cores: Option<usize>,
    #[serde(default)]
    governor: Option<String>,
    #[serde(default)]
    power_mode: Option<String>,
    #[serde(default)]
    energy: Option<EnergySource>,
    #[serde(default)]
    cool_down: Option<CoolDown>,
}

/// All boards that are known here.
#[derive(Clone, Debug, Default)]
pub struct Inventory {
    /// The files that were read, the first the one that counts where names meet.
    pub files: Vec<PathBuf>,
    /// The boards, in the files' order.
    pub targets: Vec<Target>,
}

impl Inventory {
    /// Reads the inventories for a study in `folder`: the one that `PARING_INVENTORY` names, or
    /// those beside the study and in the configuration folder. None is fine.
    ///
    /// # Errors
    /// [`InventoryError`] names the file, the line and the key.
    pub fn find(folder: &Path) -> Result<Inventory, InventoryError> {
        let mut inventory = Inventory::default();
        for path in places(folder) {
            if path.exists() {
                inventory.add(&path)?;
            } else if std::env::var_os(INVENTORY_VARIABLE).is_some() {
                // The first board is still to be entered.
                inventory.files.push(path);
            }
        }
        Ok(inventory)
    }

    /// Adds a file's boards; a name that is there already keeps its meaning.
    ///
    /// # Errors
    /// [`InventoryError`] names the file, the line and the key.
    pub fn add(&mut self, path: &Path) -> Result<(), InventoryError> {
        let text = std::fs::read_to_string(path).map_err(|source| InventoryError::Io {
            doing: "read",
            path: path.to_path_buf(),
            source,
        })?;
        for target in parse(path, &text)? {
            if self.targets.iter().all(|known| known.name != target.name) {
                self.targets.push(target);
            }
        }
        self.files.push(path.to_path_buf());
        Ok(())
    }
}

/// Adds an entry at the end of an inventory file, which is made where it does not exist.
///
/// # Errors
/// [`InventoryError`], also where the file then would not be one: the name stands there already, say.
pub fn add_entry(path: &Path, entry: &str) -> Result<(), InventoryError> {
    let failed = |doing| {
        let path = path.to_path_buf();
        move |source| InventoryError::Io { doing, path, source }
    };
    let before = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(failed("read")(error)),
    };
    let gap = if before.is_empty() { "" } else { "\n" };
    let text = format!("{before}{gap}{entry}");
    parse(path, &text)?;
    crate::data::replace_file(path, text.as_bytes()).map_err(failed("write"))
}

/// Where an inventory may lie, nearest first.
fn places(folder: &Path) -> Vec<PathBuf> {
    if let Some(named) = std::env::var_os(INVENTORY_VARIABLE) {
        return vec![named.into()];
    }
    let beside = folder.join(INVENTORY);
    std::iter::once(beside).chain(own_inventory()).collect()
}

/// The inventory in the user's configuration folder; `None` without a home.
pub fn own_inventory() -> Option<PathBuf> {
    let given = std::env::var_os("XDG_CONFIG_HOME").filter(|v| !v.is_empty()).map(PathBuf::from);
    let folder =
        given.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".config")))?;
    Some(folder.join("paring").join(INVENTORY))
}

fn parse(path: &Path, text: &str) -> Result<Vec<Target>, InventoryError> {
    let file: InventoryFile = typed(text).map_err(|problem| InventoryError::Format {
        path: path.to_path_buf(),
        problem: Box::new(problem),
    })?;
    let mut targets: Vec<Target> = Vec::new();
    for section in file.target {
        let name = section.name.clone();
        let entry = |problem| InventoryError::Entry {
            path: path.to_path_buf(),
            name: name.clone(),
            problem,
        };
        if targets.iter().any(|target| target.name == name) {
            return Err(entry("stands there twice".into()));
        }
        let kind = profile(&section.extends).map_err(|source| InventoryError::Profile {
            path: path.to_path_buf(),
            name: name.clone(),
            source,
        })?;
        targets.push(entered(section, kind, path).map_err(entry)?);
    }
    Ok(targets)
}

/// The board that an entry means.
fn entered(section: EntrySection, kind: Profile, path: &Path) -> Result<Target, String> {
    if let Some(problem) = unusable(&section.name) {
        return Err(format!("`name` {problem}"));
    }
    let address = section.address.as_str();
    if address.is_empty() || address.starts_with('-') || address.contains(char::is_whitespace) {
        return Err(format!(
            "`address` is user@host or a name in ssh's configuration, not `{}`",
            address.escape_debug()
        ));
    }
    let labels = kind.labels.clone().into_iter().chain(section.labels).collect();
    let profile = Profile {
        labels,
        triple: section.triple.or(kind.triple),
        work: section.work.unwrap_or(kind.work),
        threads: section.threads.unwrap_or(kind.threads),
        cores: section.cores.or(kind.cores),
        governor: section.governor.or(kind.governor),
        power_mode: section.power_mode.or(kind.power_mode),
        energy: section.energy.unwrap_or(kind.energy),
        cool_down: section.cool_down.or(kind.cool_down),
        ..kind
    };
    if let Some(problem) = profile.problem() {
        return Err(problem);
    }
    if profile.triple.is_none() {
        return Err(format!("`extends` is `{}`, which is not a board's profile", profile.name));
    }
    let variable = |name: &String| name.is_empty() || name.contains(['=', '\0']);
    if let Some(name) = section.env.keys().find(|name| variable(name)) {
        return Err(format!("`env` has the name `{}`", name.escape_debug()));
    }
    let folder = path.parent().unwrap_or(Path::new(""));
    let config = section.ssh_config.map(|config| folder.join(config));
    let reach = match Farm::parse(&section.address) {
        Some(farm) => Reach::Farm(farm?, config),
        None => Reach::Ssh(Address { destination: section.address, port: section.port, config }),
    };
    Ok(Target { name: section.name, profile, reach, emulated: section.emulated, env: section.env })
}

/// Why a name cannot be a target's: it becomes a folder's, and is told from labels and farms.
pub(super) fn unusable(name: &str) -> Option<&'static str> {
    let odd = |c: char| c.is_control() || matches!(c, '/' | '=' | ':');
    match name {
        "" => Some("is empty"),
        "." | ".." | "host" => Some("means something else already"),
        name if name.starts_with(['-', '.']) => Some("must not begin with `-` or `.`"),
        name if name.contains(odd) => Some("must not hold `/`, `=`, `:` or control characters"),
        _ => None,
    }
}

impl InventoryError {
    /// The error for a name that nothing has.
    pub(super) fn unknown(name: &str, known: &[&str]) -> Self {
        let meant = nearest(name, known.iter().copied());
        let hint = match meant {
            Some(meant) => format!("; did you mean `{meant}`?"),
            None => format!("; known are {}", known.join(", ")),
        };
        InventoryError::Unknown { name: name.to_string(), hint }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<Target>, String> {
        parse(Path::new("desk/targets.toml"), text).map_err(|error| error.to_string())
    }

    #[test]
    fn an_entry_extends_its_profile() {
        let text = "[[target]]\nname = \"kitchen\"\nextends = \"raspberry-pi-5\"\n\
            address = \"pi@10.0.0.7\"\nport = 2222\nssh_config = \"ssh\"\nthreads = 4\n\
            labels = { room = \"kitchen\" }\n";
        let target = &read(text).unwrap()[0];
        let Reach::Ssh(address) = &target.reach else { panic!("{target:?}") };
        assert_eq!(address.config.as_deref(), Some(Path::new("desk/ssh")));
        assert_eq!((address.destination.as_str(), address.port), ("pi@10.0.0.7", Some(2222)));
        assert_eq!((target.profile.threads, target.profile.cores), (4, Some(4)));
        assert_eq!(target.profile.labels["room"], "kitchen");
        assert_eq!(target.profile.labels["board"], "rpi5");
    }

    #[track_caller]
    fn refused(lines: &str, expected: &str) {
        let text = format!("[[target]]\n{lines}\n");
        assert_eq!(read(&text).unwrap_err(), format!("desk/targets.toml:{expected}"));
    }

    #[test]
    fn mistakes_are_named() {
        let rest = "extends = \"raspberry-pi-4\"\naddress = \"pi@a\"";
        refused("name = \"a\"\nextend = \"x\"", "3: unknown key `extend`; did you mean `extends`?");
        refused(
            &format!("name = \"a/b\"\n{rest}"),
            " target `a/b`: `name` must not hold `/`, `=`, `:` or control characters",
        );
        refused(
            &format!("name = \"a\"\n{rest}\nthreads = 9"),
            " target `a`: `threads` is 9, `cores` only 4",
        );
        refused(
            &format!("name = \"a\"\n{rest}\ncool_down = {{ below_mc = 90000, limit_s = 60 }}"),
            " target `a`: `cool_down.below_mc` is 90000, it throttles from 80000 on",
        );
        refused(
            &format!("name = \"a\"\n{rest}\nwork = \"a/../..\""),
            " target `a`: `work` must not lead upwards (`..`)",
        );
        refused(
            "name = \"a\"\nextends = \"x86-64\"\naddress = \"-oProxyCommand=x\"",
            " target `a`: `address` is user@host or a name in ssh's configuration, not `-oProxyCommand=x`",
        );
        refused("name = \"a\"\nextends = \"pi\"\naddress = \"b\"", " target `a`");
    }
}
