//! The answer of `paring catalog`.

mod ablation_answer;
mod catalog_answer;

pub use ablation_answer::AblationAnswer;
pub use catalog_answer::{CatalogAnswer, ExpectedChange, RankedBypass, RankedComponent, ranking};
