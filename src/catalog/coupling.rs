//! Couplings: sets of axes that change together, and their components.

use super::elements::{Element, Elements};
use super::rules;
use crate::graph::{Graph, GraphError, Node, int, layer_name};
use crate::record::{Member, Origins};
use std::collections::{BTreeMap, BTreeSet};

/// Entries of initializers, by initializer and axis, in ascending order.
pub type Slices = BTreeMap<(String, usize), Vec<usize>>;

/// What can be removed from a graph, and what cannot.
#[derive(Clone, Debug)]
pub struct Catalog {
    /// Couplings in the order of their producers.
    pub couplings: Vec<Coupling>,
    /// Layers whose outputs cannot be shortened, with the reason.
    pub refused: Vec<Refused>,
}

/// All tensor slices that must change together along one axis.
#[derive(Clone, Debug)]
pub struct Coupling {
    /// Name of its producer, the first layer whose weights make it.
    pub id: String,
    /// The producer's weights, and the axis that counts components.
    pub producer: (String, usize),
    /// Its components, by index.
    pub components: Vec<ComponentSlices>,
    /// The axes of initializers that belong to it, and the nodes that read them.
    pub members: Vec<Member>,
}

/// What can be removed as one.
#[derive(Clone, Debug)]
pub struct ComponentSlices {
    /// Index in this graph.
    pub index: usize,
    /// Index in the baseline.
    pub original_index: usize,
    /// The entries of initializers that go with it.
    pub slices: Slices,
}

/// A layer that keeps its width.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The layer.
    pub layer: String,
    /// Why.
    pub reason: String,
}

impl Coupling {
    /// The id of one of its components, by original index.
    pub fn component_id(&self, component: &ComponentSlices) -> String {
        format!("{}:{}", self.id, component.original_index)
    }
}

/// Finds all couplings of a graph. `shapes` are those of all tensors for a batch of 1; `origins`
/// say which indices of the baseline remain.
///
/// # Errors
/// [`GraphError`] where an initializer cannot be read.
pub fn catalog(
    graph: &Graph,
    shapes: &BTreeMap<String, Vec<usize>>,
    origins: &Origins,
) -> Result<Catalog, GraphError> {
    let mut all = shapes.clone();
    for name in graph.initializer_names() {
        all.insert(name.to_string(), graph.dims(name).unwrap_or_default());
    }
    let mut elements = Elements::new(all);
    rules::apply(graph, &mut elements);
    let producers = producers(graph);
    let mut by_axes: BTreeMap<BTreeSet<(String, usize)>, Vec<Vec<Element>>> = BTreeMap::new();
    for class in elements.free_classes() {
        let axes = class.iter().map(|e| (e.tensor.clone(), e.axis)).collect();
        by_axes.entry(axes).or_default().push(class);
    }
    let mut couplings: Vec<(usize, Coupling)> = by_axes
        .into_iter()
        .filter_map(|(axes, classes)| {
            let first = producers.iter().find(|p| axes.contains(&(p.weights.clone(), p.axis)))?;
            Some((first.position, coupling(graph, first, &axes, &classes, origins)))
        })
        .collect();
    couplings.sort_by_key(|(position, _)| *position);
    let refused = producers
        .iter()
        .filter_map(|p| {
            let reason = elements.pinned((&p.weights, p.axis, 0))?;
            Some(Refused { layer: p.layer.clone(), reason })
        })
        .collect();
    Ok(Catalog { couplings: couplings.into_iter().map(|(_, c)| c).collect(), refused })
}

struct Producer {
    position: usize,
    layer: String,
    weights: String,
    axis: usize,
}

/// Layers that make channels or neurons of their own: every convolution but depthwise ones, and
/// products with weights.
fn producers(graph: &Graph) -> Vec<Producer> {
    let nodes = graph.nodes().iter().enumerate();
    let found = nodes.filter_map(|(position, node)| {
        let axis = output_axis(graph, node)?;
        let (layer, weights) = (layer_name(node, position), node.input[1].clone());
        Some(Producer { position, layer, weights, axis })
    });
    let mut names = BTreeMap::<String, usize>::new();
    found
        .map(|mut producer| {
            let seen = names.entry(producer.layer.clone()).or_default();
            *seen += 1;
            if *seen > 1 {
                producer.layer = format!("{}#{seen}", producer.layer);
            }
            producer
        })
        .collect()
}

/// The axis of a node's weights that counts its outputs.
fn output_axis(graph: &Graph, node: &Node) -> Option<usize> {
    let dims = graph.dims(node.input.get(1)?)?;
    let group = int(node, "group").unwrap_or(1);
    match node.op_type.as_str() {
        "Conv" if group == 1 || dims.get(1) != Some(&1) => Some(0),
        "Gemm" => Some(if int(node, "transB") == Some(1) { 0 } else { 1 }),
        "MatMul" if dims.len() == 2 => Some(1),
        _ => None,
    }
}

fn coupling(
    graph: &Graph,
    producer: &Producer,
    axes: &BTreeSet<(String, usize)>,
    classes: &[Vec<Element>],
    origins: &Origins,
) -> Coupling {
    let initializers = graph.initializer_names();
    let components = classes.iter().map(|class| {
        let mut slices = Slices::new();
        for element in class.iter().filter(|e| initializers.contains(e.tensor.as_str())) {
            slices.entry((element.tensor.clone(), element.axis)).or_default().push(element.index);
        }
        let own = slices.get(&(producer.weights.clone(), producer.axis));
        let index = own.and_then(|indices| indices.first().copied()).unwrap_or(0);
        let original_index = origins.original(&producer.weights, producer.axis, index);
        ComponentSlices { index, original_index, slices }
    });
    let mut components: Vec<ComponentSlices> = components.collect();
    components.sort_by_key(|c| c.index);
    let mut members = Vec::new();
    for (position, node) in graph.nodes().iter().enumerate() {
        for input in node.input.iter().filter(|i| initializers.contains(i.as_str())) {
            for (initializer, axis) in axes.iter().filter(|(tensor, _)| tensor == input) {
                let name = if node.name.is_empty() {
                    layer_name(node, position)
                } else {
                    node.name.clone()
                };
                members.push(Member { node: name, initializer: initializer.clone(), axis: *axis });
            }
        }
    }
    let producer_axis = (producer.weights.clone(), producer.axis);
    Coupling { id: producer.layer.clone(), producer: producer_axis, components, members }
}
