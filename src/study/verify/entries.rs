//! Entries of a ledger whose chain holds: times that go forward, signatures of people that hold.

use super::VerifyError;
use crate::ledger::read_ledger;
use crate::pipeline::Folders;
use crate::study::{RunDirectory, recorded_approvals, recorded_protocol_signatures};
use paring_core::schema::{LedgerEntry, LedgerEntryKind};

/// Verifies times, approvals, and signatures under the rules.
pub(super) fn verify(folders: &Folders) -> Result<(), VerifyError> {
    let broken = |problem: String| VerifyError::broken("ledger.jsonl", problem);
    let entries = read_ledger(&folders.ledger()).map_err(|e| broken(e.to_string()))?;
    if let Some(problem) = set_back(&entries) {
        return Err(broken(problem));
    }
    let approvals = recorded_approvals(&entries).map_err(broken)?;
    let under_rules = entries.iter().any(|own| own.kind == LedgerEntryKind::ProtocolSignature);
    if approvals.is_empty() && !under_rules {
        return Ok(());
    }
    let protocol = RunDirectory::protocol_of(folders.root())
        .map_err(|e| VerifyError::broken("protocol.json", e.to_string()))?;
    recorded_protocol_signatures(&entries, &protocol).map_err(broken)?;
    match approvals.iter().find(|own| own.approval.run_id != protocol.run_id) {
        Some(own) => Err(broken(format!(
            "the approval in line {} is of run {}, this is run {}",
            own.line, own.approval.run_id, protocol.run_id
        ))),
        None => Ok(()),
    }
}

/// The first entry that says to be written before the one that it follows, or at no time at all.
fn set_back(entries: &[LedgerEntry]) -> Option<String> {
    let mut before = None;
    for (position, entry) in entries.iter().enumerate() {
        let line = position + 1;
        match humantime::parse_rfc3339(&entry.time) {
            Err(_) => return Some(format!("line {line}: `{}` is no time", entry.time)),
            Ok(time) if before.is_some_and(|before| time < before) => {
                let last = &entries[position - 1].time;
                return Some(format!(
                    "line {line} says {}, the line before it {last}: the clock was set back",
                    entry.time
                ));
            }
            Ok(time) => before = Some(time),
        }
    }
    None
}
