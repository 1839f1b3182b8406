//! Entries of an inventory file taken out and renamed, with everything else in it as it stands.

use super::error::InventoryError;
use super::inventory_file::{name_problem, parse};
use super::target::Target;
use std::ops::Range;
use std::path::Path;

/// Takes the entry of a target out of an inventory file.
///
/// # Errors
/// [`InventoryError`] where the file has no such entry, or cannot be edited line by line.
pub fn remove_inventory_entry(path: &Path, name: &str) -> Result<(), InventoryError> {
    let without = |targets: &mut Vec<Target>| targets.retain(|target| target.name != name);
    edit(path, name, without, |lines, entry| {
        lines.drain(entry);
    })
}

/// Gives the entry of a target another name.
///
/// # Errors
/// [`InventoryError`] where the file has no such entry, the new name cannot be one or is taken, or the
/// file cannot be edited line by line.
pub fn rename_inventory_entry(path: &Path, name: &str, to: &str) -> Result<(), InventoryError> {
    if let Some(problem) = name_problem(to) {
        return Err(InventoryError::InvalidName { name: to.to_string(), problem });
    }
    let renamed = |targets: &mut Vec<Target>| {
        let own = targets.iter_mut().filter(|target| target.name == name);
        own.for_each(|target| target.name = to.to_string());
    };
    edit(path, name, renamed, |lines, entry| {
        let is_name =
            |line: &&mut String| line.split_once('=').is_some_and(|(key, _)| key.trim() == "name");
        let new = format!("name = {}", toml::Value::String(to.to_string()));
        if let Some(line) = lines.get_mut(entry).into_iter().flatten().find(is_name) {
            *line = new;
        }
    })
}

/// Edits the lines of one entry, and writes the file if its entries are then those that were there with
/// what `wanted` does to them.
fn edit(
    path: &Path,
    name: &str,
    wanted: impl FnOnce(&mut Vec<Target>),
    change: impl FnOnce(&mut Vec<String>, Range<usize>),
) -> Result<(), InventoryError> {
    let failed = |doing| {
        let path = path.to_path_buf();
        move |source| InventoryError::Io { doing, path, source }
    };
    let text = std::fs::read_to_string(path).map_err(failed("read"))?;
    let mut targets = parse(path, &text)?;
    let Some(position) = targets.iter().position(|target| target.name == name) else {
        let known: Vec<&str> = targets.iter().map(|target| target.name.as_str()).collect();
        return Err(InventoryError::unknown(name, &known));
    };
    let by_hand = || InventoryError::InvalidEntry {
        path: path.to_path_buf(),
        name: name.to_string(),
        problem: "it does not stand in lines of its own under [[target]], `name = …` one of them; \
            edit the file by hand"
            .into(),
    };
    let mut lines: Vec<String> = text.lines().map(str::to_string).collect();
    let entries = entries(&lines);
    let entry = entries.get(position).filter(|_| entries.len() == targets.len());
    change(&mut lines, entry.ok_or_else(by_hand)?.clone());
    let mut edited = lines.join("\n").trim_start_matches('\n').to_string();
    if !edited.is_empty() {
        edited.push('\n');
    }
    wanted(&mut targets);
    match parse(path, &edited)? == targets {
        true => paring_core::files::replace_file(path, edited.as_bytes()).map_err(failed("write")),
        false => Err(by_hand()),
    }
}

/// Lines of each `[[target]]`, without blank lines and comments before the next, which belong to that.
fn entries(lines: &[String]) -> Vec<Range<usize>> {
    let is_head = |line: &String| {
        let head: String = line.chars().filter(|c| !c.is_whitespace()).collect();
        head.starts_with("[[target]]")
    };
    let heads: Vec<usize> =
        (0..lines.len()).filter(|at| lines.get(*at).is_some_and(is_head)).collect();
    let ends = heads.iter().skip(1).copied().chain([lines.len()]);
    let is_between = |line: &String| line.trim().is_empty() || line.trim_start().starts_with('#');
    let own = |(start, end): (usize, usize)| {
        let body = lines.get(start..end).unwrap_or_default();
        let behind = body.iter().rev().take_while(|line| is_between(line)).count();
        start..end - behind
    };
    heads.iter().copied().zip(ends).map(own).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "# my boards\n\n[[target]]\nname = \"shed\"\nextends = \"raspberry-pi-4\"\n\
        address = \"pi@shed\"\n[target.labels]\nroom = \"shed\"\n\n# the fast one\n[[target]]\n\
        name = \"desk\"\nextends = \"raspberry-pi-5\"\naddress = \"pi@desk\"\n";

    fn edited(
        text: &str,
        edit: impl FnOnce(&Path) -> Result<(), InventoryError>,
    ) -> Result<String, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("targets.toml");
        std::fs::write(&path, text).unwrap();
        let outcome = edit(&path).map_err(|error| error.to_string());
        let after = std::fs::read_to_string(&path).unwrap();
        assert!(outcome.is_ok() || after == text, "a refusal leaves the file as it was");
        outcome.map(|()| after).map_err(|e| e.replace(&path.display().to_string(), "FILE"))
    }

    #[test]
    fn an_entry_goes_and_comments_of_others_stay() {
        let left = edited(FILE, |path| remove_inventory_entry(path, "shed")).unwrap();
        assert!(left.starts_with("# my boards\n") && left.contains("# the fast one\n[[target]]"));
        assert!(!left.contains("shed"), "{left}");
        let left = edited(FILE, |path| remove_inventory_entry(path, "desk")).unwrap();
        assert!(left.contains("room = \"shed\"") && !left.contains("desk"), "{left}");
        let one = "[[target]]\nname = \"a\"\nextends = \"raspberry-pi-4\"\naddress = \"b\"\n";
        assert_eq!(edited(one, |path| remove_inventory_entry(path, "a")).unwrap(), "");
    }

    #[test]
    fn an_entry_gets_another_name() {
        let renamed = edited(FILE, |path| rename_inventory_entry(path, "desk", "bench")).unwrap();
        assert_eq!(renamed, FILE.replace("name = \"desk\"", "name = \"bench\""));
    }

    #[test]
    fn what_cannot_be_done_is_refused() {
        let refused = |text: &str, name: &str, to: &str| {
            edited(text, |path| rename_inventory_entry(path, name, to)).unwrap_err()
        };
        assert_eq!(refused(FILE, "dusk", "x"), "no target `dusk`; did you mean `desk`?");
        assert!(refused(FILE, "desk", "a/b").starts_with("a target cannot be called `a/b`"));
        assert_eq!(refused(FILE, "desk", "shed"), "FILE: target `shed`: stands there twice");
        let inline = "target = [{ name = \"a\", extends = \"raspberry-pi-4\", address = \"b\" }]\n";
        assert!(refused(inline, "a", "c").contains("edit the file by hand"));
        // Lines that the edit does not know for a name would be a success that changed nothing.
        let quoted = FILE.replace("name = \"desk\"", "\"name\" = \"desk\"");
        assert!(refused(&quoted, "desk", "c").contains("edit the file by hand"));
        // A variable of the agent that is called so is not the entry's name.
        let within = "[[target]]\n\"name\" = \"a\"\nextends = \"raspberry-pi-4\"\n\
            address = \"b\"\n[target.env]\nname = \"n\"\n";
        assert!(refused(within, "a", "c").contains("edit the file by hand"));
    }
}
