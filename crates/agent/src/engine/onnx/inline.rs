//! Local functions of a model, replaced by the nodes that they consist of.
//!
//! Source: the ONNX IR specification, section "Model-local functions".

use super::scope::{bodies, bodies_mut, taken};
use std::collections::{HashMap, HashSet};
use tract_onnx::pb::{
    AttributeProto, FunctionProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto,
};

/// Deepest nesting of calls of functions.
const MAX_DEPTH: usize = 64;

/// Nodes that all calls together may become: functions that call others twice double at every level.
const MOST_NODES: usize = 1 << 18;

/// Inlines every call of a local function; gives whether the model has any.
///
/// # Errors
/// A sentence that names the function: it calls itself, expands beyond bounds, shares its name with
/// another, imports another version of an operator set than the model, which would change what its
/// operators mean, or a call leaves an attribute to its default, which the engine's reader drops.
pub(super) fn inline_functions(model: &mut ModelProto) -> Result<bool, String> {
    if model.functions.is_empty() {
        return Ok(false);
    }
    let mut functions: HashMap<(String, String), FunctionProto> = HashMap::new();
    let mut imports = model.opset_import.clone();
    for function in std::mem::take(&mut model.functions) {
        join_imports(&mut imports, &function)?;
        let key = key_of(&function);
        if let Some(twin) = functions.insert(key, function) {
            let (domain, name) = key_of(&twin);
            return Err(format!(
                "there are several local functions `{domain}.{name}`; overloads are not known here, give each a name of its own"
            ));
        }
    }
    let Some(graph) = &mut model.graph else { return Ok(true) };
    let mut inliner =
        FunctionInliner { functions: &functions, taken: taken(graph), left: MOST_NODES };
    for _ in 0..MAX_DEPTH {
        if !inliner.expand(graph)? {
            let (mut used, defined) = (HashSet::new(), functions.keys().map(|(d, _)| d.as_str()));
            domains(graph, &mut used);
            let defined: HashSet<&str> = defined.collect();
            let given: HashSet<&str> =
                model.opset_import.iter().map(|i| i.domain.as_str()).collect();
            imports.retain(|import| {
                let domain = import.domain.as_str();
                used.contains(domain) || (given.contains(domain) && !defined.contains(domain))
            });
            model.opset_import = imports;
            return Ok(true);
        }
    }
    Err(format!("local functions call each other more than {MAX_DEPTH} deep"))
}

/// Adds the operator sets of a function to those of the model.
///
/// # Errors
/// A sentence where the function has another version of one.
fn join_imports(
    imports: &mut Vec<OperatorSetIdProto>,
    function: &FunctionProto,
) -> Result<(), String> {
    let same = |a: &str, b: &str| a == b || (is_default(a) && is_default(b));
    for own in &function.opset_import {
        match imports.iter().find(|i| same(&i.domain, &own.domain)) {
            Some(import) if import.version == own.version => {}
            Some(import) => {
                let (domain, name) = key_of(function);
                let set = if is_default(&own.domain) { "ai.onnx" } else { &own.domain };
                return Err(format!(
                    "local function `{domain}.{name}` imports version {} of operator set `{set}`, the model version {}; inline it with the exporter",
                    own.version, import.version
                ));
            }
            None => imports.push(own.clone()),
        }
    }
    Ok(())
}

fn is_default(domain: &str) -> bool {
    domain.is_empty() || domain == "ai.onnx"
}

/// Domains of the operators of a graph and its bodies.
fn domains(graph: &GraphProto, into: &mut HashSet<String>) {
    for node in &graph.node {
        into.insert(if is_default(&node.domain) { String::new() } else { node.domain.clone() });
        if is_default(&node.domain) {
            into.insert("ai.onnx".into());
        }
        bodies(node).for_each(|body| domains(body, into));
    }
}

fn key_of(function: &FunctionProto) -> (String, String) {
    (function.domain.clone().unwrap_or_default(), function.name.clone().unwrap_or_default())
}

/// An attribute with a default that a call does not give: the function refers to it without listing it
/// among those that have none.
fn left_to_default<'a>(call: &NodeProto, function: &'a FunctionProto) -> Option<&'a str> {
    let mut open: Vec<&NodeProto> = function.node.iter().collect();
    while let Some(node) = open.pop() {
        open.extend(bodies(node).flat_map(|body| &body.node));
        let mut referred = node.attribute.iter().map(|a| a.ref_attr_name.as_str());
        let defaulted = |name: &&str| {
            !name.is_empty()
                && !function.attribute.iter().any(|listed| listed == name)
                && !call.attribute.iter().any(|given| given.name == *name)
        };
        if let Some(name) = referred.find(defaulted) {
            return Some(name);
        }
    }
    None
}

struct FunctionInliner<'a> {
    functions: &'a HashMap<(String, String), FunctionProto>,
    taken: HashSet<String>,
    /// Nodes that may still be made.
    left: usize,
}

impl FunctionInliner<'_> {
    /// Expands every call in a graph and its bodies once; gives whether there was one.
    fn expand(&mut self, graph: &mut GraphProto) -> Result<bool, String> {
        let mut found = false;
        let mut nodes = Vec::with_capacity(graph.node.len());
        for mut node in std::mem::take(&mut graph.node) {
            match self.functions.get(&(node.domain.clone(), node.op_type.clone())) {
                Some(function) => {
                    if let Some(attribute) = left_to_default(&node, function) {
                        let (domain, name) = key_of(function);
                        return Err(format!(
                            "node `{}` leaves attribute `{attribute}` of local function `{domain}.{name}` to its default, which the engine does not read; give it at the call, or inline the function with the exporter",
                            node.name
                        ));
                    }
                    self.left =
                        self.left.checked_sub(function.node.len().max(1)).ok_or_else(|| {
                            format!("local functions expand to more than {MOST_NODES} nodes")
                        })?;
                    nodes.extend(self.call(&node, function));
                    found = true;
                }
                None => {
                    for body in bodies_mut(&mut node) {
                        found |= self.expand(body)?;
                    }
                    nodes.push(node);
                }
            }
        }
        graph.node = nodes;
        Ok(found)
    }

    /// The function's nodes with the call's tensors and attributes in place of its parameters.
    fn call(&mut self, call: &NodeProto, function: &FunctionProto) -> Vec<NodeProto> {
        let mut names: HashMap<String, String> = HashMap::new();
        for (slot, formal) in function.input.iter().enumerate() {
            names.insert(formal.clone(), call.input.get(slot).cloned().unwrap_or_default());
        }
        for (slot, formal) in function.output.iter().enumerate() {
            if let Some(given) = call.output.get(slot).filter(|o| !o.is_empty()) {
                names.entry(formal.clone()).or_insert_with(|| given.clone());
            }
        }
        let label = match call.name.as_str() {
            "" => call.output.first().cloned().unwrap_or_default(),
            name => name.to_string(),
        };
        let mut expanded = FunctionExpansion { call, label, names, taken: &mut self.taken };
        let mut nodes: Vec<NodeProto> =
            function.node.iter().map(|node| expanded.node(node)).collect();
        // An output that is an input as it came has no node that gives it.
        for (slot, formal) in function.output.iter().enumerate() {
            let Some(output) = call.output.get(slot).filter(|o| !o.is_empty()) else { continue };
            if let Some(position) = function.input.iter().position(|input| input == formal) {
                let input = call.input.get(position).cloned().unwrap_or_default();
                nodes.push(NodeProto {
                    op_type: "Identity".into(),
                    name: expanded.fresh(formal),
                    input: vec![input],
                    output: vec![output.clone()],
                    ..NodeProto::default()
                });
            }
        }
        nodes
    }
}

/// One call being expanded.
struct FunctionExpansion<'a> {
    call: &'a NodeProto,
    label: String,
    /// The function's names, by those of the graph it is called from.
    names: HashMap<String, String>,
    taken: &'a mut HashSet<String>,
}

impl FunctionExpansion<'_> {
    fn node(&mut self, node: &NodeProto) -> NodeProto {
        let mut own = node.clone();
        own.name = self.fresh(if node.name.is_empty() { &node.op_type } else { &node.name });
        own.input.iter_mut().for_each(|name| *name = self.renamed(name));
        own.output.iter_mut().for_each(|name| *name = self.renamed(name));
        own.attribute = node.attribute.iter().filter_map(|a| self.attribute(a)).collect();
        own
    }

    /// An attribute, or the call's own where it refers to one; none where the call leaves it out.
    fn attribute(&mut self, attribute: &AttributeProto) -> Option<AttributeProto> {
        if !attribute.ref_attr_name.is_empty() {
            let given = self.call.attribute.iter().find(|a| a.name == attribute.ref_attr_name)?;
            return Some(AttributeProto { name: attribute.name.clone(), ..given.clone() });
        }
        let mut own = attribute.clone();
        own.g.iter_mut().chain(&mut own.graphs).for_each(|body| self.body(body));
        Some(own)
    }

    fn body(&mut self, body: &mut GraphProto) {
        let values = body.input.iter_mut().chain(&mut body.output).chain(&mut body.value_info);
        values.for_each(|value| value.name = self.renamed(&value.name));
        body.initializer.iter_mut().for_each(|t| t.name = self.renamed(&t.name));
        body.node = body.node.iter().map(|node| self.node(node)).collect();
    }

    fn renamed(&mut self, name: &str) -> String {
        if name.is_empty() {
            return String::new();
        }
        if let Some(known) = self.names.get(name) {
            return known.clone();
        }
        let fresh = self.fresh(name);
        self.names.insert(name.to_string(), fresh.clone());
        fresh
    }

    fn fresh(&mut self, name: &str) -> String {
        super::names::fresh(self.taken, &format!("{}/{name}", self.label))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(domain: &str, op: &str, input: &[&str], output: &[&str]) -> NodeProto {
        NodeProto {
            domain: domain.into(),
            op_type: op.into(),
            input: input.iter().map(|i| (*i).to_string()).collect(),
            output: output.iter().map(|o| (*o).to_string()).collect(),
            ..NodeProto::default()
        }
    }

    fn number(name: &str, value: f32, refers: &str) -> AttributeProto {
        let (name, ref_attr_name) = (name.to_string(), refers.to_string());
        AttributeProto { name, ref_attr_name, r#type: 1, f: value, ..AttributeProto::default() }
    }

    fn imports(versions: &[(&str, i64)]) -> Vec<OperatorSetIdProto> {
        let import = |(domain, version): &(&str, i64)| OperatorSetIdProto {
            domain: (*domain).into(),
            version: *version,
        };
        versions.iter().map(import).collect()
    }

    fn function(name: &str, nodes: Vec<NodeProto>, version: i64) -> FunctionProto {
        FunctionProto {
            name: Some(name.into()),
            domain: Some("own".into()),
            input: vec!["x".into()],
            output: vec!["y".into()],
            attribute: vec!["slope".into()],
            node: nodes,
            opset_import: imports(&[("", version), ("own", 1)]),
            ..FunctionProto::default()
        }
    }

    /// `twice` calls `leaky` two times, with a slope of its own and without one.
    fn model(version: i64) -> ModelProto {
        let mut leaky = node("", "LeakyRelu", &["x"], &["y"]);
        leaky.attribute.push(number("alpha", 0.0, "slope"));
        let mut first = node("own", "leaky", &["x"], &["inner"]);
        first.attribute.push(number("slope", 0.5, ""));
        let second = node("own", "leaky", &["inner"], &["y"]);
        let functions = vec![
            function("leaky", vec![leaky], version),
            function("twice", vec![first, second], 17),
        ];
        let call = NodeProto { name: "call".into(), ..node("own", "twice", &["a"], &["b"]) };
        let graph = GraphProto { node: vec![call], ..GraphProto::default() };
        ModelProto {
            graph: Some(graph),
            functions,
            opset_import: imports(&[("", 17), ("own", 1)]),
            ..ModelProto::default()
        }
    }

    #[test]
    fn calls_of_calls_become_standard_nodes_with_the_attributes_given() {
        let mut model = model(17);
        assert_eq!(inline_functions(&mut model), Ok(true));
        let nodes = model.graph.unwrap().node;
        let ops: Vec<&str> = nodes.iter().map(|n| n.op_type.as_str()).collect();
        assert_eq!(ops, ["LeakyRelu", "LeakyRelu"]);
        assert_eq!((&nodes[0].input[0][..], &nodes[1].output[0][..]), ("a", "b"));
        assert_eq!(nodes[0].output, nodes[1].input);
        assert_ne!(nodes[0].name, nodes[1].name);
        assert_eq!((nodes[0].attribute[0].name.as_str(), nodes[0].attribute[0].f), ("alpha", 0.5));
        // An attribute that the call leaves out is the operator's default.
        assert_eq!(nodes[1].attribute, []);
        assert_eq!(model.opset_import, imports(&[("", 17)]));
    }

    #[test]
    fn functions_of_another_operator_set_or_without_an_end_are_refused() {
        let refused = inline_functions(&mut model(13)).unwrap_err();
        assert!(
            refused.contains("`own.leaky` imports version 13 of operator set `ai.onnx`"),
            "{refused}"
        );
        let mut endless = model(17);
        endless.functions[0].node = vec![node("own", "leaky", &["x"], &["y"])];
        assert!(inline_functions(&mut endless).unwrap_err().contains("64 deep"));
    }

    #[test]
    fn operator_sets_of_functions_become_the_models() {
        let mut foreign = model(17);
        foreign.opset_import = imports(&[("own", 1)]);
        foreign.functions[0].opset_import.push(imports(&[("com.microsoft", 1)]).remove(0));
        foreign.functions[0].node[0].domain = "com.microsoft".into();
        assert_eq!(inline_functions(&mut foreign), Ok(true));
        assert_eq!(foreign.opset_import, imports(&[("com.microsoft", 1)]));
        // A domain of functions that other operators use too stays.
        let mut shared = model(17);
        let graph = shared.graph.as_mut().unwrap();
        graph.node.push(node("own", "other", &["b"], &["c"]));
        assert_eq!(inline_functions(&mut shared), Ok(true));
        assert_eq!(shared.opset_import, imports(&[("", 17), ("own", 1)]));
    }

    #[test]
    fn overloads_and_calls_that_double_at_every_level_are_refused() {
        let mut overloaded = model(17);
        overloaded.functions.push(overloaded.functions[0].clone());
        let refused = inline_functions(&mut overloaded).unwrap_err();
        assert!(refused.contains("several local functions `own.leaky`"), "{refused}");
        let level = |number: usize| {
            let next = format!("f{}", number + 1);
            let calls =
                vec![node("own", &next, &["x"], &["h"]), node("own", &next, &["h"], &["y"])];
            function(&format!("f{number}"), calls, 17)
        };
        let mut doubling = model(17);
        doubling.functions = (0..30).map(level).collect();
        doubling.functions.push(function("f30", vec![node("", "Relu", &["x"], &["y"])], 17));
        doubling.graph.as_mut().unwrap().node = vec![node("own", "f0", &["a"], &["b"])];
        assert!(inline_functions(&mut doubling).unwrap_err().contains("more than 262144 nodes"));
    }

    #[test]
    fn a_call_that_leaves_an_attribute_to_a_default_is_refused() {
        let mut defaulted = model(17);
        defaulted.functions[0].attribute.clear();
        let refused = inline_functions(&mut defaulted).unwrap_err();
        assert!(refused.contains("attribute `slope` of local function `own.leaky`"), "{refused}");
    }

    #[test]
    fn an_input_that_is_handed_on_is_copied() {
        let mut model = model(17);
        model.functions = vec![FunctionProto {
            output: vec!["x".into()],
            ..function("twice", vec![node("", "Relu", &["x"], &["unused"])], 17)
        }];
        assert_eq!(inline_functions(&mut model), Ok(true));
        let nodes = model.graph.unwrap().node;
        assert_eq!((nodes[0].op_type.as_str(), nodes[0].input[0].as_str()), ("Relu", "a"));
        assert_eq!(nodes[1].op_type, "Identity");
        assert_eq!((&nodes[1].input[0][..], &nodes[1].output[0][..]), ("a", "b"));
    }
}
