//! A variant: an ONNX file, engine options, and where it came from.

use crate::schema::{EngineOptions, FileName, OriginalIndices, Sha256Hex, StepRefusal};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The lineage of a variant, beside its ONNX file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VariantRecord {
    /// Format version.
    pub schema: u32,
    /// Name in the study, and of this record's file.
    #[serde(deserialize_with = "FileName::checked")]
    pub name: String,
    /// SHA-256 over the file's hash and the engine options.
    pub variant_id: Sha256Hex,
    /// File name of the ONNX file, beside this record.
    pub file: FileName,
    /// Hash of the ONNX file.
    pub file_sha256: Sha256Hex,
    /// Size of the ONNX file.
    pub file_bytes: u64,
    /// Engine options.
    pub options: EngineOptions,
    /// The variant it was made from; `None` for the baseline.
    #[serde(default, deserialize_with = "FileName::checked_option")]
    pub parent: Option<String>,
    /// All steps from the baseline, in the study's own words.
    pub recipe: Vec<String>,
    /// Hash over everything the variant was made from; the same key, the same bytes.
    pub recipe_sha256: Sha256Hex,
    /// Ids of the ledger entries of its own steps.
    pub decisions: Vec<Sha256Hex>,
    /// All components removed since the baseline, by coupling.
    pub components_removed: BTreeMap<String, Vec<String>>,
    /// Original indices of what remains of every shortened axis.
    pub origins: OriginalIndices,
    /// Initializers of which single weights became zero since the baseline.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub sparse: BTreeSet<String>,
    /// Files with everything that its own steps removed or overwrote.
    pub parings: Vec<Sha256Hex>,
    /// Its own steps in order, and what undoes each.
    pub steps: Vec<StepRecord>,
    /// Refusals of its own steps.
    pub refusals: Vec<StepRefusal>,
    /// By its own steps: why its outputs differ from the baseline's more than the decisions explain.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unexplained: Vec<String>,
    /// Number of weights and biases.
    pub params: u64,
    /// Number of weights alone (tensors of rank 2 and above).
    pub weights: u64,
    /// Multiply-adds of one sample; `None` where a shape is unknown.
    pub macs: Option<u64>,
    /// Share of weights that are zero, 0 to 1.
    pub sparsity: f64,
    /// Share of multiply-adds in each precision, by name, 0 to 1.
    pub precision_mix: BTreeMap<String, f64>,
}

/// One step of a variant, and the files that undo it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StepRecord {
    /// The step, in the study's own words.
    pub step: String,
    /// The graph before it without its weights, and what the decisions do not bring back.
    pub rest: Sha256Hex,
    /// The parings of its decisions, in order.
    pub parings: Vec<Sha256Hex>,
    /// The ledger's entries of its decisions, in order; format 1 had only those of the variant.
    #[serde(default)]
    pub decisions: Vec<Sha256Hex>,
}

impl VariantRecord {
    /// The ledger's entries of the decisions of the step at `position`; `None` where there is no such
    /// step, or fewer entries than it should have.
    pub fn decisions_of(&self, position: usize) -> Option<&[Sha256Hex]> {
        let step = self.steps.get(position)?;
        if self.schema > 1 {
            return Some(&step.decisions);
        }
        // Every decision had one paring.
        let before: usize = self.steps[..position].iter().map(|step| step.parings.len()).sum();
        self.decisions.get(before..before + step.parings.len())
    }

    /// The identity of a file under engine options.
    pub fn identity(file: &Sha256Hex, options: &EngineOptions) -> Sha256Hex {
        Sha256Hex::of_parts([file.as_str().as_bytes(), b"\0", options.label().as_bytes()])
    }

    /// The precision of most multiply-adds; `mixed` unless one has 95 % of them.
    pub fn precision(&self) -> &str {
        let most = self.precision_mix.iter().max_by(|a, b| a.1.total_cmp(b.1));
        match most {
            Some((name, share)) if *share >= 0.95 => name,
            Some(_) => "mixed",
            None => "f32",
        }
    }

    /// Number of components removed since the baseline.
    pub fn removed_count(&self) -> usize {
        self.components_removed.values().map(Vec::len).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_survive_two_removals() {
        let mut origins = OriginalIndices::default();
        origins.remove("w", 0, 5, &[1, 3]);
        origins.remove("w", 0, 3, &[0]);
        assert_eq!(origins.original("w", 0, 0), 2);
        assert_eq!(origins.original("w", 0, 1), 4);
        assert_eq!(origins.original("w", 1, 7), 7);
    }

    #[test]
    fn decisions_of_a_step_are_named_and_in_format_1_counted() {
        let path = "/../../tests/fixtures/run-of-format-1/run/variants/half.json";
        let text =
            std::fs::read_to_string(format!("{}{path}", env!("CARGO_MANIFEST_DIR"))).unwrap();
        let former: VariantRecord = serde_json::from_str(&text).unwrap();
        assert_eq!(former.decisions_of(0), Some(former.decisions.as_slice()));
        assert_eq!(former.decisions_of(1), None);
        let (ids, mut record) = (former.decisions.clone(), VariantRecord { schema: 2, ..former });
        assert_eq!(record.decisions_of(0), Some(&[][..]));
        record.steps[0].decisions.clone_from(&ids);
        assert_eq!(record.decisions_of(0), Some(ids.as_slice()));
        // A record that names fewer entries than its steps have parings.
        let short = VariantRecord { schema: 1, decisions: vec![], ..record };
        assert_eq!(short.decisions_of(0), None);
    }
}
