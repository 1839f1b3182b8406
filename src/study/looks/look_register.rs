//! The register of looks at report splits: a ledger beside the run directories, or where the study names
//! it, that several runs append to, so that twenty runs look like twenty.

use super::recorded_looks::{recorded_looks, runs_in};
use crate::ledger::{Ledger, LedgerError, read_ledger};
use paring_core::files::ConfinedPath;
use paring_core::schema::{LedgerEntry, LedgerEntryBody, LedgerEntryKind, LookCount, Sha256Hex};
use serde_json::json;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Name of a register beside run directories.
pub const REGISTER_FILE: &str = "paring-looks.jsonl";

/// A look at the report split of a run.
#[derive(Clone, Debug)]
pub struct ReportLook<'a> {
    /// Hash of the samples and labels, however they are divided.
    pub samples_sha256: &'a Sha256Hex,
    /// The run.
    pub run_id: &'a str,
    /// Its study.
    pub study: &'a str,
    /// The verb that looks.
    pub by: &'a str,
    /// Identities of the variants that are evaluated.
    pub variants: Vec<&'a Sha256Hex>,
}

/// A look that was entered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegisteredLook {
    /// Its entry.
    pub entry: Sha256Hex,
    /// The count with it.
    pub count: LookCount,
}

/// A register, and the folder of the runs beside which it counts.
#[derive(Clone, Debug)]
pub struct LookRegister {
    path: ConfinedPath,
    runs: PathBuf,
    /// The path as ledgers of runs have it.
    pub name: PathBuf,
}

impl LookRegister {
    /// The register of the run in `root`: beside it, or at `place`.
    pub fn of_run(root: &Path, place: Option<&Path>) -> LookRegister {
        let whole = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
        let root = whole(root);
        let runs = root.parent().unwrap_or(&root).to_path_buf();
        match place.map(whole) {
            Some(place) => LookRegister { path: ConfinedPath::file(&place), runs, name: place },
            None => LookRegister {
                path: ConfinedPath::file(&runs.join(REGISTER_FILE)),
                runs,
                name: Path::new("..").join(REGISTER_FILE),
            },
        }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Enters a look in the name of `actor`, unless the same variants were looked at in that run before.
    /// Other processes wait meanwhile.
    ///
    /// # Errors
    /// [`LedgerError`] of a register that was changed, or cannot be written.
    pub fn enter(&self, look: &ReportLook, actor: &str) -> Result<RegisteredLook, LedgerError> {
        let failed =
            |source| LedgerError::Io { doing: "open", path: self.path.to_path_buf(), source };
        let lock = self.path.open_to_write().map_err(failed)?;
        // Held until the file is closed: two processes that append at once would break the chain.
        lock.lock().map_err(failed)?;
        let mut register = Ledger::open(&self.path, actor)?;
        let entry = register.record(LedgerEntryBody {
            kind: LedgerEntryKind::Look,
            body: json!({
                "samples_sha256": look.samples_sha256, "run_id": look.run_id,
                "study": look.study, "by": look.by, "variants": look.variants,
            }),
        })?;
        let count = self.counted(look.samples_sha256, register.entries());
        Ok(RegisteredLook { entry, count })
    }

    /// Looks at samples that the register and the ledgers of the runs beside it know of.
    ///
    /// # Errors
    /// [`LedgerError`] of a register that was changed, or cannot be read.
    pub fn count(&self, samples_sha256: &Sha256Hex) -> Result<LookCount, LedgerError> {
        Ok(self.counted(samples_sha256, &read_ledger(&self.path)?))
    }

    /// Looks that the ledgers of the runs beside the register know of; all of them are lost to it.
    pub fn count_without(&self, samples_sha256: &Sha256Hex) -> LookCount {
        self.counted(samples_sha256, &[])
    }

    fn counted(&self, samples_sha256: &Sha256Hex, entries: &[LedgerEntry]) -> LookCount {
        let is_own = |entry: &&LedgerEntry| {
            entry.body["samples_sha256"].as_str() == Some(samples_sha256.as_str())
        };
        let (mut looks, mut runs) = (BTreeSet::new(), BTreeSet::new());
        for entry in entries.iter().filter(is_own) {
            looks.insert(entry.entry_id.clone());
            runs.extend(entry.body["run_id"].as_str().map(str::to_string));
        }
        let registered = looks.len();
        let others = runs_in(&self.runs).into_iter().flat_map(|run| recorded_looks(&run));
        for look in others.filter(|look| look.samples_sha256 == *samples_sha256) {
            looks.insert(look.register_entry.unwrap_or(look.entry));
            runs.insert(look.run_id);
        }
        LookCount {
            looks: looks.len() as u64,
            runs: runs.len() as u64,
            lost: (looks.len() - registered) as u64,
        }
    }
}

/// The looks that are known today at the samples which the run in `root` looked at last: by its register
/// and the ledgers beside it, never fewer than its own ledger knew; `None` where it has looked at nothing.
pub fn current_look_count(root: &Path) -> Option<LookCount> {
    let own = recorded_looks(root).pop()?;
    let place = own.register.filter(|place| place.is_absolute());
    let register = LookRegister::of_run(root, place.as_deref());
    let samples = &own.samples_sha256;
    let found = register.count(samples).unwrap_or_else(|_| register.count_without(samples));
    let missing = own.count.looks.saturating_sub(found.looks);
    Some(LookCount {
        looks: found.looks.max(own.count.looks),
        runs: found.runs.max(own.count.runs),
        lost: found.lost + missing,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Barrier;

    fn look<'a>(samples: &'a Sha256Hex, run: &'a str) -> ReportLook<'a> {
        ReportLook { samples_sha256: samples, run_id: run, study: "s", by: "run", variants: vec![] }
    }

    #[test]
    fn looks_are_counted_by_samples_and_each_once() {
        let folder = tempfile::tempdir().unwrap();
        let register = LookRegister::of_run(&folder.path().join("run"), None);
        let (own, other) = (Sha256Hex::of(b"own"), Sha256Hex::of(b"other"));
        let count = |samples, run| register.enter(&look(samples, run), "team").unwrap().count;
        assert_eq!(count(&own, "a"), LookCount { looks: 1, runs: 1, lost: 0 });
        assert_eq!(count(&own, "a"), LookCount { looks: 1, runs: 1, lost: 0 });
        assert_eq!(count(&other, "b"), LookCount { looks: 1, runs: 1, lost: 0 });
        let gate = ReportLook { by: "gate", ..look(&own, "a") };
        assert_eq!(register.enter(&gate, "team").unwrap().count.looks, 2);
        assert_eq!(count(&own, "c"), LookCount { looks: 3, runs: 2, lost: 0 });
    }

    #[test]
    fn processes_that_look_at_once_are_all_counted() {
        let folder = tempfile::tempdir().unwrap();
        let samples = Sha256Hex::of(b"own");
        let barrier = Barrier::new(20);
        std::thread::scope(|scope| {
            for run in 0..20 {
                let (barrier, folder, samples) = (&barrier, &folder, &samples);
                scope.spawn(move || {
                    let register = LookRegister::of_run(&folder.path().join("run"), None);
                    barrier.wait();
                    register.enter(&look(samples, &run.to_string()), "team").unwrap();
                });
            }
        });
        let register = LookRegister::of_run(&folder.path().join("run"), None);
        let expected = LookCount { looks: 20, runs: 20, lost: 0 };
        assert_eq!(register.count(&samples).unwrap(), expected);
    }

    #[test]
    fn a_torn_line_is_dropped_and_a_changed_one_refused() {
        let folder = tempfile::tempdir().unwrap();
        let register = LookRegister::of_run(&folder.path().join("run"), None);
        let samples = Sha256Hex::of(b"own");
        for run in ["a", "b", "c"] {
            register.enter(&look(&samples, run), "team").unwrap();
        }
        let text = std::fs::read_to_string(register.path()).unwrap();
        std::fs::write(register.path(), &text[..text.len() - 9]).unwrap();
        assert_eq!(register.count(&samples).unwrap().looks, 2);
        let again = register.enter(&look(&samples, "c"), "team").unwrap();
        assert_eq!(again.count.looks, 3);
        std::fs::write(register.path(), text.replacen("\"run_id\":\"a\"", "\"run_id\":\"b\"", 1))
            .unwrap();
        let refused = register.enter(&look(&samples, "d"), "team").unwrap_err().to_string();
        assert!(refused.starts_with("line 1 of"), "{refused}");
    }
}
