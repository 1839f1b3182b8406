//! Names of layers, from names of nodes.

use super::Node;

/// The layer a node belongs to: its name without the operator that exporters append
/// (`block1.pw/Conv` is `block1.pw`, `/layer1/0/conv1/Conv_2` is `layer1/0/conv1`). A node without a
/// name is called after its operator and its position, which are stable for the same file; one that
/// is merely numbered (`Conv_7`, `node_Conv_508`) after its weights, where these have a module's name.
pub fn layer_name(node: &Node, position: usize) -> String {
    let full = node.name.trim_start_matches('/');
    let number = full.strip_prefix(&node.op_type).and_then(|rest| rest.strip_prefix('_'));
    let numbered = number.is_some_and(|n| n.bytes().all(|b| b.is_ascii_digit()));
    if full.is_empty() || full.starts_with("node_") || numbered {
        let module = node.input.iter().find_map(|input| input.strip_suffix(".weight"));
        if let Some(module) = module.filter(|m| !m.is_empty()) {
            return module.into();
        }
    }
    if full.is_empty() {
        return format!("{}_{position}", node.op_type);
    }
    // tf2onnx joins the names of everything that was fused; the last is the layer itself.
    if let Some((_, last)) = full.rsplit_once(';') {
        let tails = ["/BiasAdd", "/Conv2D", "/MatMul", "/depthwise", "/ReadVariableOp"];
        let end = tails.iter().filter_map(|tail| last.find(tail)).min().unwrap_or(last.len());
        return last[..end].into();
    }
    match full.rsplit_once('/') {
        Some((layer, last)) if last.starts_with(&node.op_type) && !layer.is_empty() => layer.into(),
        _ => full.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn is(name: &str, expected: &str) {
        let node = Node { name: name.into(), op_type: "Conv".into(), ..Node::default() };
        assert_eq!(layer_name(&node, 3), expected);
    }

    #[test]
    fn exporters_suffixes_go() {
        is("block1.pw/Conv", "block1.pw");
        is("/layer1/0/conv1/Conv_2", "layer1/0/conv1");
        is("Conv_7", "Conv_7");
        is("/Conv", "Conv");
        is("", "Conv_3");
        is("a/b", "a/b");
        is("m/act/Relu;m/conv2d/BiasAdd;m/conv2d/Conv2D", "m/conv2d");
        is("node_Conv_5", "node_Conv_5");
    }
}
