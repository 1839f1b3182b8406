//! Approvals of variants: given, taken back, and told.

use super::signer_key;
use crate::ledger::read_ledger;
use crate::pipeline::{Folders, variant_record};
use crate::study::{
    self, ApprovalRequest, ApprovalRules, ApprovalState, RunDirectory, StudyError,
    recorded_approvals,
};
use crate::workflow::WorkflowError;
use paring_core::schema::{Approval, LedgerEntryKind, Sha256Hex};
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// An approval that somebody gives, or takes back.
#[derive(Clone, Debug)]
pub struct ApproveOptions {
    /// The run directory.
    pub run: PathBuf,
    /// File of the private key.
    pub key: PathBuf,
    /// The approval.
    pub request: ApprovalRequest,
}

/// An approval in the ledger.
#[derive(Clone, Debug, Serialize)]
pub struct GivenApproval {
    /// The approval.
    pub approval: Approval,
    /// The state of the variant from now on.
    pub state: ApprovalState,
    /// Hash of the run's manifest from now on.
    pub manifest_sha256: Sha256Hex,
}

/// Enters an approval into a run that holds.
///
/// # Errors
/// [`WorkflowError::Verify`] of a run that does not hold; [`WorkflowError`] of a key that cannot be used,
/// an approval without a name, and a variant that the run lacks.
pub fn approve(options: &ApproveOptions) -> Result<GivenApproval, WorkflowError> {
    let ApproveOptions { run, key, request } = options;
    let (key, now) = (signer_key(key)?, SystemTime::now());
    if request.by.trim().is_empty() {
        return Err(WorkflowError::Option("--by is empty: write who approves".into()));
    }
    if request.expires.is_some_and(|end| end <= now) {
        return Err(WorkflowError::Option("--expires is in the past".into()));
    }
    study::verify(run, None)?;
    let mut directory = RunDirectory::existing(run)?;
    let folders = directory.folders.clone();
    let approval = study::sign_approval(&folders, &directory.protocol, request, (&key, now))?;
    let manifest_sha256 = directory.seal()?;
    let state = approval_states(run, std::slice::from_ref(&approval.variant))?.remove(0).1;
    Ok(GivenApproval { approval, state, manifest_sha256 })
}

/// The approvals of these variants of a run, by name.
///
/// # Errors
/// [`WorkflowError`] where the ledger or a record cannot be read, or an approval's signature does not hold.
pub fn approval_states(
    run: &Path,
    variants: &[String],
) -> Result<Vec<(String, ApprovalState)>, WorkflowError> {
    let folders = Folders::new(run);
    let entries = read_ledger(&folders.ledger())?;
    let recorded = recorded_approvals(&entries)
        .map_err(|problem| study::VerifyError::Broken { file: "ledger.jsonl".into(), problem })?;
    let rules = ApprovalRules::of(&entries);
    let first = entries.iter().find(|entry| entry.kind == LedgerEntryKind::Protocol);
    let owner = first.map(|entry| entry.actor.clone()).unwrap_or_default();
    let now = SystemTime::now();
    // An expired approval would count again with a clock that was set back.
    let last = entries.last().and_then(|entry| humantime::parse_rfc3339(&entry.time).ok());
    if let (Some(entry), true) = (entries.last(), last.is_some_and(|last| last > now)) {
        let now = humantime::format_rfc3339_seconds(now).to_string();
        return Err(StudyError::Clock { now, last: entry.time.clone() }.into());
    }
    let states = variants.iter().map(|name| {
        let record = variant_record(&folders, name)?;
        let state = ApprovalState::of(&record, &recorded, (&rules, &owner), now);
        Ok((name.clone(), state))
    });
    states.collect()
}
