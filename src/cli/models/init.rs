//! `paring init`.

use crate::cli::{CodedError, GlobalOptions};
use crate::workflow::{self, InitOptions};
use clap::Args;
use paring_core::text::shell_word;
use serde_json::json;
use std::path::PathBuf;

/// Write a study file to start from, with comments.
#[derive(Debug, Args)]
pub(in crate::cli) struct InitArgs {
    /// The ONNX file
    model: PathBuf,
    /// An .npz file with the model's inputs and `labels`, or a folder with a labels.csv
    #[arg(long)]
    data: Option<PathBuf>,
    /// Path of the study; paths in it are relative to its folder
    #[arg(long, default_value = "study.toml")]
    out: PathBuf,
}

impl InitArgs {
    pub(in crate::cli) fn run(self, global: &GlobalOptions) -> Result<(), CodedError> {
        let InitArgs { model, data, out } = self;
        let options = InitOptions { model, data, out, owner: user() };
        workflow::init(&options)?;
        let out = options.out.to_string_lossy();
        let next = format!("paring run {} --dry-run", shell_word(&out));
        match global.json {
            true => say!("{:#}", json!({ "study": out, "next": next })),
            false => say!("wrote {out}; next: {next}"),
        }
        Ok(())
    }
}

/// The name of whoever types, for the owner to begin with: the login, or the name of the home folder.
fn user() -> String {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.trim().is_empty());
    let home = || {
        let home = std::path::PathBuf::from(variable("HOME")?);
        home.file_name().map(|name| name.to_string_lossy().into_owned())
    };
    variable("USER").or_else(|| variable("LOGNAME")).or_else(home).unwrap_or_else(|| "me".into())
}
