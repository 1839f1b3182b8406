//! Original indices of what remains of shortened axes.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// For every shortened axis of an initializer (`name@axis`): the original indices that remain.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OriginalIndices(BTreeMap<String, Vec<usize>>);

impl OriginalIndices {
    /// The original index of what stands at `index` now.
    pub fn original(&self, initializer: &str, axis: usize, index: usize) -> usize {
        self.0
            .get(&Self::key(initializer, axis))
            .and_then(|kept| kept.get(index).copied())
            .unwrap_or(index)
    }

    /// Takes note that of an axis with `width` entries those at `removed` went.
    pub fn remove(&mut self, initializer: &str, axis: usize, width: usize, removed: &[usize]) {
        let kept =
            self.0.entry(Self::key(initializer, axis)).or_insert_with(|| (0..width).collect());
        let mut index = 0;
        kept.retain(|_| {
            index += 1;
            !removed.contains(&(index - 1))
        });
    }

    /// Every shortened axis: initializer, axis, and the original indices that remain.
    pub fn axes(&self) -> impl Iterator<Item = (&str, usize, &[usize])> {
        self.0.iter().filter_map(|(key, kept)| {
            let (initializer, axis) = key.rsplit_once('@')?;
            Some((initializer, axis.parse().ok()?, kept.as_slice()))
        })
    }

    fn key(initializer: &str, axis: usize) -> String {
        format!("{initializer}@{axis}")
    }
}
