//! `paring sign`.

use super::verified_lines::protocol_line;
use crate::cli::{CodedError, GlobalOptions};
use crate::workflow::{self, SignOptions, SignProtocolOptions};
use clap::Args;
use serde_json::json;
use std::path::PathBuf;

/// Sign a run and its variants to hand over, or its protocol before the first result.
#[derive(Debug, Args)]
pub(in crate::cli) struct SignArgs {
    /// The run directory
    run: PathBuf,
    /// The private key: P-256 in PEM, from `paring key new` or openssl; for --protocol also an ssh key
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// A variant to hand over in signed/NAME; without it all but the baseline
    #[arg(long, value_name = "NAME")]
    variant: Vec<String>,
    /// Sign the protocol in the ledger instead: the rules that the run is judged by
    #[arg(long, requires = "by", conflicts_with = "variant")]
    protocol: bool,
    /// Your name, for --protocol
    #[arg(long, value_name = "NAME", requires = "protocol")]
    by: Option<String>,
    /// The reason, in words
    #[arg(long, requires = "protocol")]
    reason: Option<String>,
}

impl SignArgs {
    pub(in crate::cli) fn run(self, global: &GlobalOptions) -> Result<(), CodedError> {
        if let (true, Some(by)) = (self.protocol, self.by) {
            let options =
                SignProtocolOptions { run: self.run, key: self.key, by, reason: self.reason };
            return sign_protocol(&options, global);
        }
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

fn sign_protocol(options: &SignProtocolOptions, global: &GlobalOptions) -> Result<(), CodedError> {
    let signed = workflow::sign_protocol(options)?;
    match global.json {
        true => say!("{:#}", json!(signed)),
        false => say!(
            "{}\nrequirements {}\nmanifest {}",
            protocol_line(&signed.signature, None),
            signed.gate_sha256,
            signed.manifest_sha256
        ),
    }
    Ok(())
}
