//! The inference engine: the only place that names tract.
//!
//! A file is described ([`describe`]), loaded at concrete dimensions ([`Model::load`]), optimised
//! into a [`Plan`] and run. Knows nothing of variants and timing; ONNX's protobuf is read in [`onnx`].

mod admission;
mod constants;
mod describe;
mod error;
mod guard;
mod isa;
mod kernels;
mod load;
mod nodes;
pub mod onnx;
mod peaks;
mod plan;
mod product;
mod profile;
mod samples;
mod shapes;
mod threads;
mod upper;
mod value;

pub use admission::{Admit, admit_by, admitted};
pub use describe::{Signature, describe};
pub use error::EngineError;
pub use isa::{is_without, tiers, without_tiers};
pub use kernels::product_kernels;
pub use load::{Bindings, Model, Source, TRANSFORMS, implements};
pub use nodes::OptimisedNode;
pub use peaks::peaks;
pub use plan::{Inputs, Plan, fed};
pub use product::{Precision, Product};
pub use profile::{NodeTimes, Profile};
pub use samples::samples_first;
pub use shapes::{TensorFact, tensor_facts};
pub use threads::use_threads;
pub use upper::CLEAR;

/// The engine and its version, as written into records.
pub const ENGINE: &str = "tract 0.23.9";
