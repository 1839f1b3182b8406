//! The audit of a second party as a signed statement: which variants it made again, and from what.
//!
//! Source: SLSA v1.0, verification summary predicate.

use super::private_key;
use crate::pipeline::{Folders, variant_record};
use crate::study::{Protocol, RunDirectory};
use crate::workflow::{Rederivation, VerifiedRun, WorkflowError};
use paring_core::files::replace_file;
use paring_signing::{InTotoStatement, SignedBundle, StatementSubject};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

const AUDIT_TYPE: &str = "https://slsa.dev/verification_summary/v1";
/// The rule that variants were held to.
const POLICY: &str = "urn:paring:made-again-byte-for-byte:v1";
/// Level of a variant that was made again byte for byte; none of SLSA's own.
const LEVEL: &str = "PARING_MADE_AGAIN";

/// Name of the field with the outcome of each variant. Others ignore it.
const VARIANTS: &str = "urn:paring:variants:v1";

/// An audit that is to be written.
#[derive(Clone, Debug)]
pub struct AuditOptions {
    /// The file.
    pub out: PathBuf,
    /// File of the auditor's private key.
    pub key: PathBuf,
}

/// Writes the audit of a run whose variants were made again: passed where all of them are the run's.
///
/// # Errors
/// [`WorkflowError`] of a key that cannot be used, a run that cannot be read, and a file that cannot be
/// written.
pub fn write_audit(
    run: &Path,
    verified: &VerifiedRun,
    options: &AuditOptions,
) -> Result<(), WorkflowError> {
    let Some(rederivation) = &verified.rederivation else { return Ok(()) };
    let key = private_key(&options.key)?;
    let protocol = RunDirectory::protocol_of(run)?;
    let folders = Folders::new(run);
    let subjects = rederivation.variants.iter().map(|variant| {
        let record = variant_record(&folders, &variant.name)?;
        Ok(StatementSubject::new(record.file.to_string(), &record.file_sha256))
    });
    let subjects = subjects.collect::<Result<Vec<_>, WorkflowError>>()?;
    let predicate = predicate(&protocol, verified, rederivation);
    let statement = InTotoStatement::new(subjects, AUDIT_TYPE, predicate);
    let bundle = SignedBundle::sign(&statement, &key).and_then(|bundle| bundle.to_json());
    let failed = |source| WorkflowError::WriteFile { path: options.out.clone(), source };
    replace_file(&options.out, &bundle.map_err(WorkflowError::Audit)?).map_err(failed)
}

fn predicate(protocol: &Protocol, verified: &VerifiedRun, rederivation: &Rederivation) -> Value {
    let all =
        rederivation.differing().next().is_none() && rederivation.not_derived().next().is_none();
    let (result, levels) = if all { ("PASSED", vec![LEVEL]) } else { ("FAILED", vec!["FAILED"]) };
    let version = env!("CARGO_PKG_VERSION");
    json!({
        "verifier": { "id": format!("urn:paring:{version}"), "version": { "paring": version } },
        "timeVerified": humantime::format_rfc3339_seconds(SystemTime::now()).to_string(),
        "resourceUri": format!("urn:paring:run:{}", protocol.run_id),
        "policy": { "uri": POLICY, "digest": { "sha256": protocol.recipes_sha256 } },
        "inputAttestations": [
            { "uri": "run.manifest", "digest": { "sha256": verified.summary.manifest_sha256 } },
            { "uri": "baseline", "digest": { "sha256": rederivation.baseline_sha256 } },
        ],
        "verificationResult": result,
        "verifiedLevels": levels,
        (VARIANTS): rederivation.variants,
    })
}
