//! Ablations: single components removed and measured, and criteria of importance held against them.

mod component_ablation;
mod criterion_agreement;

pub use component_ablation::{AblationSetup, ComponentAblation, ablate};
pub use criterion_agreement::{
    CriterionAgreement, CriterionComparison, CriterionVerdict, compare_criteria,
};
