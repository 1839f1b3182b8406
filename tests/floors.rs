//! The order of the floors, and one place for every foreign name: read from the sources.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// From the ground up. `lib.rs` declares them in this order.
const FLOORS: [&str; 22] = [
    "units", "text", "guard", "record", "stats", "data", "engine", "probe", "bench", "graph",
    "gradient", "evaluate", "target", "catalog", "compress", "ledger", "pipeline", "explain",
    "govern", "report", "study", "cli",
];

/// A crate, and the floors that may name it.
const FOREIGN: &[(&str, &[&str])] = &[
    ("bmap_parser", &["target"]),
    ("fatfs", &["target"]),
    ("gpt", &["target"]),
    ("mbrman", &["target"]),
    ("tar", &["target"]),
    ("tract_onnx", &["engine", "graph"]),
    ("tract_linalg", &["engine"]),
    ("prost", &["graph"]),
    ("clap", &["cli"]),
    ("indicatif", &["cli"]),
    ("comfy_table", &["report"]),
    ("parquet", &["pipeline"]),
    ("ndarray_npy", &["data"]),
    ("py_literal", &["data"]),
    ("rustix", &["bench", "data", "probe"]),
    ("mimalloc", &["bench"]),
];

fn sources() -> BTreeMap<PathBuf, String> {
    fn walk(folder: &Path, found: &mut BTreeMap<PathBuf, String>) {
        for entry in std::fs::read_dir(folder).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|e| e == "rs") {
                found.insert(path.clone(), std::fs::read_to_string(&path).unwrap());
            }
        }
    }
    let mut found = BTreeMap::new();
    walk(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut found);
    found
}

/// The floor a file belongs to; none for `lib.rs`, `main.rs` and the binaries.
fn floor_of(path: &Path) -> Option<usize> {
    let inside = path.strip_prefix(Path::new(env!("CARGO_MANIFEST_DIR")).join("src")).unwrap();
    let first = inside.components().next().unwrap().as_os_str().to_str().unwrap();
    FLOORS.iter().position(|floor| *floor == first.trim_end_matches(".rs"))
}

/// All modules that a source names through `crate::`, also in groups.
fn used(source: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (start, _) in source.match_indices("crate::") {
        let rest = &source[start + "crate::".len()..];
        let list = match rest.strip_prefix('{') {
            Some(group) => group.split('}').next().unwrap().split(',').collect(),
            None => vec![rest],
        };
        for item in list {
            let name: String =
                item.trim().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            found.push(name);
        }
    }
    found
}

#[test]
fn a_floor_uses_only_floors_below() {
    let mut wrong = Vec::new();
    for (path, source) in sources() {
        let Some(own) = floor_of(&path) else { continue };
        for name in used(&source) {
            if let Some(other) = FLOORS.iter().position(|floor| *floor == name)
                && other > own
            {
                wrong.push(format!("{} uses {name}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn lib_declares_the_floors_in_order() {
    let lib = &sources()[&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs")];
    let declared: Vec<&str> =
        lib.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';')).collect();
    assert_eq!(declared, FLOORS);
}

#[test]
fn foreign_names_have_one_place() {
    let mut wrong = Vec::new();
    for (path, source) in sources() {
        let floor = floor_of(&path).map_or("", |index| FLOORS[index]);
        for (name, places) in FOREIGN {
            let named = source.contains(&format!("{name}::"));
            if named && !places.contains(&floor) {
                wrong.push(format!("{} names {name}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Ways out of the program on which text of strangers is escaped, and the only files that take them.
const WAYS_OUT: &[(&str, &[&str])] = &[
    ("println!(", &["bench/command.rs"]),
    ("io::stdout()", &["bench/command.rs", "bench/partner.rs", "cli/mod.rs", "cli/say.rs"]),
    ("io::stderr()", &["text.rs"]),
    ("csv::Writer", &["data/csv_table.rs"]),
    ("tar::", &["target/results.rs"]),
];

#[test]
fn text_of_strangers_leaves_on_the_ways_that_escape_it() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut wrong = Vec::new();
    for (path, source) in sources() {
        let path = path.strip_prefix(&root).unwrap();
        for (way, files) in WAYS_OUT {
            let code = source.lines().filter(|line| !line.trim_start().starts_with("//"));
            let takes = code.clone().any(|line| line.contains(way));
            if takes && !files.iter().any(|file| path == Path::new(file)) {
                wrong.push(format!("{} takes {way}", path.display()));
            }
        }
        if path.starts_with("report")
            && source.contains("Cell::new(")
            && !path.ends_with("table.rs")
        {
            wrong.push(format!("{} makes cells of its own", path.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_file_says_what_it_owns_and_stays_small() {
    let mut wrong = Vec::new();
    for (path, source) in sources() {
        if !source.starts_with("//!") {
            wrong.push(format!("{} has no //!", path.display()));
        }
        if source.lines().count() > 400 {
            wrong.push(format!("{} has {} lines", path.display(), source.lines().count()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
