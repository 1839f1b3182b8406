//! The answer of `paring verify` in lines.

use crate::study::{
    HandedOverVariant, RecordedProtocolSignature, VerificationSummary, VerifiedStatement,
};
use crate::workflow::{
    PersonalRecords, Rederivation, RederivationOutcome, VerifiedRun, VerifiedSignatures,
};
use paring_core::number_format::counted;
use paring_core::schema::{ApprovalAction, Sha256Hex};
use std::path::Path;

/// Lines about a run in which everything holds, and about its variants that were made again.
pub(super) fn verified_lines(run: &Path, verified: &VerifiedRun) -> Vec<String> {
    let VerifiedRun { summary, signatures, people, reports, rederivation } = verified;
    let VerificationSummary { files, entries, variants, rows, manifest_sha256 } = summary;
    let mut lines = vec![format!(
        "{} holds: {}, {} of the ledger, {}, {} of results",
        run.display(),
        counted(*files, "file"),
        counted(*entries, "entry"),
        counted(*variants, "variant"),
        counted(*rows, "row"),
    )];
    lines.extend(signatures.iter().flat_map(signature_lines));
    lines.extend(people_lines(people));
    lines.extend(reports.iter().map(|report| match &report.not_compared {
        None => format!("{} is what the records give", report.file),
        Some(why) => format!("{} was not compared with the records: {why}", report.file),
    }));
    lines.extend(rederivation.iter().flat_map(rederivation_lines));
    lines.push(format!("manifest {manifest_sha256}"));
    lines
}

/// A line about the signed folder of a variant in which everything holds.
pub(super) fn folder_line(path: &Path, folder: &HandedOverVariant) -> String {
    format!(
        "{} holds: variant {}, {} signed with the key {}",
        path.display(),
        folder.name,
        counted(folder.files.len(), "file"),
        folder.key_sha256
    )
}

/// A line about a signed statement that holds.
pub(super) fn statement_line(path: &Path, statement: &VerifiedStatement) -> String {
    let VerifiedStatement { predicate_type, key_sha256, subjects, predicate } = statement;
    let result = ["result", "verificationResult"].iter().find_map(|key| predicate[*key].as_str());
    let result = result.map_or_else(String::new, |result| format!(", {result}"));
    let names: Vec<&str> = subjects.iter().map(|subject| subject.name.as_str()).collect();
    format!(
        "{} holds: {predicate_type}{result}, about {}, signed with the key {key_sha256}",
        path.display(),
        names.join(", ")
    )
}

/// Lines about what people signed in the ledger.
fn people_lines(people: &PersonalRecords) -> Vec<String> {
    let owner = |key: &Sha256Hex| people.owners.get(key).map(Vec::as_slice);
    let mut lines: Vec<String> = people
        .protocol_signatures
        .iter()
        .map(|own| protocol_line(own, owner(&own.key_sha256)))
        .collect();
    lines.extend(people.approvals.iter().map(|own| {
        let approval = &own.approval;
        let what = match approval.action {
            ApprovalAction::Approve => "approved",
            ApprovalAction::Revoke => "revoked the approval of",
        };
        format!(
            "{} {what} {} on {}, {}",
            approval.by,
            approval.variant,
            approval.given_at,
            key_words(&own.key_sha256, owner(&own.key_sha256))
        )
    }));
    lines
}

/// A line about a signature under the protocol; `principals` are the names of the key's owner, where the key
/// was checked.
pub(super) fn protocol_line(
    own: &RecordedProtocolSignature,
    principals: Option<&[String]>,
) -> String {
    let RecordedProtocolSignature { line, by, given_at, key_sha256, first_look } = own;
    let when = match first_look {
        None => "before the first look at the report split".to_string(),
        Some(look) => format!("AFTER the first look at the report split (line {look})"),
    };
    let key = key_words(key_sha256, principals);
    format!("{by} signed the protocol on {given_at}, line {line} of the ledger, {when}, {key}")
}

fn key_words(key_sha256: &Sha256Hex, principals: Option<&[String]>) -> String {
    match principals {
        None => format!("with the key {key_sha256}, whose owner was not checked"),
        Some([]) => format!("with the key {key_sha256}"),
        Some(names) => format!("with the key {key_sha256} of {}", names.join(", ")),
    }
}

fn signature_lines(signatures: &VerifiedSignatures) -> Vec<String> {
    let VerifiedSignatures { run, variants } = signatures;
    let mut lines = vec![
        format!("signed on {} with the key {}", run.signed_at, run.key_sha256),
        format!("Merkle root {}", run.merkle_root),
    ];
    if run.later_entries > 0 {
        let entries = counted(run.later_entries, "entry");
        lines.push(format!("{entries} of the ledger (notes, approvals) came after that"));
    }
    if !variants.is_empty() {
        lines.push(format!("signed to hand over: {}", variants.join(", ")));
    }
    lines
}

fn rederivation_lines(rederivation: &Rederivation) -> Vec<String> {
    let Rederivation { baseline_sha256, with_data, variants } = rederivation;
    let data = if *with_data { "and the data" } else { "without data" };
    let mut lines = vec![format!("made again from the baseline {baseline_sha256} {data}:")];
    lines.extend(variants.iter().map(|variant| {
        let outcome = match &variant.outcome {
            RederivationOutcome::Identical => "the same, byte for byte".to_string(),
            RederivationOutcome::Differs { file, problem, machine_dependent } => {
                let machine = match machine_dependent {
                    true => "; last bits of activations, which depend on the processor, decided numbers in it",
                    false => "",
                };
                format!("NOT the same: {file}: {problem}{machine}")
            }
            RederivationOutcome::NotDerived { reason } => format!("not made again: {reason}"),
        };
        let steps = match variant.machine_dependent_steps.join("; ") {
            none if none.is_empty() => none,
            steps => format!(" (on this processor; another may give other last bits: {steps})"),
        };
        format!("  {}: {outcome}{steps}", variant.name)
    }));
    lines
}
