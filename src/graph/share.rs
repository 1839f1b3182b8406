//! Vectors that several nodes share, and one for each.
//!
//! Exporters store equal biases and normalisation parameters once. Layers that have nothing to do
//! with each other would then have to be shortened together.

use super::{Graph, Node};
use std::collections::{BTreeMap, BTreeSet};

impl Graph {
    /// Gives every node that reads a shared vector a copy of its own, called `vector#output`, and
    /// reads initializers directly that came through an Identity.
    pub(super) fn separate_vectors(&mut self) {
        self.skip_identities();
        let vectors: BTreeSet<String> = self
            .graph()
            .initializer
            .iter()
            .filter(|t| t.dims.len() == 1 && t.dims[0] > 1)
            .map(|t| t.name.clone())
            .collect();
        let mut first: BTreeMap<String, usize> = BTreeMap::new();
        let mut copies: Vec<(String, String)> = Vec::new();
        for (position, node) in self.graph_mut().node.iter_mut().enumerate() {
            let Node { input, output, .. } = node;
            for input in input.iter_mut().filter(|i| vectors.contains(*i)) {
                if *first.entry(input.clone()).or_insert(position) != position {
                    let own = format!("{input}#{}", output[0]);
                    copies.push((input.clone(), own.clone()));
                    *input = own;
                }
            }
        }
        copies.dedup();
        for (from, to) in copies {
            if let Ok(weights) = self.weights(&from) {
                self.set_weights(&to, weights);
            }
        }
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
        let graph = self.graph_mut();
        for input in graph.node.iter_mut().flat_map(|node| &mut node.input) {
            if let Some(base) = renamed.get(input) {
                input.clone_from(base);
            }
        }
        graph.initializer.retain(|t| !renamed.contains_key(&t.name));
    }

    fn skip_identities(&mut self) {
        let outputs: BTreeSet<String> = self.outputs().iter().map(|o| (*o).to_string()).collect();
        let mut stored: BTreeSet<String> =
            self.initializer_names().into_iter().map(str::to_string).collect();
        let mut skipped: BTreeMap<String, String> = BTreeMap::new();
        self.graph_mut().node.retain_mut(|node| {
            for input in &mut node.input {
                if let Some(behind) = skipped.get(input) {
                    input.clone_from(behind);
                }
            }
            let passes = node.op_type == "Identity"
                && node.input.first().is_some_and(|i| stored.contains(i))
                && node.output.first().is_some_and(|o| !outputs.contains(o));
            if passes {
                skipped.insert(node.output[0].clone(), node.input[0].clone());
                stored.remove(&node.output[0]);
            }
            !passes
        });
    }
}
