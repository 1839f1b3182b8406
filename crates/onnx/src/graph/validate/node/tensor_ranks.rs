//! Ranks of computed tensors, as far as they follow from those of inputs and initializers, and nodes
//! whose inputs or axes contradict them.
//!
//! Sizes are the engine's to infer; an axis beyond the rank is what engines index with unchecked.

use super::super::validator::ModelValidator;
use super::super::violations::CountRange;
use super::super::violations::Violation;
use super::node_at::NodeAt;
use crate::graph::attribute::{int, ints};
use crate::ops::{self, ComputedInputs, ListedAxes, NamedAxis, OutputRank, WindowRank};

impl<'a> ModelValidator<'a> {
    /// Rank of an input, as far as it is known.
    pub(in crate::graph::validate) fn rank(&self, at: &NodeAt<'a>, slot: usize) -> Option<usize> {
        self.scope.get(at.node.input.get(slot)?)?.rank
    }

    /// Number of values in an input that is an initializer or constant of one axis.
    fn length(&self, at: &NodeAt<'a>, slot: usize) -> Option<usize> {
        match self.scope.get(at.node.input.get(slot)?)?.dims? {
            [length] => usize::try_from(*length).ok(),
            _ => None,
        }
    }

    /// Rank of an output of a standard operator.
    pub(in crate::graph::validate) fn output_rank(
        &self,
        at: &NodeAt<'a>,
        slot: usize,
    ) -> Option<usize> {
        if !at.is_standard() || (slot > 0 && at.node.op_type != "Split") {
            return None;
        }
        let rank = |slot: usize| self.rank(at, slot);
        match ops::limits(&at.node.op_type).output_rank {
            OutputRank::Unknown => None,
            OutputRank::OfFirstInput => rank(0),
            OutputRank::Broadcast => {
                (0..at.node.input.len()).map(rank).try_fold(0, |most, rank| Some(most.max(rank?)))
            }
            OutputRank::Fixed(rank) => Some(rank),
            OutputRank::Product => match (rank(0)?, rank(1)?) {
                (1, other) | (other, 1) => other.checked_sub(1),
                (first, second) => Some(first.max(second)),
            },
            OutputRank::Indexed => rank(0)?.checked_sub(1)?.checked_add(rank(1)?),
            OutputRank::LengthOf(slot) => self.length(at, slot),
            OutputRank::Expanded => Some(rank(0)?.max(self.length(at, 1)?)),
            OutputRank::WithAxes => rank(0)?.checked_add(self.axes(at)?),
            OutputRank::WithoutAxes => rank(0)?.checked_sub(self.axes(at)?),
            OutputRank::Reduced => {
                (int(at.node, "keepdims").unwrap_or(1) != 0).then(|| rank(0)).flatten()
            }
        }
    }

    /// Number of axes that a node names, by its attribute or its second input.
    fn axes(&self, at: &NodeAt<'a>) -> Option<usize> {
        ints(at.node, "axes").map(|axes| axes.len()).or_else(|| self.length(at, 1))
    }

    /// Checks axes and ranks of a node of a standard operator.
    pub(in crate::graph::validate) fn tensor_ranks(&mut self, at: &NodeAt<'a>) {
        if !at.is_standard() {
            return;
        }
        let limits = ops::limits(&at.node.op_type);
        if let (Some(NamedAxis { default, beyond }), Some(rank)) =
            (limits.named_axis, self.rank(at, 0))
        {
            let axis = int(at.node, "axis").unwrap_or(default);
            // Scalars have no axis that the usual absent attribute could name.
            let stated = at.node.attribute.iter().any(|attribute| attribute.name == "axis");
            self.axis(at, (axis, stated), rank, beyond);
        }
        self.listed_axes(at, limits.listed_axes);
        self.operands(at, limits.computed);
        let windowed = match limits.window_rank {
            WindowRank::Nothing => None,
            WindowRank::Weights => self.rank(at, 1),
            WindowRank::Kernel => {
                ints(at.node, "kernel_shape").map(|kernel| kernel.len().saturating_add(2))
            }
        };
        if let (Some(found), Some(expected)) = (self.rank(at, 0), windowed) {
            self.must_have_rank(at, 0, found, expected);
        }
        let perm = ints(at.node, "perm").filter(|perm| limits.permutes && !perm.is_empty());
        if let (Some(found), Some(perm)) = (self.rank(at, 0), perm) {
            self.must_have_rank(at, 0, found, perm.len());
        }
        if limits.equal_ranks {
            let ranks: Vec<(usize, usize)> = (0..at.node.input.len())
                .filter_map(|slot| Some((slot, self.rank(at, slot)?)))
                .collect();
            let other = ranks.first().and_then(|(_, first)| {
                let other = ranks.iter().find(|(_, rank)| rank != first)?;
                Some((other.0, other.1, *first))
            });
            if let Some((slot, found, first)) = other {
                self.must_have_rank(at, slot, found, first);
            }
        }
    }

    /// Checks that no operand is an initializer of no values.
    fn operands(&mut self, at: &NodeAt<'a>, computed: ComputedInputs) {
        let read = |slot: usize| match computed {
            ComputedInputs::All => true,
            ComputedInputs::Slots(slots) => slots.contains(&slot),
        };
        let empty = |name: &&String| {
            let value = self.scope.get(name);
            value.and_then(|value| value.dims).is_some_and(|dims| dims.contains(&0))
        };
        let inputs = at.node.input.iter().enumerate().filter(|(slot, _)| read(*slot));
        if let Some(tensor) = inputs.map(|(_, name)| name).find(empty).cloned() {
            self.found.push(Violation::EmptyOperand { node: at.label(), tensor });
        }
    }

    /// Checks a list of axes in an attribute.
    fn listed_axes(&mut self, at: &NodeAt<'a>, listed: ListedAxes) {
        let (Some(rank), Some(axes)) = (self.rank(at, 0), ints(at.node, "axes")) else { return };
        let rank = match listed {
            ListedAxes::Nothing => return,
            ListedAxes::OfInput => rank,
            ListedAxes::OfOutput => rank.saturating_add(axes.len()),
        };
        for axis in axes {
            self.axis(at, (axis, true), rank, 0);
        }
    }

    fn axis(&mut self, at: &NodeAt<'a>, (axis, stated): (i64, bool), rank: usize, beyond: i64) {
        let axes = i64::try_from(rank).unwrap_or(i64::MAX);
        let inside = (-axes..axes.saturating_add(beyond)).contains(&axis);
        if !inside && (stated || rank > 0) {
            self.found.push(Violation::AxisOutside { node: at.label(), axis, rank });
        }
    }

    fn must_have_rank(&mut self, at: &NodeAt<'a>, slot: usize, found: usize, expected: usize) {
        if found != expected {
            let tensor = at.node.input.get(slot).cloned().unwrap_or_default();
            let expected = CountRange { least: expected, most: expected };
            self.found.push(Violation::Rank { node: at.label(), tensor, found, expected });
        }
    }
}
