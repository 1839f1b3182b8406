//! Settled and open blocks of a schedule.

use paring_core::schema::{
    BlockData, BlockKey, BlockKind, BlockOutcome, BlockRecord, ExecutionSetting, Job, Sha256Hex,
};
use std::collections::{BTreeMap, BTreeSet};

/// Settled blocks: measured, or tried as often as the rules allow.
pub(crate) struct ScheduleState {
    retries: u32,
    tries: BTreeMap<BlockKey, u32>,
    /// Tries of earlier invocations: they count for the numbers of attempts, not against the limit.
    earlier: BTreeMap<BlockKey, u32>,
    done: BTreeSet<BlockKey>,
    given_up: BTreeSet<(bool, Sha256Hex, ExecutionSetting)>,
    /// Measured, but only ever in bad conditions.
    bad: BTreeSet<BlockKey>,
}

impl ScheduleState {
    pub(crate) fn new(job: &Job, records: &[BlockRecord]) -> Self {
        let retries = job.rules.retries;
        let mut state = ScheduleState {
            retries,
            tries: BTreeMap::new(),
            earlier: BTreeMap::new(),
            done: BTreeSet::new(),
            given_up: BTreeSet::new(),
            bad: BTreeSet::new(),
        };
        records.iter().for_each(|record| state.note(record));
        state
    }

    /// Starts the count anew: what failed before or ran in bad conditions may be tried again, what was
    /// measured stays.
    pub(crate) fn reopen(&mut self) {
        self.earlier = self.tries.clone();
        self.given_up.clear();
        std::mem::take(&mut self.bad).iter().for_each(|key| self.again(key));
    }

    pub(crate) fn note(&mut self, record: &BlockRecord) {
        let key = &record.attempt.key;
        *self.tries.entry(key.clone()).or_default() += 1;
        match &record.outcome {
            // Its windows are kept with their reasons, and tried again like a block that failed.
            BlockOutcome::Done { data: BlockData::Energy(block) } if block.unread() => {
                if self.tried_now(key) > self.retries {
                    self.given_up.insert(Self::series(key));
                }
            }
            BlockOutcome::Done { .. } => {
                self.done.insert(key.clone());
                match record.invalid.is_empty() {
                    true => self.bad.remove(key),
                    false => self.bad.insert(key.clone()),
                };
            }
            // A model that fails as often as this in one round fails in the others too.
            BlockOutcome::Failed { .. } if self.tried_now(key) > self.retries => {
                self.given_up.insert(Self::series(key));
            }
            BlockOutcome::Failed { .. } => {}
        }
    }

    /// Asks for another try of a block that was measured on a busy machine.
    pub(crate) fn again(&mut self, key: &BlockKey) {
        self.done.remove(key);
    }

    pub(crate) fn settled(&self, key: &BlockKey) -> bool {
        self.done.contains(key) || self.given_up.contains(&Self::series(key))
    }

    /// Key of blocks that are given up as a whole: a sensor that cannot be read says nothing of latency.
    fn series(key: &BlockKey) -> (bool, Sha256Hex, ExecutionSetting) {
        (key.kind == BlockKind::Energy, key.variant_id.clone(), key.setting)
    }

    fn tried_now(&self, key: &BlockKey) -> u32 {
        self.tried(key) - self.earlier.get(key).copied().unwrap_or(0)
    }

    pub(crate) fn tried(&self, key: &BlockKey) -> u32 {
        self.tries.get(key).copied().unwrap_or(0)
    }
}
