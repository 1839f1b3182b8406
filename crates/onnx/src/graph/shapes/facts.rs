//! Shapes and other facts of tensors, by the engine's analysis.

use crate::graph::{Graph, GraphError};
use paring_agent::arrays::Dtype;
use paring_agent::engine::{self, DimensionBindings, ModelSource};
use std::collections::{BTreeMap, HashSet};

/// Facts of tensors at concrete dimensions, by name.
#[derive(Clone, Debug, Default)]
pub struct TensorFacts {
    /// Shapes.
    pub shapes: BTreeMap<String, Vec<usize>>,
    /// Values of small integer tensors that do not depend on the inputs: shapes, axes, indices.
    pub integers: BTreeMap<String, Vec<i64>>,
    /// Element types of computed tensors, as far as they are those that an input can have.
    pub types: BTreeMap<String, Dtype>,
}

impl Graph {
    /// Shapes of all tensors, and small integers that are known, as far as the engine's analysis
    /// tells at concrete dimensions.
    ///
    /// # Errors
    /// [`GraphError::Shapes`] where the engine cannot load the model.
    pub fn facts(
        &self,
        dims: &BTreeMap<String, usize>,
        batch: usize,
    ) -> Result<TensorFacts, GraphError> {
        let bytes = self.surrogate().as_ref().unwrap_or(self).encode();
        let facts = engine::tensor_facts(
            ModelSource::Bytes(&self.name, &bytes),
            DimensionBindings { batch, dims },
        )
        .map_err(|source| GraphError::Shapes { name: self.name.clone(), source })?;
        let mut found = TensorFacts::default();
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
}
