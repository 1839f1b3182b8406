//! The journal: one line of JSON a block, appended and synced; a torn last line is dropped.

use crate::record::{BlockRecord, NewerSchema, check_schema};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// What can go wrong with a journal.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JournalError {
    /// The file cannot be opened, read or written (a full or read-only disk, say).
    #[error("{doing} journal {}", path.display())]
    Io {
        /// `open`, `read`, `append to`.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// Another agent writes it.
    #[error("another paring is measuring into {}; wait for it or choose another --out", .0.display())]
    Busy(PathBuf),
    /// A line is not a block.
    #[error("line {line} of journal {} is not a block", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// Counting from 1.
        line: usize,
        /// The cause.
        source: serde_json::Error,
    },
    /// A newer paring wrote it.
    #[error("read journal {}", path.display())]
    Schema {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: NewerSchema,
    },
}

/// A journal that this process alone may append to.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: File,
    bytes: u64,
}

/// How long a new agent waits for the lock of one that is being killed.
const LOCK_PATIENCE: Duration = Duration::from_secs(5);

impl Journal {
    /// Opens or creates a journal, takes its lock, and cuts off a torn last line.
    ///
    /// # Errors
    /// [`JournalError::Busy`] while another process holds it, and those of the file system.
    pub fn open(path: &Path) -> Result<Journal, JournalError> {
        let failed = |source| JournalError::Io { doing: "open", path: path.to_path_buf(), source };
        let mut options = OpenOptions::new();
        options.create(true).read(true).write(true).truncate(false);
        let mut file = options.open(path).map_err(failed)?;
        let begun = Instant::now();
        while let Err(error) = file.try_lock() {
            match error {
                TryLockError::Error(source) => return Err(failed(source)),
                TryLockError::WouldBlock if begun.elapsed() > LOCK_PATIENCE => {
                    return Err(JournalError::Busy(path.to_path_buf()));
                }
                TryLockError::WouldBlock => std::thread::sleep(Duration::from_millis(20)),
            }
        }
        let mut content = Vec::new();
        file.read_to_end(&mut content).map_err(failed)?;
        let whole = content.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
        file.set_len(whole as u64).map_err(failed)?;
        file.seek(SeekFrom::End(0)).map_err(failed)?;
        Ok(Journal { path: path.to_path_buf(), file, bytes: whole as u64 })
    }

    /// Appends a block and waits until it is on the disk.
    ///
    /// # Errors
    /// Those of the file system; what stood there before stays.
    pub fn append(&mut self, record: &BlockRecord) -> Result<(), JournalError> {
        let mut line = serde_json::to_vec(record).map_err(|e| self.failed(e.into()))?;
        line.push(b'\n');
        self.append_lines(&line)
    }

    /// Appends whole lines of another journal and waits until they are on the disk.
    ///
    /// # Errors
    /// Those of the file system; what stood there before stays.
    pub fn append_lines(&mut self, lines: &[u8]) -> Result<(), JournalError> {
        let written = self.file.write_all(lines).and_then(|()| self.file.sync_data());
        written.map_err(|source| self.failed(source))?;
        self.bytes += lines.len() as u64;
        Ok(())
    }

    /// How long it is.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    fn failed(&self, source: std::io::Error) -> JournalError {
        JournalError::Io { doing: "append to", path: self.path.clone(), source }
    }
}

/// All blocks of a journal in order; none where the file does not exist yet. A torn last line is
/// dropped.
///
/// # Errors
/// [`JournalError`] names the file and the line.
pub fn read_journal(path: &Path) -> Result<Vec<BlockRecord>, JournalError> {
    let text = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(vec![]),
        Err(source) => {
            return Err(JournalError::Io { doing: "read", path: path.to_path_buf(), source });
        }
    };
    let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
    let lines = text[..whole].split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    lines
        .enumerate()
        .map(|(index, line)| {
            let record: BlockRecord = serde_json::from_slice(line).map_err(|source| {
                JournalError::Line { path: path.to_path_buf(), line: index + 1, source }
            })?;
            check_schema("a block", record.schema)
                .map_err(|source| JournalError::Schema { path: path.to_path_buf(), source })?;
            Ok(record)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{
        Attempt, BlockKey, BlockKind, Conditions, Outcome, SCHEMA, Setting, Sha256Hex,
    };
    use crate::units::LatencyNs;

    fn record(round: u32) -> BlockRecord {
        let variant_id = Sha256Hex::of(b"variant");
        let setting = Setting::of_batch(1);
        let key = BlockKey { kind: BlockKind::Solo, variant_id, setting, round };
        BlockRecord {
            schema: SCHEMA,
            measurement_sha256: Sha256Hex::of(b"rules"),
            attempt: Attempt { key, number: 0 },
            started_at: "2026-01-01T00:00:00Z".into(),
            wall_ns: LatencyNs(1),
            agent_version: "0".into(),
            emulated: false,
            conditions: Conditions::default(),
            invalid: vec![],
            outcome: Outcome::Failed { reason: "a \"quoted\"\nreason".into() },
        }
    }

    #[test]
    fn a_torn_last_line_is_dropped_and_the_next_append_starts_clean() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("j.jsonl");
        assert!(read_journal(&path).unwrap().is_empty());
        Journal::open(&path).unwrap().append(&record(0)).unwrap();
        let mut torn = std::fs::read(&path).unwrap();
        let half = torn[..torn.len() / 2].to_vec();
        torn.extend(half);
        std::fs::write(&path, torn).unwrap();
        assert_eq!(read_journal(&path).unwrap().len(), 1);
        Journal::open(&path).unwrap().append(&record(1)).unwrap();
        let rounds: Vec<u32> =
            read_journal(&path).unwrap().iter().map(|r| r.attempt.key.round).collect();
        assert_eq!(rounds, [0, 1]);
    }

    #[test]
    fn lines_of_older_versions_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("j.jsonl");
        let id = "0".repeat(64);
        let line = format!(
            r#"{{"schema":1,"measurement_sha256":"{id}","attempt":{{"key":{{"kind":"paired","variant_id":"{id}","batch":8,"round":2}},"number":0}},"started_at":"2026-01-01T00:00:00Z","wall_ns":1,"agent_version":"0.1.0","emulated":false,"temperature_mc":null,"outcome":{{"status":"done","data":{{"kind":"paired","baseline_loaded_first":true,"pairs":[{{"baseline_first":true,"baseline":{{"reference_ns":1,"samples_ns":[1,2]}},"variant":{{"reference_ns":1,"samples_ns":[3]}}}}],"reference_after_ns":1}}}}}}"#
        );
        std::fs::write(&path, format!("{line}\n")).unwrap();
        let found = read_journal(&path).unwrap();
        assert_eq!(found[0].attempt.key.setting, Setting::of_batch(8));
        assert!(found[0].invalid.is_empty());
    }

    #[test]
    fn a_spoilt_line_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("j.jsonl");
        std::fs::write(&path, "{}\n").unwrap();
        let message = read_journal(&path).unwrap_err().to_string();
        assert!(message.starts_with("line 1 of journal"), "{message}");
    }
}
