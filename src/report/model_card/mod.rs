//! Cards of variants: what a run knows of one, as Markdown for people and as CycloneDX for tools.
//!
//! Evidence, and never a claim of conformity: what nobody stated is said to be not stated.

mod card_limits;
mod card_markdown;
mod card_records;
mod cyclonedx;

pub use card_markdown::model_card_md;
pub use card_records::{CardApproval, CardRecords};
pub use cyclonedx::model_card_cyclonedx;
