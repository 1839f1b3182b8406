//! Names of engine transforms.

use crate::engine::CLEAR_UPPER_HALVES;

/// Names of what a variant's options may ask for: the engine's transforms, and [`CLEAR_UPPER_HALVES`].
pub const TRANSFORMS: [&str; 4] = ["conv_nhwc", "f32_to_f16", "block_quant", CLEAR_UPPER_HALVES];
