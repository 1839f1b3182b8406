//! The graph itself: read, checked, and written.

use super::validate::validate_for_engines;
use super::{ElementType, GraphError, Node, Weights};
use paring_agent::arrays::Dtype;
use paring_agent::engine::onnx::{self, OnnxFile};
use paring_agent::engine::{self, DimensionBindings, ModelSource};
use paring_core::files::replace_file;
use paring_core::schema::Sha256Hex;
use prost::Message;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::Path;
use std::sync::OnceLock;
use tract_onnx::pb;

/// What is known of tensors at concrete dimensions, by name.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// Shapes.
    pub shapes: BTreeMap<String, Vec<usize>>,
    /// Values of small integer tensors that do not depend on the inputs: shapes, axes, indices.
    pub integers: BTreeMap<String, Vec<i64>>,
    /// Element types of computed tensors, as far as they are those that an input can have.
    pub types: BTreeMap<String, Dtype>,
}

/// An ONNX model in memory, with all its data. Constant nodes have become initializers, vectors that
/// several nodes shared are there once for each, and nodes have names of their own.
#[derive(Clone, Debug)]
pub struct Graph {
    /// The file it came from, for messages.
    pub(super) name: String,
    pub(super) model: pb::ModelProto,
    /// Whether the file was all of the model; see [`OnnxFile`].
    self_contained: bool,
    /// Places of initializers by name: made at the first look-up, gone with a change.
    places: OnceLock<HashMap<String, usize>>,
}

impl Graph {
    /// Reads a model, external data too, with local functions inlined, and checks that every name
    /// leads somewhere and that nothing in it is of the kind that engines crash on.
    ///
    /// # Errors
    /// [`GraphError`] names the file, node or tensor.
    pub fn load(path: &Path) -> Result<Graph, GraphError> {
        let OnnxFile { model, self_contained } = onnx::read(path).map_err(GraphError::File)?;
        let mut graph = Graph::of(&path.display().to_string(), model);
        graph.self_contained = self_contained;
        graph.lift_constants();
        graph.separate_vectors();
        graph.name_nodes();
        graph.allow_bare_initializers();
        graph.check()?;
        validate_for_engines(&graph)?;
        Ok(graph)
    }

    /// Reads a model that [`Graph::encode`] or [`Graph::skeleton`] wrote; `name` is for messages.
    ///
    /// # Errors
    /// [`GraphError::NotOnnx`] for other bytes.
    pub fn decode(name: &str, bytes: &[u8]) -> Result<Graph, GraphError> {
        let model = pb::ModelProto::decode(bytes)
            .map_err(|source| GraphError::NotOnnx { name: name.into(), source })?;
        Ok(Graph::of(name, model))
    }

    /// A graph of a model that has all its data inside.
    pub(super) fn of(name: &str, model: pb::ModelProto) -> Graph {
        Graph { name: name.to_string(), model, self_contained: true, places: OnceLock::new() }
    }

    /// The model's versions and words, and no graph.
    pub(super) fn model_without_graph(&self) -> pb::ModelProto {
        pb::ModelProto {
            ir_version: self.model.ir_version,
            opset_import: self.model.opset_import.clone(),
            functions: self.model.functions.clone(),
            ..pb::ModelProto::default()
        }
    }

    /// The graph without the values of its initializers; those of types smaller than a byte stay.
    pub fn skeleton(&self) -> Graph {
        let mut bare = self.clone();
        for tensor in &mut bare.graph_mut().initializer {
            if Weights::of(tensor).is_ok() {
                let (name, dims) = (tensor.name.clone(), tensor.dims.clone());
                let data_type = tensor.data_type;
                *tensor = pb::TensorProto { name, dims, data_type, ..pb::TensorProto::default() };
            }
        }
        bare
    }

    /// The encoded model; the same graph gives the same bytes.
    pub fn encode(&self) -> Vec<u8> {
        self.model.encode_to_vec()
    }

    /// Writes the model under a temporary name, syncs it, and renames it; gives the file's hash.
    ///
    /// # Errors
    /// Those of the file system; an existing file stays as it was then.
    pub fn save(&self, path: &Path) -> Result<Sha256Hex, GraphError> {
        let bytes = self.encode();
        replace_file(path, &bytes)
            .map_err(|source| GraphError::Write { path: path.to_path_buf(), source })?;
        Ok(Sha256Hex::of(&bytes))
    }

    /// Whether the file it came from is the whole model: no data in other files, no local functions.
    pub fn self_contained(&self) -> bool {
        self.self_contained
    }

    /// The file the graph came from, for messages.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// All nodes, each after those whose outputs it reads.
    pub fn nodes(&self) -> &[Node] {
        self.model.graph.as_ref().map_or(&[], |graph| &graph.node)
    }

    /// Names of the inputs that are not initializers.
    pub fn inputs(&self) -> Vec<&str> {
        let initializers = self.initializer_names();
        let inputs = self.graph().input.iter().map(|i| i.name.as_str());
        inputs.filter(|name| !initializers.contains(name)).collect()
    }

    /// Names of the outputs.
    pub fn outputs(&self) -> Vec<&str> {
        self.graph().output.iter().map(|o| o.name.as_str()).collect()
    }

    /// Names of all initializers.
    pub fn initializer_names(&self) -> BTreeSet<&str> {
        self.graph().initializer.iter().map(|t| t.name.as_str()).collect()
    }

    /// The values of an initializer.
    ///
    /// # Errors
    /// [`GraphError::Tensor`] where there is none, or its type is not made of whole bytes.
    pub fn weights(&self, name: &str) -> Result<Weights, GraphError> {
        match self.initializer(name) {
            Some(tensor) => Weights::of(tensor),
            None => {
                Err(GraphError::Tensor { tensor: name.into(), problem: "does not exist".into() })
            }
        }
    }

    /// The element type of an initializer, `None` where there is none.
    pub fn element(&self, name: &str) -> Option<ElementType> {
        self.initializer(name).map(|tensor| ElementType(tensor.data_type))
    }

    /// The values of an initializer of few integers, `None` of anything else.
    pub fn integers(&self, name: &str) -> Option<Vec<i64>> {
        let tensor = self.initializer(name)?;
        let few = tensor.dims.iter().try_fold(1i64, |all, d| all.checked_mul(*d))? <= 256;
        if few { Weights::of(tensor).ok()?.to_i64() } else { None }
    }

    /// The shape of an initializer, `None` where there is none.
    pub fn dims(&self, name: &str) -> Option<Vec<usize>> {
        let tensor = self.initializer(name)?;
        tensor.dims.iter().map(|d| usize::try_from(*d).ok()).collect()
    }

    /// The version of the default operator set.
    pub fn opset(&self) -> i64 {
        let mut imports = self.model.opset_import.iter();
        imports.find(|i| i.domain.is_empty() || i.domain == "ai.onnx").map_or(0, |i| i.version)
    }

    /// Shapes of all tensors, and small integers that are known, as far as the engine's analysis
    /// tells at concrete dimensions.
    ///
    /// # Errors
    /// [`GraphError::Shapes`] where the engine cannot load the model.
    pub fn facts(&self, dims: &BTreeMap<String, usize>, batch: usize) -> Result<Facts, GraphError> {
        let bytes = self.surrogate().as_ref().unwrap_or(self).encode();
        let facts = engine::tensor_facts(
            ModelSource::Bytes(&self.name, &bytes),
            DimensionBindings { batch, dims },
        )
        .map_err(|source| GraphError::Shapes { name: self.name.clone(), source })?;
        let mut found = Facts::default();
        let given = self.nodes().iter().flat_map(|node| &node.output).map(String::as_str);
        let own: HashSet<&str> =
            given.chain(self.graph().input.iter().map(|i| i.name.as_str())).collect();
        for (tensor, fact) in facts.into_iter().filter(|(tensor, _)| own.contains(tensor.as_str()))
        {
            found.integers.extend(fact.integers.map(|values| (tensor.clone(), values)));
            found.types.extend(fact.dtype.map(|dtype| (tensor.clone(), dtype)));
            found.shapes.insert(tensor, fact.shape);
        }
        for initializer in &self.graph().initializer {
            let name = &initializer.name;
            found.shapes.extend(self.dims(name).map(|dims| (name.clone(), dims)));
            found.integers.extend(self.integers(name).map(|values| (name.clone(), values)));
        }
        Ok(found)
    }

    pub(super) fn graph(&self) -> &pb::GraphProto {
        // Checked when the graph was made, and nothing takes it away.
        static EMPTY: OnceLock<pb::GraphProto> = OnceLock::new();
        self.model.graph.as_ref().unwrap_or_else(|| EMPTY.get_or_init(Default::default))
    }

    pub(super) fn graph_mut(&mut self) -> &mut pb::GraphProto {
        self.places.take();
        self.model.graph.get_or_insert_default()
    }

    pub(super) fn nodes_mut(&mut self) -> &mut Vec<Node> {
        &mut self.model.graph.get_or_insert_default().node
    }

    fn places(&self) -> &HashMap<String, usize> {
        self.places.get_or_init(|| {
            let mut places = HashMap::new();
            for (place, tensor) in self.graph().initializer.iter().enumerate() {
                places.entry(tensor.name.clone()).or_insert(place);
            }
            places
        })
    }

    /// An initializer by its name.
    pub(super) fn initializer(&self, name: &str) -> Option<&pb::TensorProto> {
        self.graph().initializer.get(*self.places().get(name)?)
    }

    /// Replaces or adds an initializer under its name.
    pub(super) fn put_initializer(&mut self, tensor: pb::TensorProto) {
        let place = self.places().get(&tensor.name).copied();
        let initializers = &mut self.model.graph.get_or_insert_default().initializer;
        match place.and_then(|place| initializers.get_mut(place)) {
            Some(old) => *old = tensor,
            None => {
                if let Some(places) = self.places.get_mut() {
                    places.insert(tensor.name.clone(), initializers.len());
                }
                initializers.push(tensor);
            }
        }
    }

    /// Gives nodes without a name one from their operator and place, which later edits do not move,
    /// and nodes that share a name one each.
    fn name_nodes(&mut self) {
        let graph = self.graph_mut();
        let mut taken = onnx::taken(graph);
        let mut seen: HashSet<String> = HashSet::new();
        for (position, node) in graph.node.iter_mut().enumerate() {
            let wanted = match node.name.as_str() {
                "" => format!("{}_{position}", node.op_type),
                name => name.to_string(),
            };
            if node.name.is_empty() || seen.contains(&wanted) {
                node.name = onnx::fresh(&mut taken, &wanted);
            }
            seen.insert(node.name.clone());
        }
    }

    fn invalid(&self, problem: String) -> GraphError {
        GraphError::Invalid { name: self.name.clone(), problem }
    }

    /// Every input of a node and every output of the graph must come from somewhere earlier.
    fn check(&self) -> Result<(), GraphError> {
        let graph = self.graph();
        if graph.output.is_empty() {
            return Err(self.invalid("the graph has no outputs".into()));
        }
        let mut known: BTreeSet<&str> = self.initializer_names();
        known.extend(graph.input.iter().map(|i| i.name.as_str()));
        for node in &graph.node {
            let mut read = node.input.iter().map(String::as_str).chain(onnx::captured(node));
            if let Some(missing) = read.find(|i| !i.is_empty() && !known.contains(i)) {
                let problem = format!(
                    "node `{}` ({}) reads `{missing}`, which nothing before it gives: the graph is cyclic, unsorted or incomplete",
                    node.name, node.op_type
                );
                return Err(self.invalid(problem));
            }
            for output in node.output.iter().filter(|o| !o.is_empty()) {
                if !known.insert(output) {
                    let problem =
                        format!("node `{}` gives `{output}`, which exists already", node.name);
                    return Err(self.invalid(problem));
                }
            }
        }
        match graph.output.iter().find(|o| !known.contains(o.name.as_str())) {
            Some(output) => {
                Err(self.invalid(format!("nothing gives the output `{}`", output.name)))
            }
            None => Ok(()),
        }
    }
}
