//! Derivatives of the loss by factors of components: how the loss changes as a component fades out of
//! everything that reads it.
//!
//! A factor m multiplies what all readers of a component see of it. At m = 1 the derivative is the sum
//! of value times gradient over what they read, and equally of weight times gradient over the weights
//! that they multiply it by (Molchanov et al. 2017, arXiv 1611.06440; 2019, arXiv 1906.10771).

use super::super::criterion::Criterion;
use super::super::error::CatalogError;
use super::super::observed::Calibration;
use crate::catalog::{ComponentSlices, Coupling};
use crate::gradient::{
    BackwardGraph, BackwardRequest, GradientForm, GradientTarget, LossReduction, backward_graph,
};
use ndarray::ArrayD;
use paring_onnx::graph::{Graph, TensorFacts};
use paring_onnx::ops::{self, GradientRefusal};
use std::collections::{BTreeMap, BTreeSet};

/// Gradients at the components of couplings, by the couplings' ids.
#[derive(Clone, Debug, Default)]
pub struct ComponentGradients {
    couplings: BTreeMap<String, Result<CouplingGradients, GradientRefusal>>,
}

/// Gradients at the components of one coupling on the calibration samples.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CouplingGradients {
    /// Derivatives of the loss by factors of the components, one row a pass: of one batch, as a rule
    /// one sample.
    pub factor_derivatives: Vec<Vec<f64>>,
    /// Mean over the passes of the squared norm of the gradient that comes back to each component.
    pub squared_norms: Vec<f64>,
}

impl ComponentGradients {
    /// Those of a coupling; `None` of one that was not asked for.
    ///
    /// # Errors
    /// The node between it and the loss that passes no gradient.
    pub fn of(&self, coupling: &Coupling) -> Option<Result<&CouplingGradients, &GradientRefusal>> {
        self.couplings.get(&coupling.id).map(Result::as_ref)
    }
}

impl CouplingGradients {
    /// Scores by a criterion that looks at gradients, in the order of the components.
    ///
    /// With m a component's derivative on a sample: `taylor` is E|m|, what the loss is expected to move
    /// by to first order (arXiv 1611.06440); `fisher` is E m² / 2, what it is expected to rise by to
    /// second order at a minimum (Theis et al. 2018, arXiv 1801.05787; over coupled layers Liu et al.
    /// 2021, arXiv 2108.00708); `movement` is −E m, by how much the loss falls as the component grows,
    /// which is what −w·g adds up to over the samples (Sanh et al. 2020, arXiv 2005.07683).
    pub fn scores(&self, criterion: Criterion) -> Vec<f64> {
        let passes = self.factor_derivatives.len().max(1) as f64;
        let mut scores = vec![0.0; self.squared_norms.len()];
        for row in &self.factor_derivatives {
            for (score, derivative) in scores.iter_mut().zip(row) {
                *score += match criterion {
                    Criterion::Fisher => derivative * derivative / 2.0,
                    Criterion::Movement => -derivative,
                    _ => derivative.abs(),
                };
            }
        }
        scores.iter().map(|score| score / passes).collect()
    }
}

impl CouplingGradients {
    /// The share of each component in the squared norm of the gradient that comes back to all; `None`
    /// where none does.
    pub fn shares(&self) -> Vec<Option<f64>> {
        let all: f64 = self.squared_norms.iter().sum();
        self.squared_norms.iter().map(|own| (all > 0.0).then(|| own / all)).collect()
    }
}

/// An axis of what a node reads in a slot.
type ReadAxis = (usize, usize, usize);

/// Gradients of the labels' cross entropy at the components of couplings, over all calibration
/// samples.
///
/// # Errors
/// [`CatalogError`] where samples have no labels or the backward pass cannot be run.
pub fn component_gradients(
    graph: &Graph,
    facts: &TensorFacts,
    couplings: &[&Coupling],
    calibration: &Calibration,
    purpose: &str,
) -> Result<ComponentGradients, CatalogError> {
    let reads: Vec<BTreeSet<ReadAxis>> =
        couplings.iter().map(|coupling| reads(graph, facts, coupling)).collect();
    let all: Vec<ReadAxis> =
        reads.iter().flatten().copied().collect::<BTreeSet<_>>().into_iter().collect();
    let forms =
        |axis| [GradientForm::FactorDerivatives { axis }, GradientForm::SquaredNorms { axis }];
    let node = |position: usize| graph.nodes()[position].name.as_str();
    let targets = all.iter().flat_map(|(position, slot, axis)| {
        forms(*axis).map(|form| GradientTarget::reading(node(*position), *slot, form))
    });
    let loss = vec![calibration.cross_entropy(graph, purpose)?];
    let request = BackwardRequest {
        reduction: LossReduction::Sum,
        ..BackwardRequest::new(loss, targets.collect())
    };
    let whole = backward_graph(graph, facts, &request)?;
    let refused: BTreeMap<ReadAxis, GradientRefusal> = all
        .iter()
        .zip(whole.gradients.chunks(2))
        .filter_map(|(read, own)| Some((*read, own.first()?.output.clone().err()?)))
        .collect();
    let open: Vec<ReadAxis> =
        all.iter().filter(|read| !refused.contains_key(read)).copied().collect();
    let sums = BatchSums::collect(&without_refused(whole), &open, calibration)?;
    let of = |(coupling, reads): (&&Coupling, &BTreeSet<ReadAxis>)| {
        let refusal = reads.iter().find_map(|read| refused.get(read));
        let own = match refusal {
            Some(refusal) => Err(refusal.clone()),
            None => Ok(sums.of(graph, coupling, reads)),
        };
        (coupling.id.clone(), own)
    };
    Ok(ComponentGradients { couplings: couplings.iter().zip(&reads).map(of).collect() })
}

/// The inputs of nodes that sum over a coupling's components.
fn reads(graph: &Graph, facts: &TensorFacts, coupling: &Coupling) -> BTreeSet<ReadAxis> {
    let axes: BTreeSet<&(String, usize)> =
        coupling.components.iter().flat_map(|c| c.activations.keys()).collect();
    let mut found = BTreeSet::new();
    for (position, node) in graph.nodes().iter().enumerate() {
        for (slot, axis) in ops::summed_inputs(facts, node) {
            let tensor = node.input.get(slot).cloned().unwrap_or_default();
            if axes.contains(&(tensor, axis)) {
                found.insert((position, slot, axis));
            }
        }
    }
    found
}

/// The graph without the targets that have no gradient, so that it can be run.
fn without_refused(mut backward: BackwardGraph) -> BackwardGraph {
    backward.gradients.retain(|own| own.output.is_ok());
    backward
}

/// Sums over what each reader reads, for each entry of the axis, one a pass.
struct BatchSums {
    places: BTreeMap<ReadAxis, usize>,
    /// By pass and place: derivatives, squared norms.
    passes: Vec<Vec<[Vec<f64>; 2]>>,
}

impl BatchSums {
    fn collect(
        backward: &BackwardGraph,
        open: &[ReadAxis],
        calibration: &Calibration,
    ) -> Result<BatchSums, CatalogError> {
        let places = open.iter().enumerate().map(|(place, read)| (*read, place)).collect();
        let mut passes = Vec::new();
        if !open.is_empty() {
            calibration.visit_gradients(backward, &mut |_, values| {
                let wide = |sums: &ArrayD<f32>| sums.iter().map(|v| f64::from(*v)).collect();
                let pair =
                    |pair: &[ArrayD<f32>]| [0, 1].map(|at| pair.get(at).map_or(vec![], wide));
                passes.push(values.gradients.chunks(2).map(pair).collect());
            })?;
        }
        Ok(BatchSums { places, passes })
    }

    fn of(
        &self,
        graph: &Graph,
        coupling: &Coupling,
        reads: &BTreeSet<ReadAxis>,
    ) -> CouplingGradients {
        let mut gradients = CouplingGradients {
            squared_norms: vec![0.0; coupling.components.len()],
            ..CouplingGradients::default()
        };
        let entries = |component: &ComponentSlices, (position, slot, axis): &ReadAxis| {
            let tensor = graph.nodes().get(*position).and_then(|node| node.input.get(*slot));
            let key = (tensor.cloned().unwrap_or_default(), *axis);
            component.activations.get(&key).cloned().unwrap_or_default()
        };
        for pass in &self.passes {
            let summed = |component: &ComponentSlices, which: usize| -> f64 {
                let of = |read: &ReadAxis| {
                    let sums = self.places.get(read).and_then(|place| pass.get(*place));
                    let sums = sums.map_or(&[][..], |both| both[which].as_slice());
                    let own = entries(component, read);
                    own.iter().filter_map(|entry| sums.get(*entry)).sum::<f64>()
                };
                reads.iter().map(of).sum()
            };
            let row = coupling.components.iter().map(|c| summed(c, 0)).collect();
            gradients.factor_derivatives.push(row);
            let norms = gradients.squared_norms.iter_mut().zip(&coupling.components);
            norms.for_each(|(norm, c)| *norm += summed(c, 1) / self.passes.len().max(1) as f64);
        }
        gradients
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::{self, weight_gradients};
    use crate::{DecisionRule, masked_graph};
    use ndarray::IxDyn;
    use paring_agent::arrays::{Array, Dtype};
    use paring_core::schema::{OriginalIndices, ScoreKind, Sha256Hex};
    use paring_onnx::graph::{DimensionSize, Node, Weights};

    fn node(op: &str, inputs: &[&str], output: &str) -> Node {
        Node {
            op_type: op.into(),
            name: format!("{output}/{op}"),
            input: inputs.iter().map(|input| input.to_string()).collect(),
            output: vec![output.into()],
            ..Node::default()
        }
    }

    /// Numbers that look random.
    fn numbers(count: usize, seed: usize) -> Vec<f32> {
        (0..count).map(|at| ((at * 7919 + seed * 104_729) % 1000) as f32 / 500.0 - 1.0).collect()
    }

    /// A layer `a` of four channels that two layers read.
    fn network() -> Graph {
        let mut graph = Graph::empty("two readers", 17);
        let sizes = [1, 3, 4, 4].map(DimensionSize::Fixed);
        graph.add_input("x", Dtype::F32, &sizes);
        for (name, dims, seed) in
            [("wa", vec![4, 3, 1, 1], 1), ("wb", vec![3, 4, 2, 2], 2), ("wc", vec![3, 4, 2, 2], 3)]
        {
            let values = numbers(dims.iter().product(), seed);
            graph.set_weights(name, Weights::f32(&dims, &values));
        }
        graph.add_node(node("Conv", &["x", "wa"], "a"));
        graph.add_node(node("Tanh", &["a"], "t"));
        graph.add_node(node("Conv", &["t", "wb"], "b"));
        graph.add_node(node("Sigmoid", &["b"], "s"));
        graph.add_node(node("Conv", &["t", "wc"], "c"));
        graph.add_node(node("Mul", &["s", "c"], "m"));
        graph.add_node(node("GlobalAveragePool", &["m"], "p"));
        graph.add_node(node("Flatten", &["p"], "y"));
        graph.add_output("y");
        graph
    }

    fn samples() -> Calibration {
        let x = ArrayD::from_shape_vec(IxDyn(&[5, 3, 4, 4]), numbers(240, 9)).unwrap();
        Calibration {
            inputs: BTreeMap::from([("x".to_string(), Array::F32(x))]),
            labels: vec![0, 2, 1, 1, 0],
            rule: Some(DecisionRule { scores: ScoreKind::Logits, ..DecisionRule::default() }),
            batch: 1,
            dims: BTreeMap::new(),
            sha256: Sha256Hex::of(b"gradients"),
        }
    }

    /// Cross entropy of each sample with the weights that read channel `channel` times a factor.
    fn losses(channel: usize, factor: f32) -> Vec<f64> {
        let mut graph = network();
        for name in ["wb", "wc"] {
            change(&mut graph, name, |at, weight| {
                *weight *= if at / 4 % 4 == channel { factor } else { 1.0 };
            });
        }
        losses_of(&graph)
    }

    /// Changes weights by position.
    fn change(graph: &mut Graph, name: &str, change: impl Fn(usize, &mut f32)) {
        let stored = graph.weights(name).unwrap();
        let mut values = stored.to_f32().unwrap();
        values.iter_mut().enumerate().for_each(|(at, weight)| change(at, weight));
        graph.set_weights(name, Weights::f32(&stored.dims, &values));
    }

    fn losses_of(graph: &Graph) -> Vec<f64> {
        let samples = samples();
        let mut losses = Vec::new();
        let mut look = |batch: usize, outputs: &[ArrayD<f32>]| {
            let scores: Vec<f64> = outputs[0].iter().map(|v| f64::from(*v)).collect();
            let sum: f64 = scores.iter().map(|score| score.exp()).sum();
            losses.push(sum.ln() - scores[samples.labels[batch] as usize]);
        };
        samples.visit(graph, &["y".to_string()], &mut look).unwrap();
        losses
    }

    /// Mean over the samples of the squared gradient at each weight, by differences of the losses.
    fn squares(graph: &Graph, name: &str) -> Vec<f64> {
        let count = graph.dims(name).unwrap().iter().product();
        let square = |place: usize| {
            let at = |step: f32| {
                let mut moved = graph.clone();
                change(&mut moved, name, |at, weight| {
                    *weight += if at == place { step } else { 0.0 };
                });
                losses_of(&moved)
            };
            let pairs = at(0.02).into_iter().zip(at(-0.02));
            pairs.map(|(more, less)| ((more - less) / 0.04).powi(2)).sum::<f64>() / 5.0
        };
        (0..count).map(square).collect()
    }

    #[test]
    fn derivatives_are_those_of_factors_on_all_readers() {
        let (graph, samples) = (network(), samples());
        let facts = graph.facts(&BTreeMap::new(), 1).unwrap();
        let found = catalog::catalog(&graph, &facts, &OriginalIndices::default()).unwrap();
        let [coupling] = found.couplings.as_slice() else { panic!("{:?}", found.couplings) };
        let all = component_gradients(&graph, &facts, &[coupling], &samples, "a test").unwrap();
        let own = all.of(coupling).unwrap().unwrap();
        for channel in 0..4 {
            let (more, less) = (losses(channel, 1.01), losses(channel, 0.99));
            let slopes = more.iter().zip(less).map(|(more, less)| (more - less) / 0.02);
            let derivatives = own.factor_derivatives.iter().map(|row| row[channel]);
            let off = slopes.clone().zip(derivatives).map(|(a, b)| (a - b).abs());
            assert!(off.clone().all(|off| off < 1e-4), "{:?}", off.collect::<Vec<_>>());
            let mean = |each: &dyn Fn(f64) -> f64| slopes.clone().map(each).sum::<f64>() / 5.0;
            let near = |criterion, expected: f64| {
                let score = own.scores(criterion)[channel];
                assert!((score - expected).abs() < 1e-4, "{criterion} {score} {expected}");
            };
            near(Criterion::Taylor, mean(&f64::abs));
            near(Criterion::Fisher, mean(&|slope| slope * slope / 2.0));
            near(Criterion::Movement, mean(&|slope| -slope));
        }
        let shares: f64 = own.shares().into_iter().flatten().sum();
        assert!((shares - 1.0).abs() < 1e-12);
    }

    #[test]
    fn changes_of_weight_gradients_are_those_of_differences() {
        let (graph, samples) = (network(), samples());
        let facts = graph.facts(&BTreeMap::new(), 1).unwrap();
        let found = catalog::catalog(&graph, &facts, &OriginalIndices::default()).unwrap();
        let coupling = &found.couplings[0];
        let whole = weight_gradients(&graph, &facts, &[coupling], &samples, "a test").unwrap();
        // Channel of a place in `wa`, [4, 3], and in `wb` and `wc`, [3, 4, 2, 2].
        let sum = |of: &[f64], channel: &dyn Fn(usize) -> bool| -> f64 {
            of.iter().enumerate().filter(|(at, _)| channel(*at)).map(|(_, own)| own).sum()
        };
        let behind = |graph: &Graph| [squares(graph, "wb"), squares(graph, "wc")].concat();
        let (before, after) = (squares(&graph, "wa"), behind(&graph));
        for (channel, component) in coupling.components.iter().enumerate().take(2) {
            let gone_before = sum(&before, &|at| at / 3 == channel) / sum(&before, &|_| true);
            let gone_behind = sum(&after, &|at| at / 4 % 4 == channel) / sum(&after, &|_| true);
            let near = |found: Option<f64>, expected: f64| {
                assert!((found.unwrap() - expected).abs() < 2e-3, "{found:?} {expected}");
            };
            let expected = whole.expected(component);
            near(expected.before, (1.0 - gone_before).sqrt() - 1.0);
            near(expected.behind, (1.0 - gone_behind).sqrt() - 1.0);
            let masked = masked_graph(&graph, &facts, &component.activations);
            let masked_facts = masked.facts(&BTreeMap::new(), 1).unwrap();
            let without =
                weight_gradients(&masked, &masked_facts, &[coupling], &samples, "a test").unwrap();
            let observed = whole.observed(component, &without);
            // tanh(0) = 0: without its own weights the channel is zero.
            let mut zeroed = graph.clone();
            change(&mut zeroed, "wa", |at, weight| {
                *weight *= if at / 3 == channel { 0.0 } else { 1.0 };
            });
            let left = sum(&squares(&zeroed, "wa"), &|at| at / 3 != channel);
            near(observed.before, (left / sum(&before, &|_| true)).sqrt() - 1.0);
            let left = sum(&behind(&zeroed), &|_| true);
            near(observed.behind, (left / sum(&after, &|_| true)).sqrt() - 1.0);
        }
    }

    #[test]
    fn samples_without_labels_are_refused() {
        let graph = network();
        let facts = graph.facts(&BTreeMap::new(), 1).unwrap();
        let samples = Calibration { labels: vec![], ..samples() };
        let error = component_gradients(&graph, &facts, &[], &samples, "criterion `taylor`");
        assert_eq!(
            error.unwrap_err().to_string(),
            "criterion `taylor` needs calibration samples with labels: gradients are those of the cross entropy of the labels' classes"
        );
    }
}
