//! `paring verify`.

use crate::cli::{CodedError, ExitCode, GlobalOptions};
use crate::workflow::{self, VerifyOptions};
use clap::Args;
use paring_core::number_format::counted;
use paring_core::schema::Sha256Hex;
use serde_json::json;
use std::path::PathBuf;

/// Check the integrity of a run: ledger chain, file hashes, results.
#[derive(Debug, Args)]
pub(in crate::cli) struct VerifyArgs {
    /// The run directory, or the folder of a bench
    run: PathBuf,
    /// The manifest's SHA-256, as the verb that wrote last printed it
    #[arg(long, value_name = "SHA256", value_parser = digest)]
    expect: Option<Sha256Hex>,
}

fn digest(text: &str) -> Result<Sha256Hex, String> {
    Sha256Hex::try_from(text.to_lowercase()).map_err(|e| e.to_string())
}

impl VerifyArgs {
    pub(in crate::cli) fn run(self, global: &GlobalOptions) -> Result<(), CodedError> {
        let options = VerifyOptions { run: self.run, expected: self.expect };
        let run = options.run.display();
        let summary = workflow::verify(&options).map_err(|error| {
            let CodedError { code, error } = CodedError::from(error);
            match code {
                ExitCode::Rejected => {
                    CodedError::new(code, error.context(format!("{run} does not hold")))
                }
                _ => CodedError::new(code, error),
            }
        })?;
        match global.json {
            true => say!("{:#}", json!(summary)),
            false => say!(
                "{run} holds: {}, {} of the ledger, {}, {} of results\nmanifest {}",
                counted(summary.files, "file"),
                counted(summary.entries, "entry"),
                counted(summary.variants, "variant"),
                counted(summary.rows, "row"),
                summary.manifest_sha256
            ),
        }
        Ok(())
    }
}
