//! A node of the forward pass, and the gradients of what it gives.

use super::emitter::{GradientEmitter, ShapedTensor};
use super::refusal::{GradientObstacle, GradientRefusal};
use crate::graph::{Node, float, int, ints, text};

/// A node whose vector-Jacobian products are asked for.
#[derive(Clone, Copy, Debug)]
pub struct NodeGradient<'a> {
    /// The node.
    pub node: &'a Node,
    /// The gradient of each of its outputs, by slot; `None` where nothing depends on it.
    pub outputs: &'a [Option<ShapedTensor>],
    /// True of the input slots whose gradients are asked for.
    pub wanted: &'a [bool],
}

/// Gradients of a node's inputs by slot, or the refusal.
pub type InputGradients = Result<Vec<Option<ShapedTensor>>, GradientRefusal>;

impl<'a> NodeGradient<'a> {
    /// The name in an input slot; `None` where there is none.
    pub(in crate::ops) fn name(&self, slot: usize) -> Option<&'a str> {
        self.node.input.get(slot).map(String::as_str).filter(|name| !name.is_empty())
    }

    /// The tensor in an input slot.
    pub(in crate::ops) fn input(
        &self,
        emitter: &GradientEmitter,
        slot: usize,
    ) -> Result<ShapedTensor, GradientRefusal> {
        let name = self.name(slot);
        let name = name.ok_or_else(|| self.refuse_form(&format!("no input in slot {slot}")))?;
        self.shaped(emitter, name)
    }

    /// The first output.
    pub(in crate::ops) fn output(
        &self,
        emitter: &GradientEmitter,
    ) -> Result<ShapedTensor, GradientRefusal> {
        let name = self.node.output.first().ok_or_else(|| self.refuse_form("no output"))?;
        self.shaped(emitter, name)
    }

    /// A tensor of the forward pass.
    pub(in crate::ops) fn shaped(
        &self,
        emitter: &GradientEmitter,
        name: &str,
    ) -> Result<ShapedTensor, GradientRefusal> {
        let unknown = || self.refuse(GradientObstacle::UnknownShape(name.to_string()));
        emitter.tensor(name).ok_or_else(unknown)
    }

    /// The gradient of the first output.
    pub(in crate::ops) fn dy(&self) -> Result<&'a ShapedTensor, GradientRefusal> {
        let gradient = self.outputs.first().and_then(Option::as_ref);
        gradient.ok_or_else(|| self.refuse_form("a gradient of another output than the first"))
    }

    /// True where the gradient of an input is asked for.
    pub(in crate::ops) fn wants(&self, slot: usize) -> bool {
        self.wanted.get(slot).copied().unwrap_or(false)
    }

    pub(in crate::ops) fn int(&self, name: &str, default: i64) -> i64 {
        int(self.node, name).unwrap_or(default)
    }

    pub(in crate::ops) fn float(&self, name: &str, default: f32) -> f32 {
        float(self.node, name).unwrap_or(default)
    }

    pub(in crate::ops) fn ints(&self, name: &str) -> Option<Vec<i64>> {
        ints(self.node, name)
    }

    pub(in crate::ops) fn text(&self, name: &str) -> String {
        text(self.node, name).unwrap_or_default()
    }

    /// The axis in the attribute `axis` of a tensor of this rank.
    pub(in crate::ops) fn axis(&self, default: i64, rank: usize) -> Result<usize, GradientRefusal> {
        let axis = self.int("axis", default);
        positive(axis, rank).ok_or_else(|| self.refuse_form(&format!("axis {axis}")))
    }

    /// Integers in an input slot or, in older operator sets, in an attribute; `None` where there are
    /// neither.
    pub(in crate::ops) fn integers(
        &self,
        emitter: &GradientEmitter,
        slot: usize,
        attribute: &str,
    ) -> Result<Option<Vec<i64>>, GradientRefusal> {
        let Some(name) = self.name(slot) else { return Ok(self.ints(attribute)) };
        let computed = || self.refuse(GradientObstacle::ComputedParameter(name.to_string()));
        emitter.integers_of(name).map(Some).ok_or_else(computed)
    }

    /// No gradient of any input.
    pub(in crate::ops) fn none(&self) -> Vec<Option<ShapedTensor>> {
        vec![None; self.node.input.len()]
    }

    /// The gradient of the first input alone.
    pub(in crate::ops) fn first(&self, gradient: ShapedTensor) -> InputGradients {
        let mut all = self.none();
        if let Some(first) = all.first_mut() {
            *first = Some(gradient);
        }
        Ok(all)
    }

    pub(in crate::ops) fn refuse(&self, obstacle: GradientObstacle) -> GradientRefusal {
        let Node { name, op_type, .. } = self.node;
        GradientRefusal { node: name.clone(), op_type: op_type.clone(), obstacle }
    }

    pub(in crate::ops) fn refuse_no_rule(&self) -> GradientRefusal {
        self.refuse(GradientObstacle::NoRule)
    }

    pub(in crate::ops) fn refuse_form(&self, form: &str) -> GradientRefusal {
        self.refuse(GradientObstacle::Form(form.to_string()))
    }
}

/// An axis counted from the end where it is negative; `None` beyond the rank.
pub(in crate::ops) fn positive(axis: i64, rank: usize) -> Option<usize> {
    let axis = if axis < 0 { axis + rank as i64 } else { axis };
    usize::try_from(axis).ok().filter(|axis| *axis < rank)
}
