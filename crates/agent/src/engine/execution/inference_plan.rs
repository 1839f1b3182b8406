//! An optimised, runnable model.

use super::tensor_conversion::{to_bytes, to_floats, to_tensor};
use super::upper_halves::clear_upper_halves;
use crate::arrays::{Array, Dtype};
use crate::engine::inspection::summarize_node;
use crate::engine::loading::dtype_of;
use crate::engine::panic_guard::guarded;
use crate::engine::{EngineError, OptimisedNode};
use ndarray::ArrayD;
use paring_core::schema::Sha256Hex;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;
use tract_onnx::prelude::*;
use tract_onnx::tract_core::plan::eval;

/// A model that runs.
#[derive(Debug)]
pub struct InferencePlan {
    pub(crate) name: String,
    pub(crate) inputs: Vec<String>,
    pub(crate) runnable: Arc<TypedRunnableModel>,
    /// True if upper halves of registers are cleared after every node.
    pub(crate) clears: bool,
}

/// The inputs of one inference, ready to run; cheap to clone.
#[derive(Clone, Debug)]
pub struct PlanInputs(TVec<TValue>);

impl PlanInputs {
    pub(crate) fn values(&self) -> TVec<TValue> {
        self.0.clone()
    }
}

impl InferencePlan {
    /// Puts arrays, by the inputs' names, into the model's order.
    ///
    /// # Errors
    /// [`EngineError::NoInput`] names the first that is missing.
    pub fn inputs(&self, arrays: &BTreeMap<String, Array>) -> Result<PlanInputs, EngineError> {
        self.inputs
            .iter()
            .enumerate()
            .map(|(index, name)| {
                let array = arrays.get(name).ok_or_else(|| EngineError::NoInput(name.clone()))?;
                let wanted = self.runnable.model().input_fact(index);
                let wanted = wanted.map_err(EngineError::failed("read inputs of", &self.name))?;
                let given = match wanted.shape.as_concrete() {
                    Some(shape) => to_tensor(arrange_for_input(name, array, shape)?.as_ref()),
                    None => to_tensor(array),
                };
                // A model in half floats takes its inputs so.
                if wanted.datum_type == DatumType::F16 && given.datum_type() == DatumType::F32 {
                    let half = given.cast_to::<f16>();
                    let half = half.map_err(EngineError::failed("narrow inputs of", &self.name))?;
                    return Ok(TValue::from(half.into_owned()));
                }
                Ok(TValue::from(given))
            })
            .collect::<Result<_, _>>()
            .map(PlanInputs)
    }

    /// Runs one inference and drops its outputs: what is timed.
    ///
    /// # Errors
    /// The engine's.
    pub fn execute(&self, inputs: &PlanInputs) -> Result<(), EngineError> {
        self.infer(inputs).map(drop).map_err(EngineError::failed("run", &self.name))
    }

    /// Runs one inference and gives its outputs as floats.
    ///
    /// # Errors
    /// The engine's, and outputs that are no numbers.
    pub fn run(&self, inputs: &PlanInputs) -> Result<Vec<ArrayD<f32>>, EngineError> {
        self.outputs(inputs)?
            .iter()
            .enumerate()
            .map(|(index, value)| to_floats(index, value))
            .collect()
    }

    /// Runs one inference and gives those of its outputs that are numbers, as floats.
    ///
    /// # Errors
    /// The engine's.
    pub fn run_numbers(&self, inputs: &PlanInputs) -> Result<Vec<ArrayD<f32>>, EngineError> {
        let outputs = self.outputs(inputs)?;
        let each = outputs.iter().enumerate().map(|(index, value)| to_floats(index, value));
        each.filter(|found| !matches!(found, Err(EngineError::OutputType { .. }))).collect()
    }

    /// Runs one inference and gives the output at `position` alone as floats, whatever types the
    /// others have; `None` where there is no such output.
    ///
    /// # Errors
    /// The engine's, and an output that is no numbers.
    pub fn run_output(
        &self,
        inputs: &PlanInputs,
        position: usize,
    ) -> Result<Option<ArrayD<f32>>, EngineError> {
        self.outputs(inputs)?.get(position).map(|value| to_floats(position, value)).transpose()
    }

    /// Element type of the output at `position` as the engine holds it; `None` for types without a
    /// counterpart, and for integers that carry a scale, which are dequantized on the way out.
    pub fn output_type(&self, position: usize) -> Option<Dtype> {
        dtype_of(self.runnable.model().output_fact(position).ok()?.datum_type)
    }

    /// Digest of the outputs' values: of the same numbers it is the same in every process.
    ///
    /// # Errors
    /// The engine's, and outputs of types without values.
    pub fn digest(&self, inputs: &PlanInputs) -> Result<Sha256Hex, EngineError> {
        let outputs = self.outputs(inputs)?;
        let each = outputs.iter().enumerate().map(|(index, value)| to_bytes(index, value));
        let values: Vec<_> = each.collect::<Result<_, _>>()?;
        Ok(Sha256Hex::of_parts(values.iter().map(|own| own.as_ref())))
    }

    /// The optimised nodes in the order of execution.
    pub fn nodes(&self) -> Vec<OptimisedNode> {
        let model = self.runnable.model();
        let order = self.runnable.order_without_consts().iter();
        order.map(|id| summarize_node(model.node(*id))).collect()
    }

    /// Names of all kernels that the engine chose, each once, sorted.
    pub fn kernels(&self) -> Vec<String> {
        let mut names: Vec<String> = self.nodes().into_iter().flat_map(|n| n.kernels).collect();
        names.sort();
        names.dedup();
        names
    }

    /// Outputs of one inference where the engine may panic: not for what is timed.
    fn outputs(&self, inputs: &PlanInputs) -> Result<TVec<TValue>, EngineError> {
        guarded("run", &self.name, || self.infer(inputs))
    }

    fn infer(&self, inputs: &PlanInputs) -> TractResult<TVec<TValue>> {
        if !self.clears {
            return self.runnable.run(inputs.0.clone());
        }
        // As the engine does it, and one instruction more.
        clear_upper_halves();
        let mut state = self.runnable.spawn()?;
        state.run_plan_with_eval(inputs.0.clone(), |context, state, node, input| {
            let output = eval(context, state, node, input);
            clear_upper_halves();
            output
        })
    }
}

/// Entries of samples along axis 0, as an input of `shape` takes them: as they are where that counts
/// samples too, joined along another axis, or the one value that they share.
///
/// # Errors
/// [`EngineError::NotShared`] where samples of a batch must share a value and do not.
pub fn arrange_for_input<'a>(
    name: &str,
    array: &'a Array,
    shape: &[usize],
) -> Result<Cow<'a, Array>, EngineError> {
    let samples = array.rows();
    if array.shape().len() != shape.len() + 1 || samples == 0 {
        return Ok(Cow::Borrowed(array));
    }
    let sample = &array.shape()[1..];
    if sample == shape {
        let first = array.take(&[0]);
        let not_shared = || EngineError::NotShared { input: name.to_string(), samples };
        if samples > 1 && array.take(&vec![0; samples]) != *array {
            return Err(not_shared());
        }
        return first.reshaped(shape).map(Cow::Owned).ok_or_else(not_shared);
    }
    let joined = shape.iter().zip(sample).position(|(all, one)| *all == samples * one);
    Ok(joined.and_then(|axis| array.joined_along(axis)).map_or(Cow::Borrowed(array), Cow::Owned))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::IxDyn;

    #[test]
    fn samples_are_laid_out_as_the_input_takes_them() {
        let of = |shape: &[usize], values: Vec<i64>| -> Array {
            ArrayD::from_shape_vec(IxDyn(shape), values).unwrap().into()
        };
        let states = of(&[2, 2, 1, 2], (0..8).collect());
        let joined = of(&[2, 2, 2], vec![0, 1, 4, 5, 2, 3, 6, 7]);
        assert_eq!(*arrange_for_input("s", &states, &[2, 2, 2]).unwrap(), joined);
        let rates = of(&[3], vec![8, 8, 8]);
        assert_eq!(*arrange_for_input("sr", &rates, &[]).unwrap(), of(&[], vec![8]));
        assert_eq!(*arrange_for_input("x", &rates, &[3]).unwrap(), rates);
        let error = arrange_for_input("sr", &of(&[2], vec![8, 16]), &[]).unwrap_err().to_string();
        assert!(error.contains("input `sr` takes one value for all 2 samples"), "{error}");
    }
}
