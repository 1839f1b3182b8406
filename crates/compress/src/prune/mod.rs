//! Pruning: channels and attention heads, whole layers and blocks, single weights; and the recovery of
//! what remains.

mod budget;
mod candidates;
mod channels;
mod evidence;
mod layers;
mod masking;
mod recovery;
mod selection;
mod settings;
mod weights;

pub use channels::prune;
pub use layers::bypass;
pub use masking::masked;
pub(crate) use recovery::write_bias;
pub use settings::{
    Allocation, Amount, Bypassing, Pruning, Recovery, Sparsify, Sparsity, What, weights_id,
};
pub use weights::sparsify;
