//! Blocks: one fresh process that measures one variant, or a variant beside its baseline.

mod block_bench;
mod block_error;
mod block_measurement;
mod energy_block;
mod engine_environment;
mod paired_block;
mod partner_process;
mod processor_affinity;
mod sustained_block;

pub(super) use block_measurement::{measure_block, profile_nodes, serve_baseline};
pub use energy_block::energy_span;
pub(super) use engine_environment::environment_of;
pub(super) use processor_affinity::block_processors;
pub(super) use sustained_block::sustained_summary;
