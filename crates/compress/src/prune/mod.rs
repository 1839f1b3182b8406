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

pub use channels::prune_channels;
pub use layers::prune_layers;
pub use masking::masked_graph;
pub use recovery::RECOVERY_OPERATION;
pub(crate) use recovery::write_bias;
pub use settings::{
    BudgetAllocation, ChannelPruning, LayerPruning, PruneAmount, PruneStructure, RecoveryMethod,
    WeightPruning, WeightSparsity, weights_id,
};
pub use weights::prune_weights;
