//! Prepared inputs, used in turn.

use crate::engine::PlanInputs;

/// Prepared inputs, used in turn.
#[derive(Clone, Debug)]
pub struct InputCycle {
    inputs: Vec<PlanInputs>,
    next: usize,
}

impl InputCycle {
    /// A cycle over `inputs`; `None` of nothing.
    pub fn new(inputs: Vec<PlanInputs>) -> Option<Self> {
        (!inputs.is_empty()).then_some(InputCycle { inputs, next: 0 })
    }

    /// All inputs, once, in order.
    pub fn all(&self) -> &[PlanInputs] {
        &self.inputs
    }

    /// The same inputs, beginning with another: so that streams do not run in step.
    pub(crate) fn from(&self, next: usize) -> InputCycle {
        InputCycle { inputs: self.inputs.clone(), next: next % self.inputs.len().max(1) }
    }

    pub(crate) fn advance(&mut self) -> &PlanInputs {
        self.next = (self.next + 1) % self.inputs.len();
        &self.inputs[self.next]
    }
}
