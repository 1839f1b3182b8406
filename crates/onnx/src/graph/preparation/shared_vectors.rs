//! Vectors that several nodes share, and one for each.
//!
//! Exporters store equal biases and normalisation parameters once. Layers that have nothing to do
//! with each other would then have to be shortened together.

use crate::graph::{ElementType, Graph};
use paring_agent::engine::onnx;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// Bytes of all copies together. Beyond, vectors stay shared: their readers are shortened together.
const MOST_COPIED_BYTES: usize = 64 << 20;

impl Graph {
    /// Gives every node that reads a shared vector a copy of its own, called `vector#output`, and
    /// reads initializers directly that came through an Identity.
    pub(in crate::graph) fn separate_vectors(&mut self) {
        self.skip_identities();
        let vectors: BTreeSet<String> = self
            .graph()
            .initializer
            .iter()
            .filter(|t| t.dims.len() == 1 && (t.dims[0] > 1 || t.data_type == ElementType::F32.0))
            .map(|t| t.name.clone())
            .collect();
        let fixed = self.fixed_names();
        let mut taken = onnx::taken(self.graph());
        let mut first: BTreeMap<String, usize> = BTreeMap::new();
        let mut copies: Vec<(String, String)> = Vec::new();
        let sizes: HashMap<String, usize> = vectors
            .iter()
            .filter_map(|name| Some((name.clone(), self.weights(name).ok()?.bytes.len())))
            .collect();
        let mut left = MOST_COPIED_BYTES;
        for (position, node) in self.nodes_mut().iter_mut().enumerate() {
            let output = node.output.first().cloned().unwrap_or_default();
            for slot in 0..node.input.len() {
                let input = node.input[slot].clone();
                if !vectors.contains(&input) {
                    continue;
                }
                let kept = !fixed.contains(&input)
                    && *first.entry(input.clone()).or_insert(position) == position;
                let size = sizes.get(&input).copied().unwrap_or(0);
                if !kept && size <= left {
                    left -= size;
                    let own = onnx::fresh(&mut taken, &format!("{input}#{output}"));
                    let reads = node.input.iter_mut().filter(|i| **i == input);
                    reads.for_each(|i| i.clone_from(&own));
                    copies.push((input, own));
                }
            }
        }
        for (from, to) in copies {
            if let Ok(weights) = self.weights(&from) {
                self.set_weights(&to, weights);
            }
        }
    }

    /// Tensors that keep their names and values whatever becomes of the nodes: outputs, and what bodies
    /// of control flow read.
    fn fixed_names(&self) -> HashSet<String> {
        let outputs = self.graph().output.iter().map(|o| o.name.clone());
        let captured = self.nodes().iter().flat_map(onnx::captured).map(str::to_string);
        outputs.chain(captured).collect()
    }

    /// Reads copies that are still equal to what they were copied from as one vector again.
    pub fn rejoin_vectors(&mut self) {
        let names: BTreeSet<String> =
            self.initializer_names().into_iter().map(str::to_string).collect();
        let mut renamed = BTreeMap::new();
        for copy in &names {
            let Some((base, _)) = copy.split_once('#').filter(|(base, _)| names.contains(*base))
            else {
                continue;
            };
            if let (Ok(a), Ok(b)) = (self.weights(base), self.weights(copy))
                && a == b
            {
                renamed.insert(copy.clone(), base.to_string());
            }
        }
        self.fixed_names().iter().for_each(|name| _ = renamed.remove(name));
        let graph = self.graph_mut();
        for input in graph.node.iter_mut().flat_map(|node| &mut node.input) {
            if let Some(base) = renamed.get(input) {
                input.clone_from(base);
            }
        }
        graph.initializer.retain(|t| !renamed.contains_key(&t.name));
    }

    fn skip_identities(&mut self) {
        let fixed = self.fixed_names();
        let mut stored: BTreeSet<String> =
            self.initializer_names().into_iter().map(str::to_string).collect();
        let mut skipped: BTreeMap<String, String> = BTreeMap::new();
        self.graph_mut().node.retain_mut(|node| {
            for input in &mut node.input {
                if let Some(behind) = skipped.get(input) {
                    input.clone_from(behind);
                }
            }
            let (Some(input), Some(output)) = (node.input.first(), node.output.first()) else {
                return true;
            };
            let passes =
                node.op_type == "Identity" && stored.contains(input) && !fixed.contains(output);
            if passes {
                skipped.insert(output.clone(), input.clone());
                stored.remove(output);
            }
            !passes
        });
    }
}
