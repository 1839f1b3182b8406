//! The explanation in sentences, each figure from a field of the record.

mod caveats;
mod explanation_narrative;
mod metric_wording;
mod saving_sentences;
mod sentence_writer;
mod variant_findings;

pub use explanation_narrative::narrative;
