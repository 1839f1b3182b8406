//! The graph itself: read, checked, and written.

use super::{ElementType, GraphError, Node, Weights};
use paring_core::files::replace_file;
use paring_core::schema::Sha256Hex;
use prost::Message;
use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::sync::OnceLock;
use tract_onnx::pb;

/// An ONNX model in memory, with all its data. Constant nodes have become initializers, vectors that
/// several nodes shared are there once for each, and nodes have names of their own. Other files hold
/// parts of its `impl`: `load.rs` reads it, `edit.rs` changes it, `construction.rs` makes it in code,
/// `shapes/` and `cost.rs` analyse it, `preparation/` and `names/` serve these.
#[derive(Clone, Debug)]
pub struct Graph {
    /// The file it came from, for messages.
    pub(super) name: String,
    pub(super) model: pb::ModelProto,
    /// True where the file was all of the model.
    pub(super) self_contained: bool,
    /// Places of initializers by name: made at the first look-up, gone with a change.
    places: OnceLock<HashMap<String, usize>>,
}

impl Graph {
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

    /// True where the file it came from is the whole model: no data in other files, no local functions.
    pub fn self_contained(&self) -> bool {
        self.self_contained
    }

    /// The file the graph came from, for messages.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The graph's own name; empty where it has none.
    pub fn graph_name(&self) -> &str {
        self.model.graph.as_ref().map_or("", |graph| &graph.name)
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
}
