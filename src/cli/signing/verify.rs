//! `paring verify`.

use super::verified_lines::{folder_line, statement_line, verified_lines};
use crate::cli::{CodedError, ExitCode, GlobalOptions};
use crate::workflow::{self, AuditOptions, VerifyOptions};
use clap::Args;
use paring_core::schema::Sha256Hex;
use serde_json::json;
use std::path::PathBuf;

/// Check the integrity of a run: ledger chain, file hashes, results, signatures; make its variants again.
#[derive(Debug, Args)]
pub(in crate::cli) struct VerifyArgs {
    /// The run directory, the folder of a bench, a signed folder of a variant, or a signed statement
    run: PathBuf,
    /// The manifest's SHA-256, as the verb that wrote last printed it
    #[arg(long, value_name = "SHA256", value_parser = digest)]
    expect: Option<Sha256Hex>,
    /// Public key that signatures have to be by; of several: by one of them
    #[arg(long, value_name = "FILE")]
    key: Vec<PathBuf>,
    /// Public key of a person (PEM, or id_ed25519.pub), or an allowed_signers file: approvals and signatures
    /// under the protocol have to be by one of them
    #[arg(long, value_name = "FILE")]
    signers: Vec<PathBuf>,
    /// Make the variants again from this model and compare them byte for byte
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
    /// The study's data, for steps that compute with samples
    #[arg(long, requires = "baseline")]
    data: Option<PathBuf>,
    /// A variant to make again; without it all of them
    #[arg(long, value_name = "NAME", requires = "baseline")]
    variant: Vec<String>,
    /// Write what was made again into this file, as a statement signed with --audit-key
    #[arg(long, value_name = "FILE", requires = "baseline", requires = "audit_key")]
    audit: Option<PathBuf>,
    /// Your private key, for --audit
    #[arg(long, value_name = "FILE", requires = "audit")]
    audit_key: Option<PathBuf>,
}

fn digest(text: &str) -> Result<Sha256Hex, String> {
    Sha256Hex::try_from(text.to_lowercase()).map_err(|e| e.to_string())
}

impl VerifyArgs {
    pub(in crate::cli) fn run(self, global: &GlobalOptions) -> Result<(), CodedError> {
        let options = VerifyOptions {
            run: self.run,
            expected: self.expect,
            keys: self.key,
            signers: self.signers,
            baseline: self.baseline,
            data: self.data,
            variants: self.variant,
        };
        let run = options.run.display();
        let failed = |error: workflow::WorkflowError| {
            let CodedError { code, error } = CodedError::from(error);
            match code {
                ExitCode::Rejected => {
                    CodedError::new(code, error.context(format!("{run} does not hold")))
                }
                _ => CodedError::new(code, error),
            }
        };
        if let Some(folder) = workflow::verify_signed_folder(&options).map_err(failed)? {
            match global.json {
                true => say!("{:#}", json!(folder)),
                false => say!("{}", folder_line(&options.run, &folder)),
            }
            return Ok(());
        }
        if let Some(statement) = workflow::verify_statement_file(&options).map_err(failed)? {
            match global.json {
                true => say!("{:#}", json!(statement)),
                false => say!("{}", statement_line(&options.run, &statement)),
            }
            return Ok(());
        }
        let verified = workflow::verify(&options).map_err(failed)?;
        match global.json {
            true => say!("{:#}", json!(verified)),
            false => say!("{}", verified_lines(&options.run, &verified).join("\n")),
        }
        if let (Some(out), Some(key)) = (self.audit, self.audit_key) {
            let audit = AuditOptions { out, key };
            workflow::write_audit(&options.run, &verified, &audit)?;
        }
        workflow::refuse_other_variants(&verified).map_err(failed)
    }
}
