//! Time of each node of a plan.

use super::optimised_node::summarize_node;
use crate::engine::execution::clear_upper_halves;
use crate::engine::{ENGINE, EngineError, InferencePlan, OptimisedNode, PlanInputs};
use paring_core::schema::{NodeProfile, NodeTime, SCHEMA, Sha256Hex};
use paring_core::stats;
use paring_core::units::LatencyNs;
use std::collections::HashMap;
use std::time::{Duration, Instant};
use tract_onnx::tract_core::plan::eval;

/// A node, and its time in every run, in order.
#[derive(Clone, Debug)]
pub struct NodeTimes {
    /// The node.
    pub node: OptimisedNode,
    /// One a run.
    pub times_ns: Vec<LatencyNs>,
    /// Time before it in every run: operands fetched, tensors freed.
    pub before_ns: Vec<LatencyNs>,
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
pub struct PlanProfile {
    /// Nodes in the order of execution.
    pub nodes: Vec<NodeTimes>,
    /// Whole runs with a clock around each node.
    pub profiled_ns: Vec<LatencyNs>,
    /// Time behind the last node in every one of them.
    pub end_ns: Vec<LatencyNs>,
    /// Whole runs without, one before each of those.
    pub plain_ns: Vec<LatencyNs>,
}

impl PlanProfile {
    /// The record of a profile: means over the faster half of the runs, which add up.
    pub fn record(&self, variant_id: Sha256Hex, batch: usize) -> NodeProfile {
        let quiet = faster_half(&self.profiled_ns);
        let mean = |times: &[LatencyNs]| mean_ns(times, &quiet);
        let nodes = self.nodes.iter().map(|times| NodeTime {
            name: times.node.name.clone(),
            operator: times.node.operator.clone(),
            kernels: times.node.kernels.clone(),
            moves: InferencePlan::is_glue(&times.node),
            own_ns: mean(&times.times_ns),
            before_ns: mean(&times.before_ns),
        });
        NodeProfile {
            schema: SCHEMA,
            variant_id,
            batch,
            engine: ENGINE.to_string(),
            runs: self.profiled_ns.len(),
            profiled_ns: mean(&self.profiled_ns),
            plain_ns: mean_ns(&self.plain_ns, &faster_half(&self.plain_ns)),
            end_ns: mean(&self.end_ns),
            nodes: nodes.collect(),
        }
    }
}

/// Positions of the faster half of the runs, at least one.
fn faster_half(runs: &[LatencyNs]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..runs.len()).collect();
    order.sort_by_key(|run| runs[*run]);
    order.truncate(runs.len().div_ceil(2));
    order
}

fn mean_ns(times: &[LatencyNs], runs: &[usize]) -> f64 {
    let chosen = runs.iter().filter_map(|run| times.get(*run));
    chosen.map(|t| t.as_f64()).sum::<f64>() / runs.len().max(1) as f64
}

impl InferencePlan {
    /// True if a node only moves data: packs, pads, reshapes, casts, or copies.
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
    /// in between: the difference is what looking costs. Stops early after `most`, with three runs at
    /// least.
    ///
    /// # Errors
    /// The engine's.
    pub fn profile_within(
        &self,
        inputs: &PlanInputs,
        runs: usize,
        most: Duration,
    ) -> Result<PlanProfile, EngineError> {
        let failed = |e| EngineError::failed("profile", &self.name)(e);
        let order: Vec<usize> = self.runnable.order_without_consts().to_vec();
        let model = self.runnable.model();
        let slot: HashMap<usize, usize> =
            order.iter().enumerate().map(|(slot, id)| (*id, slot)).collect();
        let empty = |id: &usize| NodeTimes {
            node: summarize_node(model.node(*id)),
            times_ns: Vec::with_capacity(runs),
            before_ns: Vec::with_capacity(runs),
        };
        let mut found = PlanProfile {
            nodes: order.iter().map(empty).collect(),
            profiled_ns: vec![],
            end_ns: vec![],
            plain_ns: vec![],
        };
        let mut state = self.runnable.spawn().map_err(failed)?;
        let begun = Instant::now();
        for run in 0..runs {
            if run >= 3 && begun.elapsed() > most {
                break;
            }
            let start = Instant::now();
            self.execute(inputs)?;
            found.plain_ns.push(start.elapsed().into());
            let start = Instant::now();
            let mut last = start;
            let outputs = state
                .run_plan_with_eval(inputs.values(), |context, state, node, input| {
                    let start = Instant::now();
                    let output = eval(context, state, node, input);
                    if self.clears {
                        clear_upper_halves();
                    }
                    if let Some(times) = slot.get(&node.id).and_then(|s| found.nodes.get_mut(*s)) {
                        let end = Instant::now();
                        times.before_ns.push((start - last).into());
                        times.times_ns.push((end - start).into());
                        last = end;
                    }
                    output
                })
                .map_err(failed)?;
            // A plain run drops its outputs too.
            drop(outputs);
            let end = Instant::now();
            found.profiled_ns.push((end - start).into());
            found.end_ns.push((end - last).into());
        }
        Ok(found)
    }

    /// [`InferencePlan::profile_within`] without a limit.
    ///
    /// # Errors
    /// The engine's.
    pub fn profile(&self, inputs: &PlanInputs, runs: usize) -> Result<PlanProfile, EngineError> {
        self.profile_within(inputs, runs, Duration::MAX)
    }
}
