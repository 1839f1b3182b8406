//! Inventories: this board, at this address. A user's file, beside the study or in the
//! configuration folder.

use super::profile::profile;
use super::trust::{UntrustedEntry, is_variable_name};
use super::typed::typed;
use super::{Address, Farm, InventoryError, Profile, Reach, Target, Trust};
use paring_core::schema::{CoolDown, EnergySource};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The file's name, wherever it lies.
pub const INVENTORY: &str = "targets.toml";
/// Names an inventory that is read instead of the others.
pub const INVENTORY_VARIABLE: &str = "PARING_INVENTORY";

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
    /// What of them was not trusted.
    untrusted: Vec<UntrustedEntry>,
    /// Names that mean another board in a later file, and that file.
    disputed: Vec<(String, PathBuf)>,
}

impl Inventory {
    /// Reads the inventories for a study in `folder`: the one that `PARING_INVENTORY` names, or
    /// those beside the study and in the configuration folder. None is fine. `trust` is that in the
    /// owner of `folder`.
    ///
    /// # Errors
    /// [`InventoryError`] names the file, the line and the key.
    pub fn find(folder: &Path, trust: Trust) -> Result<Inventory, InventoryError> {
        let mut inventory = Inventory::default();
        for InventoryPlace { path, users_own } in places(folder) {
            if path.exists() {
                inventory.add(&path, if users_own { Trust::Given } else { trust })?;
            } else if std::env::var_os(INVENTORY_VARIABLE).is_some() {
                // The first board is still to be entered.
                inventory.files.push(path);
            }
        }
        Ok(inventory)
    }

    /// Adds a file's boards; a name that is there already keeps its meaning. Without trust in the
    /// file's owner, boards with keys that can run programs, or with the name of another board in a file
    /// that is added later, are known and cannot be chosen.
    ///
    /// # Errors
    /// [`InventoryError`] names the file, the line and the key.
    pub fn add(&mut self, path: &Path, trust: Trust) -> Result<(), InventoryError> {
        let text = std::fs::read_to_string(path).map_err(|source| InventoryError::Io {
            doing: "read",
            path: path.to_path_buf(),
            source,
        })?;
        for target in parse(path, &text)? {
            let known = self.targets.iter().find(|known| known.name == target.name);
            if known.is_some_and(|known| *known != target) {
                self.disputed.push((target.name.clone(), path.to_path_buf()));
            }
            if known.is_none() {
                if trust == Trust::Withheld {
                    let (path, name) = (path.to_path_buf(), target.name.clone());
                    let key = target.key_that_runs_programs();
                    self.untrusted.push(UntrustedEntry { path, name, key });
                }
                self.targets.push(target);
            }
        }
        self.files.push(path.to_path_buf());
        Ok(())
    }

    /// Refuses targets that would run what nobody trusts, or that somebody who is not trusted has named
    /// as the user has named another.
    ///
    /// # Errors
    /// [`InventoryError::Untrusted`] names the file, the entry and the key, [`InventoryError::Disputed`]
    /// both files.
    pub fn refuse_untrusted(&self, targets: &[Target]) -> Result<(), InventoryError> {
        let wanted = |one: &&UntrustedEntry| targets.iter().any(|target| target.name == one.name);
        for UntrustedEntry { path, name, key } in self.untrusted.iter().filter(wanted) {
            let (path, name) = (path.clone(), name.clone());
            if let Some(key) = key {
                return Err(InventoryError::Untrusted { path, name, key });
            }
            if let Some((_, other)) = self.disputed.iter().find(|(disputed, _)| *disputed == name) {
                return Err(InventoryError::Disputed { path, name, other: other.clone() });
            }
        }
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
    paring_core::files::replace_file(path, text.as_bytes()).map_err(failed("write"))
}

/// Where an inventory may lie.
struct InventoryPlace {
    path: PathBuf,
    /// Whether it is the user's own, and not of whoever made the study's folder.
    users_own: bool,
}

/// Where an inventory may lie, nearest first.
fn places(folder: &Path) -> Vec<InventoryPlace> {
    let own = |path| InventoryPlace { path, users_own: true };
    if let Some(named) = std::env::var_os(INVENTORY_VARIABLE) {
        return vec![own(named.into())];
    }
    let (beside, own_path) = (folder.join(INVENTORY), own_inventory());
    let resolved = |path: &Path| path.canonicalize().ok();
    let users_own =
        own_path.as_deref().and_then(resolved).is_some_and(|own| resolved(&beside) == Some(own));
    std::iter::once(InventoryPlace { path: beside, users_own }).chain(own_path.map(own)).collect()
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
    if let Some(name) = section.env.keys().find(|name| !is_variable_name(name)) {
        return Err(format!(
            "`env` has the name `{}`; names have letters, digits and `_`, and begin with no digit",
            name.escape_debug()
        ));
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
        for name in ["--split-string", "-S", "A B", "1A", "", "A-B"] {
            refused(
                &format!("name = \"a\"\n{rest}\nenv = {{ {name:?} = \"sh -c id\" }}"),
                &format!(
                    " target `a`: `env` has the name `{name}`; names have letters, digits and `_`, and begin with no digit"
                ),
            );
        }
    }
}
