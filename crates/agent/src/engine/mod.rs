//! The inference engine: the only place that names tract.
//!
//! A file is described ([`describe`]), loaded at concrete dimensions ([`AnalysedModel::load`]), optimised
//! into a [`InferencePlan`] and run. Knows nothing of variants and timing; ONNX's protobuf is read in [`onnx`].

mod error;
mod execution;
mod inspection;
mod loading;
pub mod onnx;
mod panic_guard;
mod transforms;
mod version;

pub use error::EngineError;
pub use execution::{
    CLEAR_UPPER_HALVES, InferencePlan, PlanInputs, arrange_for_input, avoid_faulty_tier,
    is_without, tiers, use_threads, without_tiers,
};
pub use inspection::{
    MatrixProduct, NodeTimes, OptimisedNode, PlanProfile, ProductPrecision, measure_roofline,
    product_kernels,
};
pub use loading::{
    AdmissionCheck, AnalysedModel, DimensionBindings, ModelSignature, ModelSource, TensorFact,
    admit_by, admitted, describe, implements, samples_first, tensor_facts,
};
pub use transforms::TRANSFORMS;
pub use version::ENGINE;
