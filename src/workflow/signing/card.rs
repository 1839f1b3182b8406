//! Cards of variants, from a run's files alone.

use super::approval_states;
use crate::ledger::read_ledger;
use crate::pipeline::{self, BASELINE, Folders, read_json, variant_names};
use crate::report::{CardApproval, CardRecords, ResultRow, model_card_cyclonedx, model_card_md};
use crate::study::{self, ApprovalState, RunDirectory};
use crate::workflow::WorkflowError;
use paring_core::schema::{Decision, LedgerEntry, LedgerEntryKind, Sha256Hex, VariantRecord};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::SystemTime;

/// Formats of a card.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CardFormat {
    /// Markdown.
    Markdown,
    /// CycloneDX 1.6, as JSON.
    CycloneDx,
    /// SPDX 3.0.1 with fields of the AI profile, as JSON-LD.
    Spdx,
}

/// A run whose variants get a card.
#[derive(Clone, Debug)]
pub struct CardOfRunOptions {
    /// The run directory.
    pub run: PathBuf,
    /// The variant; all but the baseline without it.
    pub variant: Option<String>,
    /// The format.
    pub format: CardFormat,
}

/// Cards of a run's variants: name and text of each.
///
/// # Errors
/// [`WorkflowError`] of a run that does not hold, or lacks the variant.
pub fn cards(options: &CardOfRunOptions) -> Result<Vec<(String, String)>, WorkflowError> {
    study::verify(&options.run, None)?;
    let folders = Folders::new(&options.run);
    let names = match &options.variant {
        Some(name) => vec![name.clone()],
        None => variant_names(&folders)?.into_iter().filter(|name| name != BASELINE).collect(),
    };
    let rows = study::recorded_rows(&folders)?.rows;
    let entries = read_ledger(&folders.ledger())?;
    let states = approval_states(&options.run, &names)?;
    let shown = entries.iter().any(|entry| entry.kind == LedgerEntryKind::Approval)
        || !study::ApprovalRules::of(&entries).is_default();
    let facts = RunDirectory::protocol_of(&options.run)?.facts();
    let (owner, words) = words(&entries);
    let created = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
    let mut cards = Vec::new();
    for (name, state) in states {
        let line = pipeline::ancestry(&folders, &name)?;
        let rows: Vec<ResultRow> =
            rows.iter().filter(|row| row.variant.name == name).cloned().collect();
        let evaluation = read_json(&folders.quality(&name));
        let approval = card_approval(&state);
        let records = CardRecords {
            facts: &facts,
            owner: &owner,
            words: &words,
            rows: &rows,
            evaluation: evaluation.as_ref(),
            decisions: &decisions(&line, &entries),
            approval: shown.then_some(&approval),
            version: env!("CARGO_PKG_VERSION"),
            line: &line,
        };
        let text = match options.format {
            CardFormat::Markdown => model_card_md(&records),
            CardFormat::CycloneDx => format!("{:#}\n", model_card_cyclonedx(&records)),
            CardFormat::Spdx => {
                format!("{:#}\n", crate::report::model_card_spdx(&records, &created))
            }
        };
        cards.push((name, text));
    }
    Ok(cards)
}

/// Owner and words of the study, as the ledger's first protocol has them.
pub(super) fn words(entries: &[LedgerEntry]) -> (String, BTreeMap<String, String>) {
    let protocol = entries.iter().find(|entry| entry.kind == LedgerEntryKind::Protocol);
    let words = protocol.and_then(|entry| entry.body.get("words")).cloned();
    let words = words.and_then(|words| serde_json::from_value(words).ok());
    (protocol.map(|entry| entry.actor.clone()).unwrap_or_default(), words.unwrap_or_default())
}

/// Decisions that led to the first of a line of variants, the baseline's side first.
fn decisions(line: &[VariantRecord], entries: &[LedgerEntry]) -> Vec<(Sha256Hex, Decision)> {
    let by_id: BTreeMap<&Sha256Hex, &LedgerEntry> =
        entries.iter().map(|entry| (&entry.entry_id, entry)).collect();
    let ids = line.iter().rev().flat_map(|record| &record.decisions);
    let each = ids.filter_map(|id| {
        let body = by_id.get(id)?.body.clone();
        Some((id.clone(), serde_json::from_value(body).ok()?))
    });
    each.collect()
}

fn card_approval(state: &ApprovalState) -> CardApproval {
    let people = state.approvals.iter().map(|own| (own.by.clone(), own.expires.clone()));
    CardApproval { people: people.collect(), lacking: state.lacking.clone() }
}
