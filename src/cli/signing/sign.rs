//! `paring sign`.

use crate::cli::{CodedError, GlobalOptions};
use crate::workflow::{self, SignOptions};
use clap::Args;
use serde_json::json;
use std::path::PathBuf;

/// Sign a run, and its variants to hand over.
#[derive(Debug, Args)]
pub(in crate::cli) struct SignArgs {
    /// The run directory
    run: PathBuf,
    /// The private key: P-256 in PEM, from `paring key new` or openssl
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// A variant to hand over in signed/NAME; without it all but the baseline
    #[arg(long, value_name = "NAME")]
    variant: Vec<String>,
}

impl SignArgs {
    pub(in crate::cli) fn run(self, global: &GlobalOptions) -> Result<(), CodedError> {
        let options = SignOptions { run: self.run, key: self.key, variants: self.variant };
        let signed = workflow::sign(&options)?;
        if global.json {
            say!("{:#}", json!(signed));
            return Ok(());
        }
        for folder in &signed.folders {
            say!("signed {}", options.run.join(folder).display());
        }
        let signature = &signed.signature;
        say!(
            "signed {}: Merkle root {}, key {}\nmanifest {}",
            options.run.join("run.sig").display(),
            signature.merkle_root,
            signature.key_sha256,
            signed.manifest_sha256
        );
        Ok(())
    }
}
