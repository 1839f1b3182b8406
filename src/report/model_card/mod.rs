//! Cards of variants: what a run knows of one, as Markdown for people, as CycloneDX and SPDX for tools; and
//! of data, as Croissant.
//!
//! Evidence, and never a claim of conformity: what nobody stated is said to be not stated.

mod card_limits;
mod card_markdown;
mod card_metrics;
mod card_records;
mod croissant;
mod cyclonedx;
mod spdx;

pub use card_markdown::model_card_md;
pub use card_records::{CardApproval, CardRecords};
pub use croissant::{CroissantData, croissant_record};
pub use cyclonedx::model_card_cyclonedx;
pub use spdx::model_card_spdx;
