//! The output of a model that a task is about.

use paring_agent::arrays::Dtype;
use paring_agent::engine::{DimensionBindings, ModelSource, TensorFact, tensor_facts};
use std::collections::BTreeMap;

/// The output cannot be told.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OutputError {
    /// It has another name.
    #[error("the model has no output `{name}`; it has `{known}`")]
    Unknown {
        /// The name that was written.
        name: String,
        /// The outputs that there are.
        known: String,
    },
    /// Several could be meant.
    #[error(
        "the model has the outputs {all}; name the one to judge: `output = \"{first}\"` under [task], or `--output {first}`"
    )]
    Several {
        /// Names, types and shapes.
        all: String,
        /// The first that could be meant.
        first: String,
    },
}

/// Position of the output that is named `wanted`; without a name, of the only one, or of the only one
/// of floats beside integers and texts, as classifiers have that give classes and probabilities.
///
/// # Errors
/// [`OutputError`] says what to write.
pub fn task_output(
    source: ModelSource,
    bindings: DimensionBindings,
    outputs: &[String],
    wanted: Option<&str>,
) -> Result<usize, OutputError> {
    match (wanted, outputs) {
        (Some(name), _) => outputs
            .iter()
            .position(|o| o == name)
            .ok_or_else(|| OutputError::Unknown { name: name.into(), known: outputs.join("`, `") }),
        (None, [_]) => Ok(0),
        // What cannot be analysed has no types, and all outputs could be meant.
        (None, _) => only_float(outputs, &tensor_facts(source, bindings).unwrap_or_default()),
    }
}

fn only_float(
    outputs: &[String],
    facts: &BTreeMap<String, TensorFact>,
) -> Result<usize, OutputError> {
    let dtype = |name: &String| facts.get(name).and_then(|fact| fact.dtype);
    let float = |at: &usize| matches!(dtype(&outputs[*at]), Some(Dtype::F32 | Dtype::F64));
    let floats: Vec<usize> = (0..outputs.len()).filter(float).collect();
    let known = outputs.iter().all(|name| facts.contains_key(name));
    if let ([one], true) = (floats.as_slice(), known) {
        return Ok(*one);
    }
    let shown = |name: &String| match facts.get(name) {
        Some(TensorFact { dtype: Some(dtype), shape, .. }) => {
            format!("`{name}` ({dtype} {shape:?})")
        }
        _ => format!("`{name}`"),
    };
    let first = floats.first().copied().unwrap_or(0);
    Err(OutputError::Several {
        all: outputs.iter().map(shown).collect::<Vec<_>>().join(", "),
        first: outputs.get(first).cloned().unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(outputs: &[(&str, Option<Dtype>)]) -> Result<usize, OutputError> {
        let names: Vec<String> = outputs.iter().map(|(name, _)| name.to_string()).collect();
        let fact = |dtype| TensorFact { dtype, shape: vec![1, 3], integers: None };
        let facts = outputs.iter().map(|(name, dtype)| (name.to_string(), fact(*dtype)));
        only_float(&names, &facts.collect())
    }

    #[test]
    fn the_only_floats_are_meant_and_several_are_listed() {
        let (float, int) = (Some(Dtype::F32), Some(Dtype::I64));
        assert_eq!(found(&[("label", int), ("probabilities", float)]), Ok(1));
        let message = found(&[("label", int), ("a", float), ("b", float)]).unwrap_err().to_string();
        assert_eq!(
            message,
            "the model has the outputs `label` (int64 [1, 3]), `a` (float32 [1, 3]), `b` (float32 [1, 3]); \
             name the one to judge: `output = \"a\"` under [task], or `--output a`"
        );
        assert!(found(&[("a", None), ("b", None)]).is_err());
    }
}
