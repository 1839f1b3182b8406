//! The explanation in sentences, each figure from a field of the record.

mod caveats;
mod cause_sentences;
mod conclusion;
mod digest;
mod explanation_narrative;
mod flip_sentences;
mod forecast_sentences;
mod metric_wording;
mod sentence_writer;
mod variant_findings;

pub use explanation_narrative::narrate;
