//! The answer of `paring verify` in lines.

use crate::study::{HandedOverVariant, VerificationSummary};
use crate::workflow::{Rederivation, RederivationOutcome, VerifiedRun, VerifiedSignatures};
use paring_core::number_format::counted;
use std::path::Path;

/// Lines about a run in which everything holds, and about its variants that were made again.
pub(super) fn verified_lines(run: &Path, verified: &VerifiedRun) -> Vec<String> {
    let VerifiedRun { summary, signatures, rederivation } = verified;
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
        format!("  {}: {outcome}", variant.name)
    }));
    lines
}
