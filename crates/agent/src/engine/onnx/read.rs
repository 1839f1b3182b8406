//! From a file to a model that has everything inside.

use super::inline::inline_functions;
use super::scope::{bodies, bodies_mut};
use crate::engine::{EngineError, admitted};
use std::collections::BTreeSet;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Component, Path};
use tract_onnx::pb::tensor_proto::DataLocation;
use tract_onnx::pb::{GraphProto, ModelProto, NodeProto, SparseTensorProto, TensorProto};
use tract_onnx::prelude::Framework;

/// A model as it was read.
#[derive(Debug)]
pub struct OnnxFile {
    /// The model: all data inside, functions inlined, the default domain written as "".
    pub model: ModelProto,
    /// True if the file itself is that model: nothing was read from other files, inlined or made dense.
    pub self_contained: bool,
}

/// Reads a model file, with external data of initializers, Constants and bodies.
///
/// # Errors
/// [`EngineError`] names the file, and the tensor, node or function at fault.
pub fn read(path: &Path) -> Result<OnnxFile, EngineError> {
    let unreadable = |source| EngineError::Read { path: path.to_path_buf(), source };
    let found = std::fs::metadata(path).map_err(unreadable)?;
    if !found.is_file() {
        return Err(unreadable(std::io::Error::other("not a regular file")));
    }
    // An empty file cannot be mapped into memory.
    if found.len() == 0 {
        let empty = std::io::Error::other("the file is empty");
        return Err(EngineError::NotOnnx {
            name: path.display().to_string(),
            source: empty.into(),
        });
    }
    admitted(path, None)?;
    let name = path.display().to_string();
    let model = proto(path)?;
    completed(&name, model, Some(path.parent().unwrap_or(Path::new(""))))
}

fn proto(path: &Path) -> Result<ModelProto, EngineError> {
    tract_onnx::onnx().proto_model_for_path(path).map_err(|cause| EngineError::NotOnnx {
        name: path.display().to_string(),
        source: cause.into(),
    })
}

/// Size of a model, told without reading its data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ModelExtent {
    /// Bytes of the files that external data lie in, each counted once however many tensors lie in it.
    pub external_bytes: u64,
    /// Nodes of the graph and of its bodies.
    pub nodes: u64,
}

/// Measures a model file.
///
/// # Errors
/// [`EngineError::NotOnnx`] for a file that is no model.
pub fn model_extent(path: &Path) -> Result<ModelExtent, EngineError> {
    let model = proto(path)?;
    let (mut locations, mut nodes) = (BTreeSet::new(), 0);
    let mut open: Vec<&GraphProto> = model.graph.iter().collect();
    while let Some(graph) = open.pop() {
        open.extend(graph.node.iter().flat_map(bodies));
        nodes += graph.node.len() as u64;
        let attributes = graph.node.iter().flat_map(|node| &node.attribute);
        let held = attributes.flat_map(|a| a.t.iter().chain(&a.tensors));
        let external = graph.initializer.iter().chain(held).filter(|tensor| is_external(tensor));
        locations.extend(external.filter_map(|tensor| entry(tensor, "location")));
    }
    let folder = path.parent().unwrap_or(Path::new(""));
    let length = |location: &str| std::fs::metadata(folder.join(location)).map_or(0, |f| f.len());
    let external_bytes = locations.into_iter().map(length).fold(0, u64::saturating_add);
    Ok(ModelExtent { external_bytes, nodes })
}

fn entry<'a>(tensor: &'a TensorProto, key: &str) -> Option<&'a str> {
    tensor.external_data.iter().find(|e| e.key == key).map(|e| e.value.as_str())
}

/// Reads an encoded model that has all its data inside; `name` is for messages.
///
/// # Errors
/// As for [`read`].
pub fn decode(name: &str, mut bytes: &[u8]) -> Result<OnnxFile, EngineError> {
    let model = tract_onnx::onnx()
        .proto_model_for_read(&mut bytes)
        .map_err(|cause| EngineError::NotOnnx { name: name.into(), source: cause.into() })?;
    completed(name, model, None)
}

fn completed(
    name: &str,
    mut model: ModelProto,
    folder: Option<&Path>,
) -> Result<OnnxFile, EngineError> {
    let invalid = |problem: String| EngineError::Invalid { name: name.into(), problem };
    if model.graph.as_ref().is_none_or(|graph| graph.node.is_empty()) {
        let empty = std::io::Error::other("it has no nodes");
        return Err(EngineError::NotOnnx { name: name.into(), source: empty.into() });
    }
    let inlined = inline_functions(&mut model).map_err(invalid)?;
    let mut reader = OnnxReader { folder, changed: inlined };
    for import in model.opset_import.iter_mut().filter(|i| i.domain == "ai.onnx") {
        import.domain.clear();
    }
    if let Some(graph) = &mut model.graph {
        reader.graph(graph)?;
        if let Some(problem) = foreign(graph) {
            return Err(invalid(problem));
        }
    }
    Ok(OnnxFile { model, self_contained: !reader.changed })
}

/// The first operator that bears a standard operator's name in a domain of its own: by its name alone
/// it would run as that one.
fn foreign(graph: &GraphProto) -> Option<String> {
    let register = tract_onnx::onnx().op_register;
    let mut open = vec![graph];
    while let Some(graph) = open.pop() {
        for node in &graph.node {
            open.extend(bodies(node));
            let NodeProto { domain, op_type, name, .. } = node;
            if !KNOWN_DOMAINS.contains(&domain.as_str()) && register.0.contains_key(op_type) {
                return Some(format!(
                    "node `{name}`: operator {op_type} of domain `{domain}` is unknown and would be taken for ONNX's own; replace it by standard operators, or give its definition as a local function"
                ));
            }
        }
    }
    None
}

/// Domains whose operators mean what their names say: the standard's, and ONNX Runtime's.
const KNOWN_DOMAINS: [&str; 3] = ["", "ai.onnx.ml", "com.microsoft"];

/// Brings everything into a graph and its bodies.
struct OnnxReader<'a> {
    /// Folder of external data; none for bytes in memory.
    folder: Option<&'a Path>,
    changed: bool,
}

impl OnnxReader<'_> {
    fn graph(&mut self, graph: &mut GraphProto) -> Result<(), EngineError> {
        for sparse in std::mem::take(&mut graph.sparse_initializer) {
            graph.initializer.push(self.dense(sparse)?);
        }
        for tensor in &mut graph.initializer {
            self.tensor(tensor)?;
        }
        for node in &mut graph.node {
            if node.domain == "ai.onnx" {
                node.domain.clear();
            }
            let output = node.output.first().cloned().unwrap_or_default();
            for tensor in
                node.attribute.iter_mut().flat_map(|a| a.t.iter_mut().chain(&mut a.tensors))
            {
                // The value of a Constant often has no name of its own.
                if tensor.name.is_empty() && is_external(tensor) {
                    tensor.name.clone_from(&output);
                }
                self.tensor(tensor)?;
            }
            for body in bodies_mut(node) {
                self.graph(body)?;
            }
        }
        Ok(())
    }

    fn tensor(&mut self, tensor: &mut TensorProto) -> Result<(), EngineError> {
        if !is_external(tensor) {
            return Ok(());
        }
        self.changed = true;
        tensor.raw_data = external(tensor, self.folder)?;
        tensor.data_location = None;
        tensor.external_data.clear();
        Ok(())
    }

    /// A sparse initializer with its zeros written out.
    fn dense(&mut self, mut sparse: SparseTensorProto) -> Result<TensorProto, EngineError> {
        self.changed = true;
        for part in sparse.values.iter_mut().chain(&mut sparse.indices) {
            self.tensor(part)?;
        }
        let name = sparse.values.as_ref().map(|v| v.name.clone()).unwrap_or_default();
        written_out(sparse).ok_or(EngineError::Sparse(name))
    }
}

fn is_external(tensor: &TensorProto) -> bool {
    tensor.data_location == Some(DataLocation::External as i32)
}

/// Elements of the largest tensor of floats that a file can hold: 2 GiB, the limit of protobuf.
const MOST_DENSE: usize = 1 << 29;

/// The tensor that a sparse one of 32-bit floats stands for; indices count elements, or axes.
fn written_out(sparse: SparseTensorProto) -> Option<TensorProto> {
    let (values, indices) = (sparse.values?, sparse.indices?);
    let floats: Vec<f32> = match values.data_type {
        1 if values.raw_data.is_empty() => values.float_data,
        1 => values.raw_data.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect(),
        _ => return None,
    };
    let places: Vec<i64> = match indices.raw_data.is_empty() {
        true => indices.int64_data,
        false => {
            indices.raw_data.as_chunks::<8>().0.iter().map(|b| i64::from_le_bytes(*b)).collect()
        }
    };
    let dims: Vec<usize> =
        sparse.dims.iter().map(|d| usize::try_from(*d).ok()).collect::<Option<_>>()?;
    let count = dims.iter().try_fold(1usize, |all, d| all.checked_mul(*d))?;
    if count > MOST_DENSE {
        return None;
    }
    let by_axis = indices.dims.len() == 2;
    let each = if by_axis { dims.len() } else { 1 };
    let mut dense = vec![0.0f32; count];
    if places.len() != floats.len() * each {
        return None;
    }
    for (value, place) in floats.iter().zip(places.chunks(each.max(1))) {
        let flat = match by_axis {
            false => usize::try_from(*place.first()?).ok()?,
            true => place.iter().zip(&dims).try_fold(0usize, |flat, (at, size)| {
                let at = usize::try_from(*at).ok().filter(|at| at < size)?;
                Some(flat * size + at)
            })?,
        };
        *dense.get_mut(flat)? = *value;
    }
    Some(TensorProto {
        name: values.name,
        dims: sparse.dims,
        data_type: 1,
        raw_data: dense.iter().flat_map(|v| v.to_le_bytes()).collect(),
        ..TensorProto::default()
    })
}

/// The bytes of a tensor in a file beside the model, or in a folder below it.
fn external(tensor: &TensorProto, folder: Option<&Path>) -> Result<Vec<u8>, EngineError> {
    let location = Path::new(entry(tensor, "location").unwrap_or_default());
    let path = folder.unwrap_or(Path::new("")).join(location);
    let read = || {
        let inside =
            location.components().all(|c| matches!(c, Component::Normal(_) | Component::CurDir));
        if folder.is_none() || !inside || location.as_os_str().is_empty() {
            return Err(std::io::Error::other(
                "the location must be a relative path beside the model",
            ));
        }
        let number = |key: &str| {
            entry(tensor, key).map(str::parse::<u64>).transpose().map_err(std::io::Error::other)
        };
        let mut file = std::fs::File::open(&path)?;
        let offset = number("offset")?.unwrap_or(0);
        let rest = file.metadata()?.len().saturating_sub(offset);
        let length = number("length")?.unwrap_or(rest);
        if length > rest {
            return Err(std::io::Error::other(format!("it ends {} bytes early", length - rest)));
        }
        file.seek(SeekFrom::Start(offset))?;
        let mut bytes = Vec::new();
        file.take(length).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    read().map_err(|source| EngineError::External {
        path: path.clone(),
        tensor: tensor.name.clone(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use tract_onnx::pb::AttributeProto;

    fn relu(domain: &str) -> NodeProto {
        NodeProto {
            name: "act".into(),
            domain: domain.into(),
            op_type: "Relu".into(),
            ..NodeProto::default()
        }
    }

    #[test]
    fn an_operator_of_a_foreign_domain_is_refused_where_it_bears_a_known_name() {
        let graph = |node: NodeProto| GraphProto { node: vec![node], ..GraphProto::default() };
        assert_eq!(foreign(&graph(relu(""))), None);
        let said = foreign(&graph(relu("acme"))).unwrap();
        assert!(
            said.starts_with("node `act`: operator Relu of domain `acme` is unknown"),
            "{said}"
        );
        // Also inside a body; a name of its own is nothing to confuse.
        let body = AttributeProto { g: Some(graph(relu("acme"))), ..AttributeProto::default() };
        let branch = NodeProto { op_type: "If".into(), attribute: vec![body], ..relu("") };
        assert!(foreign(&graph(branch)).is_some());
        assert_eq!(foreign(&graph(NodeProto { op_type: "Acme".into(), ..relu("acme") })), None);
    }

    #[test]
    fn sparse_initializers_are_written_out() {
        let values = TensorProto {
            name: "w".into(),
            dims: vec![2],
            data_type: 1,
            float_data: vec![5.0, 7.0],
            ..TensorProto::default()
        };
        let indices = |dims: &[i64], at: &[i64]| TensorProto {
            dims: dims.to_vec(),
            data_type: 7,
            int64_data: at.to_vec(),
            ..TensorProto::default()
        };
        let dense = |indices: TensorProto| {
            let (values, indices) = (Some(values.clone()), Some(indices));
            let found = written_out(SparseTensorProto { values, indices, dims: vec![2, 3] })?;
            let (chunks, _) = found.raw_data.as_chunks::<4>();
            Some(chunks.iter().map(|b| f32::from_le_bytes(*b)).collect::<Vec<f32>>())
        };
        let expected = Some(vec![0.0, 5.0, 0.0, 0.0, 0.0, 7.0]);
        assert_eq!(dense(indices(&[2], &[1, 5])), expected);
        assert_eq!(dense(indices(&[2, 2], &[0, 1, 1, 2])), expected);
        assert_eq!(dense(indices(&[2], &[1, 6])), None);
        assert_eq!(dense(indices(&[2, 2], &[0, 3, 1, 2])), None);
        let vast = vec![1 << 22, 1 << 23];
        let (values, indices) = (Some(values), Some(indices(&[2], &[1, 5])));
        assert_eq!(written_out(SparseTensorProto { values, indices, dims: vast }), None);
    }
}
