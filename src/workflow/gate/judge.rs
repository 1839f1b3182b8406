//! Requirements of a finished run, judged from its files alone and entered into its ledger.

use crate::ledger::{Ledger, read_ledger};
use crate::report::{self, ReportError};
use crate::study::{self, RunDirectory};
use crate::workflow::open_run::report_integrity_flaw;
use crate::workflow::{Progress, ProgressEvent, WorkflowError};
use paring_core::files::replace_file;
use paring_core::schema::{
    GateRecord, GateVerdict, LedgerEntry, LedgerEntryBody, LedgerEntryKind, Sha256Hex,
};
use paring_core::text::shell_word;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// A run to judge.
#[derive(Clone, Debug)]
pub struct GateOptions {
    /// The run directory.
    pub run: PathBuf,
    /// Variants to speak of; all of them without any.
    pub variants: Vec<String>,
    /// Variants not to speak of, because others took their place.
    pub replaced: Vec<String>,
    /// A file for the verdicts as JUnit XML.
    pub junit: Option<PathBuf>,
    /// True where undecided requirements are none that fail.
    pub allow_undecided: bool,
}

/// Verdicts on a run.
#[derive(Clone, Debug, serde::Serialize)]
pub struct GateResult {
    /// The verdicts on the variants that were asked about.
    pub gate: GateRecord,
    /// Hash of the run's manifest from now on.
    pub manifest_sha256: Sha256Hex,
}

/// Judges the variants of a run, and enters the verdicts into its ledger.
///
/// # Errors
/// [`WorkflowError`] of a run without requirements or results, of an unknown variant, and where a file
/// cannot be read or written.
pub fn gate(options: &GateOptions, progress: &Progress) -> Result<GateResult, WorkflowError> {
    report_integrity_flaw(&options.run, progress);
    let mut directory = RunDirectory::existing(&options.run)?;
    refuse_without_requirements(&directory, &options.run)?;
    let entries = read_ledger(&directory.folders.ledger())?;
    let owner = owner(&entries).unwrap_or_default();
    let Some(record) = record_gate(&directory, &owner, progress)? else {
        return Err(WorkflowError::Option(format!(
            "{} has no results of variants yet; `paring run STUDY --out {}` measures them",
            options.run.display(),
            shell_word(&options.run.to_string_lossy())
        )));
    };
    let gate = of_variants(record, &options.variants, &options.replaced)?;
    if let Some(path) = &options.junit {
        let xml = report::gate_junit(&gate, options.allow_undecided).map_err(ReportError::from)?;
        let failed = |source| WorkflowError::WriteFile { path: path.clone(), source };
        replace_file(path, xml.as_bytes()).map_err(failed)?;
    }
    Ok(GateResult { gate, manifest_sha256: directory.seal()? })
}

/// Refuses a run whose protocol has no requirements.
///
/// # Errors
/// [`WorkflowError::Option`] says when they are fixed.
pub(super) fn refuse_without_requirements(
    directory: &RunDirectory,
    run: &Path,
) -> Result<(), WorkflowError> {
    match directory.protocol.require.is_empty() {
        true => Err(WorkflowError::Option(format!(
            "the protocol of {} has no requirements: they are fixed before a run begins; write [[protocol.require]] in a study and run it with another --out",
            run.display()
        ))),
        false => Ok(()),
    }
}

/// Judges the rows of a run, as its files give them, and enters the verdicts into its ledger in the name of
/// `owner`; `None` where there is nothing to judge. Warns of a review that is due.
///
/// # Errors
/// [`WorkflowError`] where a record or the ledger cannot be read or written.
pub(in crate::workflow) fn record_gate(
    directory: &RunDirectory,
    owner: &str,
    progress: &Progress,
) -> Result<Option<GateRecord>, WorkflowError> {
    if directory.protocol.require.is_empty() {
        return Ok(None);
    }
    let rows = study::recorded_rows(&directory.folders)?.rows;
    let Some(record) = directory.protocol.facts().gate(&rows) else { return Ok(None) };
    let mut ledger = Ledger::open(&directory.folders.ledger(), owner)?;
    if let Some(date) = review_due(ledger.entries(), SystemTime::now()) {
        progress(ProgressEvent::ReviewDue { date: &date });
    }
    ledger.record(LedgerEntryBody { kind: LedgerEntryKind::Gate, body: json!(record) })?;
    Ok(Some(record))
}

/// Refuses verdicts of which one is a fail, or undecided where that is not allowed.
///
/// # Errors
/// [`WorkflowError::RequirementsUnmet`] names the variants.
pub fn refuse_unmet(record: &GateRecord, allow_undecided: bool) -> Result<(), WorkflowError> {
    let of = |verdict: GateVerdict| -> Vec<&str> {
        let own = record.variants.iter().filter(|own| own.verdict == verdict);
        own.map(|own| own.variant.as_str()).collect()
    };
    let (failed, open) = (of(GateVerdict::Fail), of(GateVerdict::Undecided));
    let open = if allow_undecided { vec![] } else { open };
    let parts = [("fail", failed), ("undecided", open)];
    let parts = parts.iter().filter(|(_, names)| !names.is_empty());
    let parts: Vec<String> =
        parts.map(|(word, names)| format!("{word}: {}", names.join(", "))).collect();
    match parts.is_empty() {
        true => Ok(()),
        false => Err(WorkflowError::RequirementsUnmet(parts.join("; "))),
    }
}

/// The verdicts on some variants; on all of them where none is named.
fn of_variants(
    record: GateRecord,
    names: &[String],
    replaced: &[String],
) -> Result<GateRecord, WorkflowError> {
    let GateRecord { mut variants, mut cells, .. } = record.clone();
    if let Some(unknown) =
        names.iter().find(|name| variants.iter().all(|own| own.variant != **name))
    {
        let known = variants.iter().map(|own| own.variant.as_str());
        let known = known.collect::<Vec<_>>().join("`, `");
        return Err(WorkflowError::Option(format!(
            "the run has no variant `{unknown}` to judge; it has `{known}`"
        )));
    }
    let is_wanted = |variant: &String| {
        (names.is_empty() || names.contains(variant)) && !replaced.contains(variant)
    };
    variants.retain(|own| is_wanted(&own.variant));
    cells.retain(|cell| is_wanted(&cell.variant));
    Ok(GateRecord { variants, cells, ..record })
}

/// Author of the protocol's last entry: the study's owner.
fn owner(entries: &[LedgerEntry]) -> Option<String> {
    Some(protocol_entry(entries)?.actor.clone())
}

fn protocol_entry(entries: &[LedgerEntry]) -> Option<&LedgerEntry> {
    entries.iter().rev().find(|entry| entry.kind == LedgerEntryKind::Protocol)
}

/// The `review_by` of the study, where that day is over.
fn review_due(entries: &[LedgerEntry], now: SystemTime) -> Option<String> {
    let date = protocol_entry(entries)?.body.pointer("/words/review_by")?.as_str()?;
    let today = humantime::format_rfc3339_seconds(now).to_string();
    // Dates of this form are in order as text.
    let is_over = today.get(..date.len())? > date;
    is_over.then(|| date.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_review_is_due_after_its_day() {
        let entry = |words: serde_json::Value| LedgerEntry {
            schema: 2,
            kind: LedgerEntryKind::Protocol,
            entry_id: Sha256Hex::zeros(),
            prev_sha256: Sha256Hex::zeros(),
            time: String::new(),
            actor: "team".into(),
            tool_version: String::new(),
            body: json!({ "words": words }),
        };
        let dated = [entry(json!({ "review_by": "2026-11-30" }))];
        let day = |days: u64| SystemTime::UNIX_EPOCH + Duration::from_secs(86_400 * days + 3_600);
        // 2026-11-30 is day 20787 since 1970.
        assert_eq!(review_due(&dated, day(20_787)), None);
        assert_eq!(review_due(&dated, day(20_788)).as_deref(), Some("2026-11-30"));
        assert_eq!(review_due(&[entry(json!({}))], day(30_000)), None);
        assert_eq!(owner(&dated).as_deref(), Some("team"));
    }
}
