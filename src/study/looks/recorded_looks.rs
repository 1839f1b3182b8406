//! Looks at report splits that the ledgers of runs hold.

use crate::pipeline::Folders;
use paring_core::files::ConfinedPath;
use paring_core::schema::{LedgerEntryKind, LookCount, Sha256Hex};
use serde::Deserialize;
use serde_json::Value;
use std::path::{Path, PathBuf};

/// A look that a run's ledger holds.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct RecordedLook {
    /// Its entry in the run's ledger.
    #[serde(skip, default = "Sha256Hex::zeros")]
    pub entry: Sha256Hex,
    /// Hash of the samples and labels, however they are divided.
    pub samples_sha256: Sha256Hex,
    /// The run.
    pub run_id: String,
    /// The register, from the run directory where it is not an absolute path.
    #[serde(default)]
    pub register: Option<PathBuf>,
    /// The look's entry in the register; `None` where it could not be entered.
    #[serde(default)]
    pub register_entry: Option<Sha256Hex>,
    /// The count with this look.
    pub count: LookCount,
}

/// The looks of the run in `root`, in its ledger's order. Read line by line: whether the chain holds is
/// for `verify` to say.
pub fn recorded_looks(root: &Path) -> Vec<RecordedLook> {
    let bytes = Folders::new(root).ledger().read().unwrap_or_default();
    let is_look = |line: &&[u8]| {
        let mark = b"\"kind\":\"look\"";
        line.windows(mark.len()).any(|part| part == mark)
    };
    let lines = bytes.split(|byte| *byte == b'\n').filter(is_look);
    let looks = lines.filter_map(|line| {
        let entry: Value = serde_json::from_slice(line).ok()?;
        let kind: LedgerEntryKind = serde_json::from_value(entry["kind"].clone()).ok()?;
        let look: RecordedLook = serde_json::from_value(entry["body"].clone()).ok()?;
        let entry = serde_json::from_value(entry["entry_id"].clone()).ok()?;
        (kind == LedgerEntryKind::Look).then_some(RecordedLook { entry, ..look })
    });
    looks.collect()
}

/// Directories of runs in a folder, each with its ledger; none where it cannot be read.
pub(super) fn runs_in(folder: &Path) -> Vec<PathBuf> {
    let folder = ConfinedPath::root(folder);
    let names = folder.names().unwrap_or_default().into_iter();
    let runs = names.map(|name| folder.join(name).to_path_buf());
    runs.filter(|run| run.join("ledger.jsonl").is_file()).collect()
}
