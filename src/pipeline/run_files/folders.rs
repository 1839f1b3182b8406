//! Folders and files of a run directory; every path is confined to it.

use paring_core::files::ConfinedPath;
use paring_core::schema::FileName;
use std::path::Path;

/// The folders and files of one run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folders {
    root: ConfinedPath,
}

impl Folders {
    /// Those of the run in `root`.
    pub fn new(root: &Path) -> Self {
        Folders { root: ConfinedPath::root(root) }
    }

    /// The run directory.
    pub fn root(&self) -> &ConfinedPath {
        &self.root
    }

    /// ONNX files and their lineage.
    pub fn variants(&self) -> ConfinedPath {
        self.root.join("variants")
    }

    /// Models that were put back.
    pub fn restored(&self) -> ConfinedPath {
        self.root.join("restored")
    }

    /// The folder of a variant to hand over, signed.
    pub fn signed(&self, variant: &str) -> ConfinedPath {
        self.root.join("signed").join(variant)
    }

    /// Everything that was taken out.
    pub fn parings(&self) -> ConfinedPath {
        self.root.join("parings")
    }

    /// Variants with only some of their decisions, and what they answered.
    pub fn experiments(&self) -> Folders {
        Folders { root: self.root.join("experiments") }
    }

    /// Those of a variant's experiments that are measured. What they are paired with is that variant,
    /// so their journal is no other's.
    pub fn measured(&self, variant: &str) -> Folders {
        Folders { root: self.experiments().root.join("measured").join(variant) }
    }

    /// Raw samples of one target.
    pub fn journal(&self, target: &str) -> ConfinedPath {
        self.root.join("journal").join(target)
    }

    /// Answers, sample by sample.
    pub fn predictions(&self) -> ConfinedPath {
        self.root.join("predictions")
    }

    /// Answers of a variant in full.
    pub fn scores(&self, variant: &str) -> ConfinedPath {
        self.predictions().join(format!("{variant}.scores.safetensors"))
    }

    /// Quality of a variant's answers.
    pub fn quality(&self, variant: &str) -> ConfinedPath {
        self.predictions().join(format!("{variant}.quality.json"))
    }

    /// Answers of variants on a further dataset, and what is known of it.
    pub fn regime(&self, name: &FileName) -> Folders {
        Folders { root: self.regimes().join(name) }
    }

    /// Folders of all further datasets.
    pub fn regimes(&self) -> ConfinedPath {
        self.root.join("regimes")
    }

    /// The record of the regime that these are the folders of.
    pub fn regime_record(&self) -> ConfinedPath {
        self.root.join("regime.json")
    }

    /// One row a regime, variant and metric.
    pub fn regime_scores(&self) -> ConfinedPath {
        self.root.join("regimes.csv")
    }

    /// One row a variant and disturbance.
    pub fn robustness(&self) -> ConfinedPath {
        self.root.join("robustness.csv")
    }

    /// The ledger.
    pub fn ledger(&self) -> ConfinedPath {
        self.root.join("ledger.jsonl")
    }

    /// Cost table of a target.
    pub fn costs(&self, target: &str) -> ConfinedPath {
        self.root.join("costs").join(format!("{target}.json"))
    }

    /// The forecaster of removals' costs, learnt before any is decided.
    pub fn forecaster(&self) -> ConfinedPath {
        self.root.join("forecaster.json")
    }

    /// One row a layer, variant, target and batch.
    pub fn layers(&self) -> ConfinedPath {
        self.root.join("layers.csv")
    }

    /// Effects of each decision, as records.
    pub fn explanations(&self) -> ConfinedPath {
        self.root.join("explain.json")
    }

    /// The report on the variants, as Markdown.
    pub fn report(&self) -> ConfinedPath {
        self.root.join("report.md")
    }

    /// Losses of each layer in each precision, a file a variant.
    pub fn sensitivity(&self) -> ConfinedPath {
        self.root.join("sensitivity")
    }

    /// The variants as viewers of models show them, a folder each.
    pub fn overlays(&self) -> ConfinedPath {
        self.root.join("overlay")
    }

    /// One row a group of decisions and metric.
    pub fn effects(&self) -> ConfinedPath {
        self.root.join("effects.csv")
    }

    /// One row a layer and variant that is explained: time before and after.
    pub fn savings(&self) -> ConfinedPath {
        self.root.join("savings.csv")
    }

    /// One row a variant, target and batch.
    pub fn results(&self) -> ConfinedPath {
        self.root.join("results.csv")
    }
}
