//! The answer of `paring catalog`.

mod ablation_answer;
mod catalog_answer;
mod criterion_correlations;
mod gradient_change_text;

pub use ablation_answer::{AblationAnswer, GradientComparison};
pub use catalog_answer::{
    CatalogAnswer, ExpectedChange, RankedBypass, RankedComponent, ReaderConditioning, ranking,
};
