//! How long each node of a plan takes.

use super::{EngineError, Inputs, OptimisedNode, Plan, nodes};
use crate::stats;
use crate::units::LatencyNs;
use std::time::Instant;
use tract_onnx::tract_core::plan::eval;

/// A node, and its time in every run, in order.
#[derive(Clone, Debug)]
pub struct NodeTimes {
    /// The node.
    pub node: OptimisedNode,
    /// One a run.
    pub times_ns: Vec<LatencyNs>,
}

impl NodeTimes {
    /// The median over all runs, in nanoseconds; 0 without runs.
    pub fn median_ns(&self) -> f64 {
        let times: Vec<f64> = self.times_ns.iter().map(|t| t.as_f64()).collect();
        stats::median(&times).unwrap_or(0.0)
    }
}

/// Times of one plan.
#[derive(Clone, Debug)]
pub struct Profile {
    /// Nodes in the order of execution.
    pub nodes: Vec<NodeTimes>,
    /// Whole runs with a clock around each node.
    pub profiled_ns: Vec<LatencyNs>,
    /// Whole runs without, one before each of those.
    pub plain_ns: Vec<LatencyNs>,
}

impl Plan {
    /// Whether a node only moves data: packs, pads, reshapes, casts, or copies.
    pub fn is_glue(node: &OptimisedNode) -> bool {
        let moves = [
            "Pack",
            "Pad",
            "IntoShape",
            "Reshape",
            "Move",
            "AddAxis",
            "RmAxis",
            "Cast",
            "Im2col",
            "Gather",
            "Slice",
            "Concat",
        ];
        moves.iter().any(|word| node.operator.contains(word))
    }

    /// Runs the plan so many times, node by node with the clock around each, and as many times plainly
    /// in between: the difference is what looking costs.
    ///
    /// # Errors
    /// The engine's.
    pub fn profile(&self, inputs: &Inputs, runs: usize) -> Result<Profile, EngineError> {
        let failed = |e| EngineError::failed("profile", &self.name)(e);
        let order: Vec<usize> = self.runnable.order_without_consts().to_vec();
        let model = self.runnable.model();
        let slot: std::collections::HashMap<usize, usize> =
            order.iter().enumerate().map(|(slot, id)| (*id, slot)).collect();
        let mut times = vec![Vec::with_capacity(runs); order.len()];
        let (mut profiled_ns, mut plain_ns) = (Vec::new(), Vec::new());
        let mut state = self.runnable.spawn().map_err(failed)?;
        for _ in 0..runs {
            let start = Instant::now();
            self.execute(inputs)?;
            plain_ns.push(start.elapsed().into());
            let start = Instant::now();
            state
                .run_plan_with_eval(inputs.values(), |context, state, node, input| {
                    let start = Instant::now();
                    let output = eval(context, state, node, input);
                    if let Some(slot) = slot.get(&node.id) {
                        times[*slot].push(start.elapsed().into());
                    }
                    output
                })
                .map_err(failed)?;
            profiled_ns.push(start.elapsed().into());
        }
        let summary = |id: &usize| nodes::summary(model.node(*id));
        let nodes = order.iter().map(summary).zip(times);
        let nodes = nodes.map(|(node, times_ns)| NodeTimes { node, times_ns }).collect();
        Ok(Profile { nodes, profiled_ns, plain_ns })
    }
}
