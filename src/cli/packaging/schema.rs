//! `paring schema`.

use crate::cli::CodedError;
use crate::workflow::{self, TomlFileKind};
use clap::{Args, ValueEnum};

/// Print the JSON schema of a file that people write, for editors
#[derive(Debug, Args)]
pub(in crate::cli) struct SchemaArgs {
    /// The file
    file: TypedFile,
}

/// A file that people write.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum TypedFile {
    /// A study (study.toml)
    Study,
    /// An inventory of boards (targets.toml)
    Targets,
    /// A kind of machine (targets/*.toml in the sources)
    Profile,
}

impl SchemaArgs {
    pub(in crate::cli) fn run(self) -> Result<(), CodedError> {
        let kind = match self.file {
            TypedFile::Study => TomlFileKind::Study,
            TypedFile::Targets => TomlFileKind::Targets,
            TypedFile::Profile => TomlFileKind::Profile,
        };
        say!("{:#}", workflow::file_schema(kind));
        Ok(())
    }
}
