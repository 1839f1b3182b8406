//! The inventory file `targets.toml`: read into targets, each of which extends a profile; and an entry
//! added to it.

use super::error::InventoryError;
use super::target::{Target, TargetTransport};
use crate::key_schemas::{cool_down_schema, energy_source_schema};
use crate::profiles::{TargetProfile, shipped_profile};
use crate::transport::{LabgridRequest, SshAddress};
use paring_core::schema::{CoolDown, EnergySource};
use paring_core::toml_input::parse_toml;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// An inventory: the boards that are known here, at their addresses.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct InventoryFile {
    /// The boards.
    #[serde(default)]
    target: Vec<TargetEntry>,
}

/// A board, which extends a profile.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct TargetEntry {
    /// Its name in studies and rows.
    name: String,
    /// The profile; the keys below that profiles have too take the place of the profile's.
    extends: String,
    /// `user@host`, a name in your ssh configuration, or `labgrid://…`.
    address: String,
    /// The port of its ssh server.
    #[serde(default)]
    port: Option<u16>,
    /// An ssh configuration instead of your own, relative to this file.
    #[serde(default)]
    ssh_config: Option<PathBuf>,
    /// Beside the profile's `arch`, `board` and `core`; studies name boards by them.
    #[serde(default)]
    labels: BTreeMap<String, String>,
    /// Every row says that it is emulated.
    #[serde(default)]
    emulated: bool,
    /// Variables for the agent there; names of letters, digits and `_`.
    #[serde(default)]
    env: BTreeMap<String, String>,
    /// The target triple of its agent.
    #[serde(default)]
    triple: Option<String>,
    /// Folder for everything that paring puts there.
    #[serde(default)]
    work: Option<String>,
    /// Threads of the engine.
    #[serde(default)]
    #[schemars(range(min = 1))]
    threads: Option<usize>,
    /// Processors it has.
    #[serde(default)]
    #[schemars(range(min = 1))]
    cores: Option<usize>,
    /// The frequency governor it should measure under.
    #[serde(default)]
    governor: Option<String>,
    /// The power mode it should measure in (`nvpmodel`).
    #[serde(default)]
    power_mode: Option<String>,
    /// Its source of energy readings: `{ source = "pmic" }`.
    #[serde(default)]
    #[schemars(schema_with = "energy_source_schema")]
    energy: Option<EnergySource>,
    /// Cooling down before every block: `{ below_mc = 65000, limit_s = 60 }`.
    #[serde(default)]
    #[schemars(schema_with = "cool_down_schema")]
    cool_down: Option<CoolDown>,
}

/// Adds an entry at the end of an inventory file, which is made where it does not exist.
///
/// # Errors
/// [`InventoryError`], also where the file then would not be one: the name stands there already, say.
pub fn add_inventory_entry(path: &Path, entry: &str) -> Result<(), InventoryError> {
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

pub(super) fn parse(path: &Path, text: &str) -> Result<Vec<Target>, InventoryError> {
    let file: InventoryFile = parse_toml(text).map_err(|problem| InventoryError::Format {
        path: path.to_path_buf(),
        problem: Box::new(problem),
    })?;
    let mut targets: Vec<Target> = Vec::new();
    for section in file.target {
        let name = section.name.clone();
        let entry = |problem| InventoryError::InvalidEntry {
            path: path.to_path_buf(),
            name: name.clone(),
            problem,
        };
        if targets.iter().any(|target| target.name == name) {
            return Err(entry("stands there twice".into()));
        }
        let kind = shipped_profile(&section.extends).map_err(|source| InventoryError::Profile {
            path: path.to_path_buf(),
            name: name.clone(),
            source,
        })?;
        targets.push(target_of_entry(section, kind, path).map_err(entry)?);
    }
    Ok(targets)
}

/// The board that an entry means.
fn target_of_entry(
    section: TargetEntry,
    kind: TargetProfile,
    path: &Path,
) -> Result<Target, String> {
    if let Some(problem) = name_problem(&section.name) {
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
    let profile = TargetProfile {
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
    if let Some(problem) = profile.inconsistency() {
        return Err(problem);
    }
    if profile.triple.is_none() {
        return Err(format!("`extends` is `{}`, which is not a board's profile", profile.name));
    }
    if let Some(name) = section.env.keys().find(|name| !is_environment_variable_name(name)) {
        return Err(format!(
            "`env` has the name `{}`; names have letters, digits and `_`, and begin with no digit",
            name.escape_debug()
        ));
    }
    let folder = path.parent().unwrap_or(Path::new(""));
    let config = section.ssh_config.map(|config| folder.join(config));
    let transport = match LabgridRequest::parse(&section.address) {
        Some(request) => TargetTransport::Labgrid(request?, config),
        None => TargetTransport::Ssh(SshAddress {
            destination: section.address,
            port: section.port,
            config,
        }),
    };
    Ok(Target {
        name: section.name,
        profile,
        transport,
        emulated: section.emulated,
        env: section.env,
    })
}

/// The text of a new board's entry in an inventory.
///
/// # Errors
/// [`InventoryError::InvalidName`] says what is wrong with its name.
pub fn inventory_entry(
    name: &str,
    kind: &TargetProfile,
    address: &SshAddress,
    emulated: bool,
) -> Result<String, InventoryError> {
    if let Some(problem) = name_problem(name) {
        return Err(InventoryError::InvalidName { name: name.to_string(), problem });
    }
    let text = |value: &str| toml::Value::String(value.to_string()).to_string();
    let mut lines = vec![
        "[[target]]".to_string(),
        format!("name = {}", text(name)),
        format!("extends = {}", text(&kind.name)),
        format!("address = {}", text(&address.destination)),
    ];
    lines.extend(address.port.map(|port| format!("port = {port}")));
    if let Some(config) = &address.config {
        let config = std::path::absolute(config).unwrap_or_else(|_| config.clone());
        lines.push(format!("ssh_config = {}", text(&config.to_string_lossy())));
    }
    if emulated {
        lines.push("emulated = true".into());
    }
    Ok(lines.join("\n") + "\n")
}

/// The problem with a name of a target, as a predicate. It becomes a folder's name, and must differ from
/// labels and places of a farm.
pub(super) fn name_problem(name: &str) -> Option<&'static str> {
    let reserved = |c: char| c.is_control() || matches!(c, '/' | '=' | ':');
    match name {
        "" => Some("is empty"),
        "." | ".." | "host" => Some("means something else already"),
        name if name.starts_with(['-', '.']) => Some("must not begin with `-` or `.`"),
        name if name.contains(reserved) => {
            Some("must not hold `/`, `=`, `:` or control characters")
        }
        _ => None,
    }
}

/// True of a word that names an environment variable, and nothing that `env` takes for an option.
///
/// Source: POSIX.1-2017, section 8.1.
pub fn is_environment_variable_name(word: &str) -> bool {
    let begins = word.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    begins && word.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
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
        let TargetTransport::Ssh(address) = &target.transport else { panic!("{target:?}") };
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
