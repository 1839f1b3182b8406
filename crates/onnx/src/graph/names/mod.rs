//! Names of nodes, layers and tensors.

mod fresh_names;
mod layer_names;
mod optimized_origins;

pub use fresh_names::FreshNames;
pub use layer_names::{layer_name, layer_names};
pub use optimized_origins::origins;
