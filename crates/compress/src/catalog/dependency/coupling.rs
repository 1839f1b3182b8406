//! Couplings: sets of axes that change together, and their components.

use super::component_kind::ComponentKind;
use super::entry_classes::{AxisEntries, EntryClass};
use super::module_name::module_of;
use super::producers::{CouplingProducer, head_axes, producers};
use paring_core::schema::{CouplingMember, OriginalIndices};
use paring_onnx::graph::{Graph, GraphError, Node, TensorFacts};
use paring_onnx::ops;
use std::collections::{BTreeMap, BTreeSet};

pub use paring_onnx::ops::Slices;

/// All couplings of a graph, and the layers that must keep their width.
#[derive(Clone, Debug)]
pub struct Catalog {
    /// Couplings in the order of their producers.
    pub couplings: Vec<Coupling>,
    /// Layers whose outputs cannot be shortened, with the reason.
    pub refused: Vec<RefusedLayer>,
}

/// All tensor slices that must change together along one axis.
#[derive(Clone, Debug)]
pub struct Coupling {
    /// Name of its producer, the first layer whose weights make it; of heads, the module they are in.
    pub id: String,
    /// The kind of its components.
    pub kind: ComponentKind,
    /// The producer's weights, and the axis that counts components.
    pub producer: (String, usize),
    /// Its components, by index.
    pub components: Vec<ComponentSlices>,
    /// The axes of initializers that belong to it, and the nodes that read them.
    pub members: Vec<CouplingMember>,
    /// The reason why removing a component changes the others beyond what it fed them, if it does.
    pub lossy: Option<String>,
}

/// One component: the slices that are removed as one.
#[derive(Clone, Debug)]
pub struct ComponentSlices {
    /// Index in this graph.
    pub index: usize,
    /// Index in the baseline.
    pub original_index: usize,
    /// The entries of initializers that go with it.
    pub slices: Slices,
    /// The entries of computed tensors that go with it.
    pub activations: Slices,
}

/// A layer that keeps its width.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedLayer {
    /// The layer.
    pub layer: String,
    /// The reason.
    pub reason: String,
}

impl Coupling {
    /// The id of one of its components, by original index.
    pub fn component_id(&self, component: &ComponentSlices) -> String {
        format!("{}:{}", self.id, component.original_index)
    }
}

/// Tensors with an axis of more entries than these are not divided into components: a file can claim any.
const LONGEST_AXIS: usize = 1 << 20;

/// The facts, without shapes that have too long an axis.
fn divisible(facts: &TensorFacts) -> TensorFacts {
    let mut facts = facts.clone();
    facts.shapes.retain(|_, shape| shape.iter().all(|length| *length <= LONGEST_AXIS));
    facts
}

/// Applies the constraints of every node, and keeps what enters and leaves the graph.
fn constrain(graph: &Graph, facts: &TensorFacts, elements: &mut AxisEntries) {
    let apply = |elements: &mut AxisEntries, node: &Node| {
        let constraints = ops::axis_constraints(graph, facts, node);
        constraints.into_iter().for_each(|constraint| elements.apply(constraint, &node.name));
    };
    let (last, first): (Vec<&Node>, Vec<&Node>) =
        graph.nodes().iter().partition(|node| ops::ties_last(node));
    first.into_iter().for_each(|node| apply(elements, node));
    graph.inputs().iter().for_each(|tensor| elements.pin(tensor, "it is an input of the model"));
    graph.outputs().iter().for_each(|tensor| elements.pin(tensor, "it is an output of the model"));
    last.into_iter().for_each(|node| apply(elements, node));
}

/// Finds all couplings of a graph. `facts` are those at concrete dimensions; `origins` say which
/// indices of the baseline remain.
///
/// # Errors
/// [`GraphError`] where an initializer cannot be read.
pub fn catalog(
    graph: &Graph,
    facts: &TensorFacts,
    origins: &OriginalIndices,
) -> Result<Catalog, GraphError> {
    let facts = &divisible(facts);
    let mut elements = AxisEntries::new(facts.shapes.clone());
    constrain(graph, facts, &mut elements);
    let producers = producers(graph);
    let heads = head_axes(graph, facts);
    let mut by_axes: BTreeMap<BTreeSet<(String, usize)>, Vec<EntryClass>> = BTreeMap::new();
    for class in elements.free_classes() {
        let axes = class.elements.iter().map(|e| (e.tensor.clone(), e.axis)).collect();
        by_axes.entry(axes).or_default().push(class);
    }
    let mut found: Vec<(&CouplingProducer, Coupling)> = Vec::new();
    let mut refused: Vec<RefusedLayer> = Vec::new();
    for (axes, classes) in by_axes {
        let mut own = producers.iter().filter(|p| axes.contains(&(p.weights.clone(), p.axis)));
        let Some(first) = own.next() else { continue };
        if classes.len() == 1 {
            let reason = "it has a single component".to_string();
            refused.push(RefusedLayer { layer: first.layer.clone(), reason });
            continue;
        }
        let head = axes.iter().any(|axis| heads.contains(axis));
        let names: Vec<&str> =
            std::iter::once(first).chain(own).map(|p| p.layer.as_str()).collect();
        let id = if head { head_id(&names) } else { first.layer.clone() };
        let kind = if head { ComponentKind::Head } else { first.kind };
        found.push((first, coupling(graph, (first, id, kind), &axes, &classes, origins)));
    }
    found.sort_by_key(|(first, c)| (first.position, c.components.first().map(|c| c.index)));
    let couplings = numbered(found.into_iter().map(|(_, coupling)| coupling).collect());
    refused.extend(producers.iter().filter_map(|p| {
        let reason = elements.pinned((&p.weights, p.axis, 0))?;
        Some(RefusedLayer { layer: p.layer.clone(), reason })
    }));
    Ok(Catalog { couplings, refused })
}

/// The module that all projections of an attention are in.
fn head_id(layers: &[&str]) -> String {
    let first = layers.first().copied().unwrap_or_default();
    let module = module_of(layers).filter(|_| layers.len() > 1);
    format!("{}/head", module.unwrap_or(first))
}

/// Couplings of the same name are parts of one layer's outputs that go different ways.
fn numbered(mut couplings: Vec<Coupling>) -> Vec<Coupling> {
    let mut names = BTreeMap::<String, usize>::new();
    for coupling in &mut couplings {
        let seen = names.entry(coupling.id.clone()).or_default();
        *seen += 1;
        if *seen > 1 {
            coupling.id = format!("{}/part{seen}", coupling.id);
        }
    }
    couplings
}

fn coupling(
    graph: &Graph,
    (producer, id, kind): (&CouplingProducer, String, ComponentKind),
    axes: &BTreeSet<(String, usize)>,
    classes: &[EntryClass],
    origins: &OriginalIndices,
) -> Coupling {
    let initializers = graph.initializer_names();
    let mut components: Vec<ComponentSlices> = classes
        .iter()
        .map(|class| {
            let (mut slices, mut activations) = (Slices::new(), Slices::new());
            for element in &class.elements {
                let stored = initializers.contains(element.tensor.as_str());
                let into = if stored { &mut slices } else { &mut activations };
                into.entry((element.tensor.clone(), element.axis)).or_default().push(element.index);
            }
            let own = slices.get(&(producer.weights.clone(), producer.axis));
            let original = |i: &usize| origins.original(&producer.weights, producer.axis, *i);
            let indices: Vec<usize> = own.into_iter().flatten().copied().collect();
            let originals: Vec<usize> = indices.iter().map(original).collect();
            let index = indices.first().copied().unwrap_or(0);
            let original_index = match kind {
                ComponentKind::Head => originals.first().copied().unwrap_or(0) / run(&originals),
                _ => originals.first().copied().unwrap_or(0),
            };
            ComponentSlices { index, original_index, slices, activations }
        })
        .collect();
    components.sort_by_key(|c| c.index);
    let lossy = classes.iter().find_map(|class| class.lossy.clone());
    let producer = (producer.weights.clone(), producer.axis);
    Coupling { id, kind, producer, components, members: members(graph, axes), lossy }
}

/// Length of the run of consecutive numbers that a list begins with, at least 1.
fn run(indices: &[usize]) -> usize {
    1 + indices.windows(2).take_while(|pair| pair[1] == pair[0] + 1).count()
}

fn members(graph: &Graph, axes: &BTreeSet<(String, usize)>) -> Vec<CouplingMember> {
    let initializers = graph.initializer_names();
    let mut members = Vec::new();
    for (position, node) in graph.nodes().iter().enumerate() {
        for input in node.input.iter().filter(|i| initializers.contains(i.as_str())) {
            let from = (input.clone(), 0);
            for (initializer, axis) in axes.range(from..).take_while(|(tensor, _)| tensor == input)
            {
                let name = match node.name.as_str() {
                    "" => format!("{}_{position}", node.op_type),
                    name => name.to_string(),
                };
                members.push(CouplingMember {
                    node: name,
                    initializer: initializer.clone(),
                    axis: *axis,
                });
            }
        }
    }
    members
}

#[cfg(test)]
mod tests {
    use super::*;
    use paring_agent::arrays::Dtype;
    use paring_onnx::graph::{DimensionSize, Weights};

    #[test]
    fn axes_as_long_as_a_file_likes_take_no_memory() {
        let mut graph = Graph::empty("long", 13);
        let long = 1 << 40;
        graph.add_input("x", Dtype::F32, &[DimensionSize::Fixed(long), DimensionSize::Fixed(2)]);
        let mut facts = TensorFacts::default();
        facts.shapes.insert("x".into(), vec![long, 2]);
        let mut width = 2;
        for (product, next) in [("hidden", 3), ("y", 4)] {
            let weights = format!("{product}.weight");
            graph.set_weights(&weights, Weights::f32(&[width, next], &vec![1.0; width * next]));
            facts.shapes.insert(weights.clone(), vec![width, next]);
            facts.shapes.insert(product.into(), vec![long, next]);
            graph.add_node(Node {
                op_type: "MatMul".into(),
                name: product.into(),
                input: vec![if width == 2 { "x".into() } else { "hidden".into() }, weights],
                output: vec![product.into()],
                ..Node::default()
            });
            width = next;
        }
        graph.add_output("y");
        let found = catalog(&graph, &facts, &OriginalIndices::default()).unwrap();
        assert!(found.couplings.is_empty());
    }

    #[test]
    fn heads_are_named_after_what_their_projections_share() {
        assert_eq!(head_id(&["enc.0.attn.q", "enc.0.attn.k", "enc.0.attn.v"]), "enc.0.attn/head");
        assert_eq!(head_id(&["l/0/query", "l/0/key"]), "l/0/head");
        assert_eq!(head_id(&["in_proj"]), "in_proj/head");
        assert_eq!(head_id(&["node_1", "node_2"]), "node_1/head");
    }

    #[test]
    fn runs_end_at_the_first_gap() {
        assert_eq!(run(&[16, 17, 18, 64, 65]), 3);
        assert_eq!(run(&[4]), 1);
    }
}
