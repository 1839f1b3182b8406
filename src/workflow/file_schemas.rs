//! JSON schemas of the files that people write.

use crate::study::{study_schema, toml_schema};
use paring_boards::{InventoryFile, TargetProfile};
use serde_json::Value;

/// A TOML file that people write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TomlFileKind {
    /// A study.
    Study,
    /// An inventory of boards.
    Targets,
    /// A kind of machine.
    Profile,
}

/// The JSON schema (draft 7) of a file.
pub fn file_schema(kind: TomlFileKind) -> Value {
    match kind {
        TomlFileKind::Study => study_schema(),
        TomlFileKind::Targets => toml_schema::<InventoryFile>("paring inventory of boards"),
        TomlFileKind::Profile => {
            toml_schema::<TargetProfile>("paring profile of a kind of machine")
        }
    }
}
