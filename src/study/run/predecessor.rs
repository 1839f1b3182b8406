//! The run that a new run follows, and the differences of two protocols, field by field.

use super::protocol::{PROTOCOL, Protocol};
use super::study_changes::{STUDY, study_changes};
use crate::pipeline::{Folders, read_json};
use paring_core::schema::{PredecessorRun, ProtocolChange, Sha256Hex};
use std::io::{BufRead, BufReader};
use std::path::Path;

/// The latest run of the same study beside the new run in `root`; `None` of the first.
pub(super) fn predecessor(root: &Path, new: &Protocol) -> Option<PredecessorRun> {
    let whole = std::path::absolute(root).ok()?;
    let runs = std::fs::read_dir(whole.parent()?).ok()?;
    let runs = runs.filter_map(|entry| Some(entry.ok()?.path())).filter(|path| *path != whole);
    let found = runs.filter_map(|run| {
        let protocol: Protocol = read_json(&Folders::new(&run).root().join(PROTOCOL))?;
        let is_other = protocol.study != new.study;
        if is_other { None } else { Some((begun(&run)?, run, protocol)) }
    });
    let (_, run, old) = found.max_by(|a, b| (&a.0, &a.1).cmp(&(&b.0, &b.1)))?;
    Some(PredecessorRun {
        directory: run.file_name()?.to_string_lossy().into_owned(),
        run_id: old.run_id.clone(),
        protocol_sha256: Folders::new(&run).root().join(PROTOCOL).sha256().ok()?,
        changes: protocol_changes((&old, &run.join(STUDY)), (new, &new.study_file)),
    })
}

/// Time of the first entry of a run's ledger.
fn begun(run: &Path) -> Option<String> {
    let mut line = String::new();
    BufReader::new(Folders::new(run).ledger().open().ok()?).read_line(&mut line).ok()?;
    let entry: serde_json::Value = serde_json::from_str(&line).ok()?;
    Some(entry.get("time")?.as_str()?.to_string())
}

/// Hashes of two protocols and keys of their studies that differ, by field. A study that cannot be read
/// leaves its keys out; the hashes tell all the same.
fn protocol_changes(
    (old, old_study): (&Protocol, &Path),
    (new, new_study): (&Protocol, &Path),
) -> Vec<ProtocolChange> {
    let mut changes = study_changes(old_study, new_study);
    let hashes = |own: &Protocol| -> [(&'static str, Sha256Hex); 4] {
        [
            ("recipes_sha256", own.recipes_sha256.clone()),
            ("data_sha256", own.data_sha256.clone()),
            ("measurement_sha256", own.measurement_sha256.clone()),
            ("gate_sha256", own.gate_sha256.clone()),
        ]
    };
    let pairs = hashes(old).into_iter().zip(hashes(new));
    changes.extend(pairs.filter(|(old, new)| old.1 != new.1).map(|(old, new)| ProtocolChange {
        field: old.0.to_string(),
        before: Some(old.1.to_string()),
        after: Some(new.1.to_string()),
    }));
    if old.quick != new.quick {
        changes.push(ProtocolChange {
            field: "quick".into(),
            before: Some(old.quick.to_string()),
            after: Some(new.quick.to_string()),
        });
    }
    changes
}
