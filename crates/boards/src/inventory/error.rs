//! Errors of inventories, and of selecting targets from them.

use super::search_path::INVENTORY_VARIABLE;
use crate::profiles::ProfileError;
use paring_core::toml_input::{TomlInputError, nearest_name};
use std::path::PathBuf;

/// An error of an inventory, or of selecting a target from it.
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
        /// The error and its line.
        problem: Box<TomlInputError>,
    },
    /// An entry makes no sense.
    #[error("{}: target `{name}`: {problem}", path.display())]
    InvalidEntry {
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
    InvalidName {
        /// The name.
        name: String,
        /// A predicate: the problem with the name.
        problem: &'static str,
    },
    /// Nothing has this name.
    #[error("no target `{name}`{hint}")]
    UnknownTarget {
        /// The name asked for.
        name: String,
        /// The name that was probably meant, or the known ones.
        hint: String,
    },
    /// A word means no target.
    #[error("{0}")]
    InvalidWord(String),
    /// A study's own folder has something run that its owner was not trusted with.
    #[error(
        "{}: target `{name}`: `{key}` can run programs, and this file lies in a study's folder; `--trust` allows it for people you trust, or move the entry into your own inventory (`paring target list` names it, {INVENTORY_VARIABLE} another)", path.display()
    )]
    Untrusted {
        /// The file.
        path: PathBuf,
        /// The entry.
        name: String,
        /// The key that can run programs.
        key: &'static str,
    },
    /// A study's own folder, without trust in its owner, and another inventory give one name to two
    /// boards.
    #[error(
        "{}: target `{name}` is another board than the one of this name in {}; rename one of them, or let the file in the study's folder count with `--trust`", path.display(), other.display()
    )]
    Disputed {
        /// The file in the study's folder.
        path: PathBuf,
        /// The entry.
        name: String,
        /// The other file.
        other: PathBuf,
    },
    /// Nothing has these labels.
    #[error("no target of the inventory has the labels `{0}`")]
    NoTargetWithLabels(String),
}

impl InventoryError {
    /// The error for a name that nothing has.
    pub(super) fn unknown(name: &str, known: &[&str]) -> Self {
        let meant = nearest_name(name, known.iter().copied());
        let hint = match meant {
            Some(meant) => format!("; did you mean `{meant}`?"),
            None => format!("; known are {}", known.join(", ")),
        };
        InventoryError::UnknownTarget { name: name.to_string(), hint }
    }
}
