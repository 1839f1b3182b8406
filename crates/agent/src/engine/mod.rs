//! The inference engine: the only place that names tract.
//!
//! A file is described ([`describe`]), loaded at concrete dimensions ([`AnalysedModel::load`]), optimised
//! into a [`InferencePlan`] and run. Knows nothing of variants and timing; ONNX's protobuf is read in [`onnx`].

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

pub use admission::{AdmissionCheck, admit_by, admitted};
pub use describe::{ModelSignature, describe};
pub use error::EngineError;
pub use isa::{is_without, tiers, without_tiers};
pub use kernels::product_kernels;
pub use load::{AnalysedModel, DimensionBindings, ModelSource, TRANSFORMS, implements};
pub use nodes::OptimisedNode;
pub use peaks::measure_roofline;
pub use plan::{InferencePlan, PlanInputs, arrange_for_input};
pub use product::{MatrixProduct, ProductPrecision};
pub use profile::{NodeTimes, PlanProfile};
pub use samples::samples_first;
pub use shapes::{TensorFact, tensor_facts};
pub use threads::use_threads;
pub use upper::CLEAR_UPPER_HALVES;

/// The engine and its version, as written into records.
pub const ENGINE: &str = "tract 0.23.9";
