//! Sequential rounding of weights (to the nearest or by GPTQ) and bias correction, each layer on what
//! the already quantized layers before it give.

mod bias_correction;
mod gptq;
mod sequential;

pub(super) use sequential::SequentialRounding;
