//! The best set of groups to put back, by trying all of them.

use super::search_record::{
    RestorationState, RestoreSearch, RestoredValue, SearchEnd, SubsetValue,
};

/// More groups have more sets than anybody waits for.
pub const MOST_EXHAUSTIVE_GROUPS: usize = 10;

/// Tries every set of `groups` groups; of those that pass the one of least cost, and where none passes the
/// one of least shortfall.
///
/// # Errors
/// The first of `value` and `record`.
pub fn restore_exhaustively<E>(
    groups: usize,
    value: &mut dyn FnMut(&RestorationState) -> Result<RestoredValue, E>,
    record: &mut dyn FnMut(&SubsetValue) -> Result<(), E>,
) -> Result<RestoreSearch, E> {
    let mut subsets: Vec<SubsetValue> = Vec::new();
    for set in 0..1_usize << groups.min(MOST_EXHAUSTIVE_GROUPS) {
        let restored = (0..groups).filter(|group| set >> group & 1 == 1).collect();
        let state = RestorationState { restored, ..RestorationState::default() };
        let value = value(&state)?;
        let subset = SubsetValue { restored: state.restored, value };
        record(&subset)?;
        subsets.push(subset);
    }
    let worth = |subset: &SubsetValue| {
        let RestoredValue { shortfall, cost, passes } = subset.value;
        (!passes, if passes { 0.0 } else { shortfall }, cost)
    };
    let better = |a: &&SubsetValue, b: &&SubsetValue| {
        let (a, b) = (worth(a), worth(b));
        a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)).then(a.2.total_cmp(&b.2))
    };
    let nothing = RestoredValue { shortfall: 0.0, cost: 0.0, passes: true };
    let start = subsets.first().map_or(nothing, |subset| subset.value);
    let best = subsets.iter().min_by(better);
    let end = best.map_or(start, |subset| subset.value);
    let restored: Vec<usize> =
        best.into_iter().flat_map(|subset| subset.restored.iter().copied()).collect();
    let ended = match (start.passes, end.passes) {
        (true, _) => SearchEnd::PassesAsItIs,
        (false, true) => SearchEnd::Passes,
        (false, false) if restored.len() == groups => SearchEnd::EverythingRestored,
        (false, false) => SearchEnd::NothingHelps,
    };
    Ok(RestoreSearch { restored, tuned: vec![], start, end, ended, trials: vec![], subsets })
}
