//! Tensors that are visible at a place of a graph.

use crate::graph::element_type::ElementType;
use std::collections::HashMap;

/// Facts of a tensor, as far as they are known.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct TensorKnowledge<'a> {
    pub(super) element: Option<ElementType>,
    /// The shape of an initializer or constant.
    pub(super) dims: Option<&'a [i64]>,
    /// Number of dimensions.
    pub(super) rank: Option<usize>,
}

/// Tensors that are visible: those of a graph, and of the graphs around it.
#[derive(Debug, Default)]
pub(super) struct TensorScope<'a> {
    values: HashMap<&'a str, (usize, TensorKnowledge<'a>)>,
    depth: usize,
    /// Values of names before the graphs that are walked gave them others.
    hidden: Vec<(&'a str, Option<(usize, TensorKnowledge<'a>)>)>,
}

impl<'a> TensorScope<'a> {
    pub(super) fn enter(&mut self) -> usize {
        self.depth += 1;
        self.hidden.len()
    }

    pub(super) fn leave(&mut self, mark: usize) {
        self.depth -= 1;
        for (name, before) in self.hidden.drain(mark..).rev() {
            match before {
                Some(value) => self.values.insert(name, value),
                None => self.values.remove(name),
            };
        }
    }

    pub(super) fn insert(&mut self, name: &'a str, value: TensorKnowledge<'a>) {
        let before = self.values.insert(name, (self.depth, value));
        if before.is_none_or(|(depth, _)| depth != self.depth) {
            self.hidden.push((name, before));
        }
    }

    /// The value of a name in the graph that is walked or one around it.
    pub(super) fn get(&self, name: &str) -> Option<TensorKnowledge<'a>> {
        self.values.get(name).map(|(_, value)| *value)
    }

    pub(super) fn given_here(&self, name: &str) -> bool {
        self.values.get(name).is_some_and(|(depth, _)| *depth == self.depth)
    }
}
