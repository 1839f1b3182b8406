//! What can be wrong with inventories, and with what is looked for in them.

use super::typed::{Mistyped, nearest};
use super::{INVENTORY_VARIABLE, ProfileError};
use std::path::PathBuf;

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
    /// A study's own folder, without trust in its owner, and another inventory give one name to two boards.
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
    NoMatch(String),
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
