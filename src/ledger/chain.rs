//! Entries in canonical JSON (RFC 8785), one a line, each carrying the hash of the line before.

use super::LedgerError;
use paring_core::files::ConfinedPath;
use paring_core::schema::{
    LedgerEntry, LedgerEntryBody, LedgerEntryKind, SCHEMA, Sha256Hex, check_schema,
};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// The most that a clock which is kept right goes back at once.
const CLOCK_STEP: Duration = Duration::from_secs(5);

/// A ledger that is open for appending.
#[derive(Debug)]
pub struct Ledger {
    path: PathBuf,
    file: File,
    actor: String,
    entries: Vec<LedgerEntry>,
    last_line: Sha256Hex,
}

impl Ledger {
    /// Opens or creates a ledger, checks its chain, and cuts off a torn last line. New entries are
    /// in the name of `actor`.
    ///
    /// # Errors
    /// [`LedgerError::Tampered`] names the first line that does not fit.
    pub fn open(path: &ConfinedPath, actor: &str) -> Result<Ledger, LedgerError> {
        let failed = |source| LedgerError::Io { doing: "open", path: path.to_path_buf(), source };
        let mut file = path.open_to_write().map_err(failed)?;
        let LedgerContents { entries, last_line, whole } = read(path)?;
        file.set_len(whole as u64).map_err(failed)?;
        file.seek(SeekFrom::End(0)).map_err(failed)?;
        Ok(Ledger { path: path.to_path_buf(), file, actor: actor.to_string(), entries, last_line })
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// All entries.
    pub fn entries(&self) -> &[LedgerEntry] {
        &self.entries
    }

    /// Appends an entry and syncs it, unless the same kind and body stand in the ledger already;
    /// gives the entry's id either way. This is what lets an interrupted run go on.
    ///
    /// # Errors
    /// Those of the file system; what stood there before stays.
    pub fn record(&mut self, body: LedgerEntryBody) -> Result<Sha256Hex, LedgerError> {
        // As it will be read back: 0.0 is written as 0.
        let canonical = serde_json_canonicalizer::to_vec(&body.body);
        let canonical = canonical.and_then(|bytes| serde_json::from_slice(&bytes));
        let body = LedgerEntryBody { body: canonical.map_err(|e| self.canonical(e))?, ..body };
        let same = |e: &&LedgerEntry| e.kind == body.kind && e.body == body.body;
        if let Some(entry) = self.entries.iter().find(same) {
            return Ok(entry.entry_id.clone());
        }
        let before = self.entries.last().map_or_else(Sha256Hex::zeros, |e| e.entry_id.clone());
        let entry = LedgerEntry {
            schema: SCHEMA,
            kind: body.kind,
            entry_id: entry_id(&before, body.kind, &body.body).map_err(|e| self.canonical(e))?,
            prev_sha256: self.last_line.clone(),
            time: humantime::format_rfc3339_millis(self.now()).to_string(),
            actor: self.actor.clone(),
            tool_version: env!("CARGO_PKG_VERSION").to_string(),
            body: body.body,
        };
        let mut line = serde_json_canonicalizer::to_vec(&entry).map_err(|e| self.canonical(e))?;
        self.last_line = Sha256Hex::of(&line);
        line.push(b'\n');
        self.file.write_all(&line).and_then(|()| self.file.sync_data()).map_err(|source| {
            LedgerError::Io { doing: "append to", path: self.path.clone(), source }
        })?;
        let id = entry.entry_id.clone();
        self.entries.push(entry);
        Ok(id)
    }

    /// The time, but not before the last entry's where a clock was put right by a moment.
    fn now(&self) -> SystemTime {
        let now = SystemTime::now();
        let last = self.entries.last().and_then(|e| humantime::parse_rfc3339(&e.time).ok());
        last.filter(|last| *last > now && *last < now + CLOCK_STEP).unwrap_or(now)
    }

    fn canonical(&self, source: serde_json::Error) -> LedgerError {
        LedgerError::Canonical { path: self.path.clone(), source }
    }
}

/// Reads a ledger and checks its chain; empty where the file does not exist.
///
/// # Errors
/// [`LedgerError::Tampered`] names the first line that does not fit.
pub fn read_ledger(path: &ConfinedPath) -> Result<Vec<LedgerEntry>, LedgerError> {
    Ok(read(path)?.entries)
}

/// The end of a chain: what it leads to, and how long it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LedgerHead {
    /// Entries.
    pub entries: usize,
    /// SHA-256 of the last line, 64 zeros without one.
    pub last_sha256: Sha256Hex,
}

impl LedgerHead {
    /// The head of a ledger whose chain holds; of none where the file does not exist.
    ///
    /// # Errors
    /// Those of [`read_ledger`].
    pub fn of(path: &ConfinedPath) -> Result<LedgerHead, LedgerError> {
        let LedgerContents { entries, last_line, .. } = read(path)?;
        Ok(LedgerHead { entries: entries.len(), last_sha256: last_line })
    }
}

/// The id of an entry: of what it says and what was said before, not of when.
fn entry_id(
    before: &Sha256Hex,
    kind: LedgerEntryKind,
    body: &serde_json::Value,
) -> Result<Sha256Hex, serde_json::Error> {
    let content = serde_json_canonicalizer::to_vec(&(before, kind, body))?;
    Ok(Sha256Hex::of(&content))
}

struct LedgerContents {
    entries: Vec<LedgerEntry>,
    last_line: Sha256Hex,
    /// Bytes up to the end of the last whole line.
    whole: usize,
}

fn read(path: &ConfinedPath) -> Result<LedgerContents, LedgerError> {
    let bytes = match path.read() {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => vec![],
        Err(source) => {
            return Err(LedgerError::Io { doing: "read", path: path.to_path_buf(), source });
        }
    };
    let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
    let mut entries: Vec<LedgerEntry> = Vec::new();
    let (mut last_line, mut last_id) = (Sha256Hex::zeros(), Sha256Hex::zeros());
    let lines = bytes[..whole].split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    for (position, line) in lines.enumerate() {
        let tampered = |problem: String| LedgerError::Tampered {
            path: path.to_path_buf(),
            line: position + 1,
            problem,
        };
        let entry: LedgerEntry =
            serde_json::from_slice(line).map_err(|e| tampered(e.to_string()))?;
        check_schema("the entry", entry.schema).map_err(|e| tampered(e.to_string()))?;
        let id =
            entry_id(&last_id, entry.kind, &entry.body).map_err(|e| tampered(e.to_string()))?;
        if entry.prev_sha256 != last_line {
            return Err(tampered("its prev_sha256 is not the hash of the line before".into()));
        }
        if entry.entry_id != id {
            return Err(tampered("its entry_id is not the hash of its content".into()));
        }
        let canonical =
            serde_json_canonicalizer::to_vec(&entry).map_err(|e| tampered(e.to_string()))?;
        if canonical != line {
            return Err(tampered("it is not in canonical form".into()));
        }
        last_line = Sha256Hex::of(line);
        last_id = id;
        entries.push(entry);
    }
    Ok(LedgerContents { entries, last_line, whole })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn written(path: &ConfinedPath) {
        let mut ledger = Ledger::open(path, "somebody").unwrap();
        for number in 0..3 {
            let body = LedgerEntryBody {
                kind: LedgerEntryKind::Decision,
                body: json!({ "n": number, "x": 0.1 }),
            };
            ledger.record(body.clone()).unwrap();
            ledger.record(body).unwrap();
        }
    }

    #[test]
    fn an_entry_is_recorded_once_and_the_chain_holds() {
        let folder = tempfile::tempdir().unwrap();
        let path = ConfinedPath::root(folder.path()).join("ledger.jsonl");
        written(&path);
        written(&path);
        let entries = read_ledger(&path).unwrap();
        assert_eq!(entries.len(), 3);
        assert_eq!(entries[0].prev_sha256, Sha256Hex::zeros());
    }

    #[test]
    fn every_changed_byte_shows() {
        let folder = tempfile::tempdir().unwrap();
        let path = ConfinedPath::root(folder.path()).join("ledger.jsonl");
        written(&path);
        let bytes = std::fs::read(&path).unwrap();
        // The last line is covered by its own id and by canonical form, not by a later hash.
        let last = bytes[..bytes.len() - 1].iter().rposition(|b| *b == b'\n').unwrap();
        for position in (0..last).step_by(7) {
            let mut changed = bytes.clone();
            changed[position] ^= 1;
            std::fs::write(&path, &changed).unwrap();
            assert!(read_ledger(&path).is_err(), "byte {position} changed unnoticed");
        }
    }

    #[test]
    fn a_removed_line_shows_and_a_torn_one_is_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let path = ConfinedPath::root(folder.path()).join("ledger.jsonl");
        written(&path);
        let text = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        std::fs::write(&path, format!("{}\n{}\n", lines[0], lines[2])).unwrap();
        let message = read_ledger(&path).unwrap_err().to_string();
        assert!(message.starts_with("line 2 of"), "{message}");
        std::fs::write(&path, &text[..text.len() - 9]).unwrap();
        assert_eq!(read_ledger(&path).unwrap().len(), 2);
        written(&path);
        assert_eq!(read_ledger(&path).unwrap().len(), 3);
    }
}
