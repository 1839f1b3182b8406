//! A walk through a graph on the calibration samples, from layer to layer: what a layer reads is
//! computed from what was live at the layer before, so that a layer may be changed before the walk
//! goes on, and no node runs twice.

use super::super::error::CatalogError;
use super::calibration::{Calibration, in_order, run_finite};
use super::input_rows::{InputRows, RowSampling};
use super::linear_layer::LinearLayer;
use paring_agent::arrays::{Array, Dtype};
use paring_agent::engine::{AnalysedModel, EngineError, ModelSource, arrange_for_input};
use paring_core::schema::EngineOptions;
use paring_onnx::graph::{Graph, GraphIndex, TensorFacts, Weights};
use std::collections::{BTreeMap, BTreeSet};

/// The state of a walk: its place, and the tensors that later nodes read.
#[derive(Debug)]
pub struct CalibrationWalk<'a> {
    calibration: &'a Calibration,
    facts: &'a TensorFacts,
    /// Nodes before this one have run.
    position: usize,
    /// Tensors that later nodes read, batch by batch.
    live: Vec<BTreeMap<String, Array>>,
}

impl<'a> CalibrationWalk<'a> {
    /// Stands before the first node. `facts` are the graph's.
    ///
    /// # Errors
    /// The engine's, where samples of a batch do not share what they must.
    pub fn new(facts: &'a TensorFacts, calibration: &'a Calibration) -> Result<Self, CatalogError> {
        let batch = |batch: usize| {
            let arrays = calibration.arrays(batch).into_iter();
            let held = arrays.map(|(name, array)| match facts.shapes.get(&name) {
                Some(shape) => {
                    Ok((name.clone(), arrange_for_input(&name, &array, shape)?.into_owned()))
                }
                None => Ok((name, array)),
            });
            held.collect::<Result<_, EngineError>>()
        };
        let live = (0..calibration.batches()).map(batch).collect::<Result<_, _>>()?;
        Ok(CalibrationWalk { calibration, facts, position: 0, live })
    }

    /// Rows of a layer that does not stand before one that was asked for earlier; `width` as in
    /// [`observe`](super::observe). Weights of nodes from the layer on may change before the next call.
    ///
    /// # Errors
    /// [`CatalogError::NotFinite`], or the engine's.
    pub fn rows(
        &mut self,
        graph: &Graph,
        layer: &LinearLayer,
        width: usize,
    ) -> Result<InputRows, CatalogError> {
        let mut rows = InputRows { values: Vec::new(), features: layer.features() };
        let sampling = RowSampling { layer, width, calibration: self.calibration };
        let reached = match self.crossing(graph, layer.position) {
            Some(live) => {
                self.advance(graph, layer.position, &live)?;
                self.live.iter().map(|b| b.get(&layer.input).cloned()).collect()
            }
            // Something that cannot be kept is live here: the layer's input is computed, and the
            // walk stays where it is.
            None => self.computed(graph, layer.position, std::slice::from_ref(&layer.input))?,
        };
        for (batch, x) in reached.iter().enumerate() {
            if let Some(Array::F32(x)) = x {
                sampling.append(batch, x, &mut rows.values);
            }
        }
        Ok(rows)
    }

    /// The computed tensors that nodes from `position` on read of those before; `None` where one of
    /// them is neither made of floats nor known beforehand.
    fn crossing(&self, graph: &Graph, position: usize) -> Option<Vec<String>> {
        let live = self.read_across(graph, position);
        let kept = |t: &String| match self.facts.types.get(t) {
            _ if self.known(t).is_some() => Some(None),
            Some(Dtype::F32) => Some(Some(t.clone())),
            _ => None,
        };
        let live: Option<Vec<Option<String>>> = live.iter().map(kept).collect();
        live.map(|live| live.into_iter().flatten().collect())
    }

    /// Names of the tensors that nodes before `position` give and later ones read.
    fn read_across(&self, graph: &Graph, position: usize) -> BTreeSet<String> {
        let index = GraphIndex::new(graph);
        let given = graph.nodes()[..position].iter().flat_map(|n| &n.output);
        let later = |t: &&String| index.consumers(t).iter().any(|(reader, _)| *reader >= position);
        given.filter(later).cloned().collect()
    }

    /// Integers that do not depend on the inputs need not be computed.
    fn known(&self, tensor: &str) -> Option<Weights> {
        let values = self.facts.integers.get(tensor)?;
        let dims = self.facts.shapes.get(tensor)?;
        let whole = self.facts.types.get(tensor) == Some(&Dtype::I64);
        (whole && values.len() == dims.iter().product::<usize>())
            .then(|| Weights::i64(dims, values))
    }

    fn advance(
        &mut self,
        graph: &Graph,
        position: usize,
        live: &[String],
    ) -> Result<(), CatalogError> {
        let inputs: BTreeSet<&str> = graph.inputs().into_iter().collect();
        let new: Vec<String> =
            live.iter().filter(|t| !self.live[0].contains_key(*t)).cloned().collect();
        let computed = self.computed(graph, position, &new)?;
        for (batch, held) in self.live.iter_mut().enumerate() {
            held.retain(|name, _| inputs.contains(name.as_str()) || live.contains(name));
            let own = &computed[batch * new.len()..(batch + 1) * new.len()];
            held.extend(new.iter().cloned().zip(own.iter().flatten().cloned()));
        }
        self.position = position;
        Ok(())
    }

    /// Values of `tensors` on all batches, batch by batch, by the nodes from here to `position`.
    fn computed(
        &self,
        graph: &Graph,
        position: usize,
        tensors: &[String],
    ) -> Result<Vec<Option<Array>>, CatalogError> {
        if tensors.is_empty() {
            return Ok(Vec::new());
        }
        let held = &self.live[0];
        if tensors.iter().all(|t| held.contains_key(t)) {
            let each = |b: &BTreeMap<String, Array>| {
                tensors.iter().map(|t| b.get(t).cloned()).collect::<Vec<_>>()
            };
            return Ok(self.live.iter().flat_map(each).collect());
        }
        let inputs: Vec<_> = held
            .iter()
            .map(|(name, array)| (name.clone(), array.dtype(), array.shape().to_vec()))
            .collect();
        let mut part = graph.stretch(self.position..position, &inputs, tensors);
        for tensor in self.read_across(graph, self.position) {
            if let Some(weights) = self.known(&tensor) {
                part.set_weights(&tensor, weights);
            }
        }
        let bytes = part.encode();
        let source = ModelSource::Bytes(graph.name(), &bytes);
        let plan = AnalysedModel::load_fixed(source)?.optimise(&EngineOptions::default())?;
        let mut found = Vec::new();
        let each = |batch: usize| run_finite(&plan, &self.live[batch], tensors);
        in_order(self.live.len(), each, &mut |_, outputs| {
            found.extend(outputs.into_iter().map(|output| Some(Array::F32(output))));
        })?;
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog;
    use ndarray::ArrayD;
    use paring_core::schema::Sha256Hex;
    use paring_onnx::graph::{DimensionSize, Node};

    #[test]
    fn a_state_without_an_axis_of_samples_is_read_as_nodes_read_it() {
        let mut graph = Graph::empty("state", 13);
        graph.add_input("x", Dtype::F32, &[DimensionSize::Fixed(1), DimensionSize::Fixed(2)]);
        graph.add_input(
            "state",
            Dtype::F32,
            &[DimensionSize::Fixed(2), DimensionSize::Fixed(1), DimensionSize::Fixed(2)],
        );
        graph.set_weights("axis", Weights::i64(&[1], &[0]));
        graph.set_weights("w", Weights::f32(&[2, 3], &[1.0; 6]));
        for (op, inputs, output) in [
            ("Gather", vec!["state", "axis"], "first"),
            ("Squeeze", vec!["first", "axis"], "flat"),
            ("Add", vec!["x", "flat"], "sum"),
            ("MatMul", vec!["sum", "w"], "y"),
        ] {
            graph.add_node(Node {
                op_type: op.into(),
                name: output.into(),
                input: inputs.into_iter().map(String::from).collect(),
                output: vec![output.into()],
                ..Node::default()
            });
        }
        graph.add_output("y");
        let array = |shape: &[usize], values: &[f32]| -> Array {
            ArrayD::from_shape_vec(shape.to_vec(), values.to_vec()).unwrap().into()
        };
        let x = array(&[2, 2], &[1.0, 2.0, 3.0, 4.0]);
        let state = array(&[2, 2, 1, 2], &[10.0, 20.0, 0.0, 0.0, 30.0, 40.0, 0.0, 0.0]);
        let calibration = Calibration {
            inputs: BTreeMap::from([("x".into(), x), ("state".into(), state)]),
            labels: vec![],
            rule: None,
            batch: 1,
            dims: BTreeMap::new(),
            sha256: Sha256Hex::of(b"state"),
        };
        let facts = graph.facts(&calibration.dims, 1).unwrap();
        let layers = catalog::linears(&graph, &facts);
        let mut walk = CalibrationWalk::new(&facts, &calibration).unwrap();
        let rows = walk.rows(&graph, &layers[0], 2).unwrap();
        assert_eq!(rows.values, [11.0, 22.0, 33.0, 44.0]);
    }
}
