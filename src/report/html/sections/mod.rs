//! Sections of the report, each a function from a run's records to blocks of a page.

mod anatomy;
mod blocks;
mod effects;
mod evidence;
mod flow;
mod hardware;
mod layers;
mod predictions;
mod samples;
mod summary;
mod tradeoff;

pub use anatomy::section as anatomy;
pub use effects::section as effects;
pub use evidence::section as evidence;
pub use flow::section as flow;
pub use hardware::section as hardware;
pub use predictions::section as predictions;
pub use summary::{section as summary, summary_sentences};
pub use tradeoff::section as tradeoff;
