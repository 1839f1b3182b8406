//! Answers of verbs: lines for a person, JSON for a machine, the same figures in both.

mod bench;
mod board_agreement;
mod card;
mod catalog;
mod conformance;
mod difference;
mod gradient;
mod layers;
mod probe;
mod regime;
mod sensitivity;
mod targets;

pub use bench::{BenchAnswer, InputOrigin};
pub use board_agreement::{BoardAgreement, BoardFlip};
pub use card::{card_json, card_text};
pub use catalog::{
    AblationAnswer, CatalogAnswer, ExpectedChange, GradientComparison, RankedBypass,
    RankedComponent, ReaderConditioning, ranking,
};
pub use difference::{difference_json, difference_text};
pub use gradient::{GradientAnswer, LabelOrigin};
pub use layers::layers_json;
pub use probe::TargetFacts;
pub use regime::{RegimeEvaluation, RegimeVariant, regimes_json, regimes_text};
pub use sensitivity::{sensitivity_json, sensitivity_text};
pub use targets::{findings_json, findings_text, targets_json, targets_text};
