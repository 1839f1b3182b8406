//! Values of states, each asked for once.

use super::search_record::{RestorationState, RestoredValue};
use std::collections::BTreeMap;

/// Values that a search has asked for.
pub(super) struct KnownValues<'a, E> {
    value: &'a mut dyn FnMut(&RestorationState) -> Result<RestoredValue, E>,
    found: BTreeMap<RestorationState, RestoredValue>,
}

impl<'a, E> KnownValues<'a, E> {
    pub(super) fn new(
        value: &'a mut dyn FnMut(&RestorationState) -> Result<RestoredValue, E>,
    ) -> Self {
        KnownValues { value, found: BTreeMap::new() }
    }

    /// The value of a state.
    ///
    /// # Errors
    /// The caller's.
    pub(super) fn of(&mut self, state: &RestorationState) -> Result<RestoredValue, E> {
        if let Some(found) = self.found.get(state) {
            return Ok(*found);
        }
        let found = (self.value)(state)?;
        self.found.insert(state.clone(), found);
        Ok(found)
    }
}
