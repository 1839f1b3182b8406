//! The ledger's entries of a search for what to put back: each trial, and the end.

use super::select_trials::{RestorationScope, SelectTrials};
use crate::govern::{RestorationChange, RestoreSearch, RestoreTrial, SubsetValue};
use crate::pipeline::StepTuning;
use crate::workflow::open_run::OpenRun;
use paring_core::schema::{
    DecisionGroup, LedgerEntryBody, LedgerEntryKind, Sha256Hex, VariantRecord,
};
use serde_json::{Value, json};

/// Common part of all entries of one search.
pub(super) struct RestorationEntries {
    variant: String,
    gate_sha256: Sha256Hex,
    by: &'static str,
    target: Option<String>,
    groups: Vec<DecisionGroup>,
    most_groups: usize,
    tunings: Vec<StepTuning>,
}

impl RestorationEntries {
    pub(super) fn of(run: &OpenRun, trials: &SelectTrials, scope: &RestorationScope) -> Self {
        RestorationEntries {
            variant: trials.variant.name.clone(),
            gate_sha256: run.directory.protocol.gate_sha256.clone(),
            by: scope.by.name(),
            target: scope.target.clone(),
            groups: trials.groups.clone(),
            most_groups: scope.groups,
            tunings: trials.tunings.clone(),
        }
    }

    fn labels<'a>(&self, groups: impl IntoIterator<Item = &'a usize>) -> Vec<&str> {
        let found = groups.into_iter().filter_map(|group| self.groups.get(*group));
        found.map(|group| group.label.as_str()).collect()
    }

    fn tuned<'a>(&self, tunings: impl IntoIterator<Item = &'a usize>) -> Vec<StepTuning> {
        let found = tunings.into_iter().filter_map(|tuning| self.tunings.get(*tuning));
        found.copied().collect()
    }

    fn entry(&self, what: &str, body: Value) -> LedgerEntryBody {
        let mut all = json!({
            "variant": self.variant, "what": what, "gate_sha256": self.gate_sha256,
            "by": self.by,
        });
        if let Some(target) = &self.target {
            all["target"] = json!(target);
        }
        if let (Value::Object(all), Value::Object(body)) = (&mut all, body) {
            all.extend(body);
        }
        LedgerEntryBody { kind: LedgerEntryKind::Restore, body: all }
    }

    /// One trial.
    pub(super) fn trial(&self, trial: &RestoreTrial) -> LedgerEntryBody {
        let (action, change) = match &trial.change {
            RestorationChange::Restore { group } => {
                ("restore", json!({ "group": self.labels([group]).first() }))
            }
            RestorationChange::Remove { group } => {
                ("remove", json!({ "group": self.labels([group]).first() }))
            }
            RestorationChange::Exchange { removed, restored } => (
                "exchange",
                json!({ "removed": self.labels(removed), "restored": self.labels(restored) }),
            ),
            RestorationChange::Tune { tuning } => {
                ("tune", json!({ "tuning": self.tuned([tuning]).first() }))
            }
            RestorationChange::Reset { tuning } => {
                ("reset", json!({ "tuning": self.tuned([tuning]).first() }))
            }
        };
        let beside = &trial.beside;
        let body = json!({
            "split": "select", "action": action, "change": change,
            "beside": self.labels(&beside.restored), "tuned": self.tuned(&beside.tuned),
            "before": trial.before, "after": trial.after, "kept": trial.kept,
        });
        self.entry("trial", body)
    }

    /// One set of groups.
    pub(super) fn subset(&self, subset: &SubsetValue) -> LedgerEntryBody {
        let groups = self.labels(&subset.restored);
        let body = json!({ "split": "select", "groups": groups, "value": subset.value });
        self.entry("subset", body)
    }

    /// The end of a search, and the variant that came of it. Groups are those of the variant's decisions
    /// by step and layer, `most_groups` at most.
    pub(super) fn end(
        &self,
        search: &RestoreSearch,
        made: Option<&VariantRecord>,
    ) -> LedgerEntryBody {
        let ids = search.restored.iter().filter_map(|group| self.groups.get(*group));
        let body = json!({
            "groups": self.labels(&search.restored),
            "group_ids": ids.map(|group| &group.id).collect::<Vec<_>>(),
            "most_groups": self.most_groups, "tuned": self.tuned(&search.tuned),
            "start": search.start, "end": search.end, "ended": search.ended,
            "restored": made.map(|made| &made.name),
            "variant_id": made.map(|made| &made.variant_id),
        });
        self.entry("gate", body)
    }
}
