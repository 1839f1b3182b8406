//! All sources of the workspace, by their place: the crate, and the path below its `src`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Folder of the workspace.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Text of every source; `paring/study/step.rs` is `src/study/step.rs`, `core/units.rs` is
/// `crates/core/src/units.rs`.
pub fn sources() -> BTreeMap<PathBuf, String> {
    let mut found = BTreeMap::new();
    collect(&root().join("src"), Path::new("paring"), &mut found);
    for entry in std::fs::read_dir(root().join("crates")).unwrap().flatten() {
        collect(&entry.path().join("src"), Path::new(&entry.file_name()), &mut found);
    }
    assert!(found.len() > 300, "only {} sources", found.len());
    found
}

fn collect(folder: &Path, place: &Path, found: &mut BTreeMap<PathBuf, String>) {
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let (path, place) = (entry.path(), place.join(entry.file_name()));
        if path.is_dir() {
            collect(&path, &place, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.insert(place, std::fs::read_to_string(&path).unwrap());
        }
    }
}

/// A source without its unit tests and comments.
#[allow(dead_code, reason = "not every test that reads sources needs it")]
pub fn code(source: &str) -> String {
    let end = source.find("#[cfg(test)]\nmod tests").unwrap_or(source.len());
    let lines = source[..end].lines().filter(|line| !line.trim_start().starts_with("//"));
    lines.collect::<Vec<_>>().join("\n")
}
