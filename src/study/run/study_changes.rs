//! Keys of two study files that differ, with their values.

use crate::study::StudyError;
use paring_core::schema::ProtocolChange;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use toml::{Table, Value};

/// The study that a run keeps.
pub(super) const STUDY: &str = "study.toml";

/// Keys of two study files that differ.
pub(super) fn study_changes(old: &Path, new: &Path) -> Vec<ProtocolChange> {
    let read = |path: &Path| std::fs::read_to_string(path).ok()?.parse::<Table>().ok();
    let (Some(old), Some(new)) = (read(old), read(new)) else { return vec![] };
    let (old, new) = (flat(old), flat(new));
    let fields: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let changed = fields.into_iter().filter(|field| old.get(*field) != new.get(*field));
    let change = |field: &String| ProtocolChange {
        field: field.clone(),
        before: old.get(field).cloned(),
        after: new.get(field).cloned(),
    };
    changed.map(change).collect()
}

/// Values of a study by their key with its sections; entries of a list of tables by their `name`, or by
/// their position.
fn flat(table: Table) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    flatten(String::new(), Value::Table(table), &mut found);
    found
}

fn flatten(place: String, value: Value, found: &mut BTreeMap<String, String>) {
    let below = |key: &str| match place.is_empty() {
        true => key.to_string(),
        false => format!("{place}.{key}"),
    };
    match value {
        Value::Table(table) => {
            for (key, value) in table {
                flatten(below(&key), value, found);
            }
        }
        Value::Array(all) if !all.is_empty() && all.iter().all(|own| own.get("name").is_some()) => {
            for own in all {
                let name = own.get("name").and_then(Value::as_str).unwrap_or_default().to_string();
                flatten(below(&name), own, found);
            }
        }
        Value::Array(all) if !all.is_empty() && all.iter().all(Value::is_table) => {
            for (position, own) in all.into_iter().enumerate() {
                flatten(format!("{place}[{}]", position + 1), own, found);
            }
        }
        other => {
            found.insert(place, other.to_string());
        }
    }
}

impl StudyError {
    /// A study of other rules than those of the run in `root`, with the keys that differ.
    pub(crate) fn other_protocol(root: &Path, what: &'static str, study: &Path) -> StudyError {
        let changes = study_changes(&root.join(STUDY), study);
        let changes = changes.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
        StudyError::OtherProtocol { path: root.to_path_buf(), what, changes }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_told_field_by_field() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let old = write(
            "old.toml",
            "[data]\nslices = [\"a\"]\nsplits = { report = 0.5, seed = 1 }\n\
             [[protocol.require]]\nmetric = \"accuracy_drop\"\nmax = 0.01\n\
             [[variant]]\nname = \"half\"\nsteps = [{ prune = \"channels\", ratio = 0.5 }]\n",
        );
        let new = write(
            "new.toml",
            "[study]\nrisk = \"low\"\n[data]\nsplits = { report = 0.5, seed = 7 }\n\
             [[protocol.require]]\nmetric = \"accuracy_drop\"\nmax = 0.5\n\
             [[variant]]\nname = \"half\"\nsteps = [{ prune = \"channels\", ratio = 0.25 }]\n",
        );
        let found: Vec<String> =
            study_changes(&old, &new).iter().map(ToString::to_string).collect();
        assert_eq!(
            found,
            [
                "data.slices: gone, it was [\"a\"]",
                "data.splits.seed: 1 → 7",
                "protocol.require[1].max: 0.01 → 0.5",
                "study.risk: new, \"low\"",
                "variant.half.steps[1].ratio: 0.5 → 0.25"
            ]
        );
        assert_eq!(study_changes(&old, &old), []);
    }
}
