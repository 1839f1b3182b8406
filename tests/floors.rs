//! Walls that the compiler does not hold: the order of modules inside `paring`, and one place for every
//! foreign name. Read from the sources.

#[path = "common/sources.rs"]
mod sources;

use sources::sources;
use std::path::Path;

/// From the ground up. `lib.rs` declares them in this order. The order of the crates below is the
/// compiler's business.
const FLOORS: [&str; 9] = [
    "evaluate",
    "govern",
    "ledger",
    "pipeline",
    "attribution",
    "report",
    "study",
    "workflow",
    "cli",
];

/// A foreign crate, and the crates of this workspace, or modules of `paring`, that may name it.
const FOREIGN: &[(&str, &[&str])] = &[
    ("bmap_parser", &["boards"]),
    ("fatfs", &["boards"]),
    ("gpt", &["boards"]),
    ("mbrman", &["boards"]),
    ("p256", &["signing"]),
    ("ct_merkle", &["signing"]),
    ("ssh_key", &["signing"]),
    ("base64ct", &["signing"]),
    ("tar", &["boards"]),
    ("tract_onnx", &["agent/engine", "onnx/graph"]),
    ("tract_linalg", &["agent/engine"]),
    ("prost", &["onnx/graph"]),
    ("clap", &["paring/cli"]),
    ("clap_complete", &["paring/cli"]),
    ("clap_mangen", &["paring/cli"]),
    ("schemars", &["boards", "paring/study"]),
    ("indicatif", &["paring/cli"]),
    ("comfy_table", &["paring/report"]),
    ("parquet", &["paring/pipeline"]),
    ("ndarray_npy", &["data"]),
    ("py_literal", &["data"]),
    ("rustix", &["agent/measure", "agent/sensors", "core/files"]),
    ("mimalloc", &["agent/measure"]),
];

/// The floor a file of `paring` belongs to; none for `lib.rs` and `main.rs`.
fn floor_of(place: &Path) -> Option<usize> {
    let inside = place.strip_prefix("paring").ok()?;
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
    for (place, source) in sources() {
        let Some(own) = floor_of(&place) else { continue };
        for name in used(&source) {
            if let Some(other) = FLOORS.iter().position(|floor| *floor == name)
                && other > own
            {
                wrong.push(format!("{} uses {name}", place.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn lib_declares_the_floors_in_order() {
    let lib = &sources()[Path::new("paring/lib.rs")];
    let declared: Vec<&str> =
        lib.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';')).collect();
    assert_eq!(declared, FLOORS);
}

#[test]
fn foreign_names_have_one_place() {
    let mut wrong = Vec::new();
    for (place, source) in sources() {
        for (name, places) in FOREIGN {
            let named = source.contains(&format!("{name}::"));
            if named && !places.iter().any(|allowed| place.starts_with(allowed)) {
                wrong.push(format!("{} names {name}", place.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Ways out of the program on which text of strangers is escaped, and the only files that take them.
const WAYS_OUT: &[(&str, &[&str])] = &[
    ("println!(", &["agent/measure/job/command_line.rs"]),
    (
        "io::stdout()",
        &[
            "agent/measure/job/command_line.rs",
            "agent/measure/block/partner_process.rs",
            "paring/cli/mod.rs",
            "paring/cli/say.rs",
        ],
    ),
    ("io::stderr()", &["core/text.rs"]),
    ("csv::Writer", &["data/csv_table.rs"]),
    ("tar::", &["boards/deploy/result_archive.rs"]),
];

#[test]
fn text_of_strangers_leaves_on_the_ways_that_escape_it() {
    let mut wrong = Vec::new();
    for (path, source) in sources() {
        for (way, files) in WAYS_OUT {
            let code = source.lines().filter(|line| !line.trim_start().starts_with("//"));
            let takes = code.clone().any(|line| line.contains(way));
            if takes && !files.iter().any(|file| path == Path::new(file)) {
                wrong.push(format!("{} takes {way}", path.display()));
            }
        }
        if path.starts_with("paring/report")
            && source.contains("Cell::new(")
            && !path.ends_with("text_table.rs")
        {
            wrong.push(format!("{} makes cells of its own", path.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
