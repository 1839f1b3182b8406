//! The sample loop, and the loops beside it that tell contention.

mod contention_probe;
mod input_cycle;
mod memory_walk;
mod reference_loop;
mod sample_burst;
mod sampled_model;
mod warm_up;

pub use contention_probe::ContentionProbe;
pub use input_cycle::InputCycle;
pub use memory_walk::MemoryWalk;
pub use reference_loop::ReferenceLoop;
pub(super) use sample_burst::nanos;
pub use sample_burst::sample_burst;
pub(super) use sampled_model::SampledModel;
pub use warm_up::warm_up;
