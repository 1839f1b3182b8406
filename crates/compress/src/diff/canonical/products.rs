//! Matrix products between reshapes: exporters flatten leading axes around them, or do not.

use super::affine::is_product;
use super::rewriter::GraphRewriter;
use paring_onnx::graph::{GraphIndex, Node, set_ints};

/// Matrix products read leading axes as what reads them has them, and a Reshape behind one that then
/// only repeats the shape is a copy.
pub(super) fn unwrap(rewriter: &mut GraphRewriter) {
    let index = GraphIndex::new(&rewriter.graph);
    let mut nodes: Vec<Node> = Vec::new();
    for node in rewriter.graph.nodes().to_vec() {
        match unwrapped(rewriter, &index, &node) {
            None => nodes.push(node),
            Some(FlattenedProduct { x, read, given }) => {
                let mut product = node;
                let before = format!("{}#as read", product.output[0]);
                if rewriter.shape(&x) == Some(&read) {
                    product.input[0] = x;
                } else {
                    let mut reshape = Node {
                        name: format!("{}/Reshape", product.name),
                        op_type: "Reshape".into(),
                        input: vec![x],
                        output: vec![before.clone()],
                        ..Node::default()
                    };
                    set_ints(&mut reshape, "shape", read.iter().map(|d| *d as i64).collect());
                    product.input[0].clone_from(&before);
                    rewriter.facts.shapes.insert(before, read);
                    nodes.push(reshape);
                }
                rewriter.facts.shapes.insert(product.output[0].clone(), given);
                nodes.push(product);
            }
        }
    }
    rewriter.graph.set_nodes(nodes);
}

/// A product between two Reshapes of leading axes.
struct FlattenedProduct {
    /// The tensor that the Reshape in front reads.
    x: String,
    /// The shape as which the product is to read it.
    read: Vec<usize>,
    /// The shape of what the product then gives.
    given: Vec<usize>,
}

fn unwrapped(
    rewriter: &GraphRewriter,
    index: &GraphIndex,
    node: &Node,
) -> Option<FlattenedProduct> {
    let matrix = ["MatMul", "Gemm"].contains(&node.op_type.as_str());
    if !matrix || !is_product(rewriter, node) {
        return None;
    }
    let before = rewriter.graph.nodes().get(index.producer(&node.input[0])?)?;
    let y = node.output.first()?;
    let reshape = |n: &Node| n.op_type == "Reshape" && n.input.len() == 1;
    if !reshape(before) || rewriter.is_fixed(y) {
        return None;
    }
    let readers: Vec<&Node> =
        index.consumers(y).iter().map(|(p, _)| &rewriter.graph.nodes()[*p]).collect();
    let x = before.input[0].clone();
    let (from, flat) = (rewriter.shape(&x)?, rewriter.shape(&node.input[0])?);
    let (wide, out) = (*flat.last()?, *rewriter.shape(y)?.last()?);
    let first = rewriter.shape(readers.first()?.output.first()?)?;
    let alike = readers.iter().all(|n| reshape(n) && rewriter.shape(&n.output[0]) == Some(first));
    // As the tensor was before the first Reshape, or else as it is behind the second.
    let leading = match (from.split_last(), first.split_last()) {
        (Some((last, leading)), _) if *last == wide && readers.iter().all(|n| reshape(n)) => {
            leading
        }
        (_, Some((last, leading))) if *last == out && alike => leading,
        _ => return None,
    };
    let with = |last: usize| leading.iter().copied().chain([last]).collect::<Vec<usize>>();
    let same = with(wide).iter().product::<usize>() == flat.iter().product::<usize>();
    same.then(|| FlattenedProduct { x, read: with(wide), given: with(out) })
}
