//! Times of nodes and layers, and the roofline that they are held against.

mod cost_table;
mod layer_change;
mod layer_time;
mod node_profile;
mod roofline;
mod tune_table;

pub use cost_table::CostTable;
pub use layer_change::LayerChange;
pub use layer_time::{LayerTable, LayerTime};
pub use node_profile::{NodeProfile, NodeTime};
pub use roofline::{KernelPeak, MachineRoofline, ReadBandwidth};
pub use tune_table::{TuneCandidate, TuneTable};
