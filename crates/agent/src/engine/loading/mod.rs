//! Model files: parsed, described, and loaded at concrete dimensions.

mod admission;
mod analysed_model;
mod declared_dims;
mod model_source;
mod parsed_model;
mod samples_first;
mod signature;
mod tensor_facts;

pub use admission::{AdmissionCheck, admit_by, admitted};
pub use analysed_model::AnalysedModel;
pub(super) use declared_dims::dtype_of;
pub use model_source::{DimensionBindings, ModelSource};
pub use parsed_model::implements;
pub use samples_first::samples_first;
pub use signature::{ModelSignature, describe};
pub use tensor_facts::{TensorFact, tensor_facts};
