//! Response curves over doses, with predictive intervals.

mod observation;
mod response_curve;
mod response_model;

pub use observation::DoseResponse;
pub use response_curve::ResponseCurve;
pub use response_model::{FEWEST_OF_A_KIND, PREDICTIVE_LEVEL, PredictiveInterval, ResponseModel};
