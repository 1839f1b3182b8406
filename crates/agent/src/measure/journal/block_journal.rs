//! The journal: one line of JSON a block, appended and synced; a torn last line is dropped, and a line
//! that is no block is set aside before anything is added.

use paring_core::files::ConfinedPath;
use paring_core::schema::{BlockRecord, NewerSchema, check_schema};
use std::fs::{File, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Errors of a journal.
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
    #[error("another paring process is measuring into {}; wait for it or choose another --out", .0.display())]
    Busy(PathBuf),
    /// A line is not a block.
    #[error("line {line} of journal {} is not a block; going on with the run sets it aside", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// Counting from 1.
        line: usize,
        /// The cause.
        source: serde_json::Error,
    },
    /// A newer paring wrote it.
    #[error("read line {line} of journal {}", path.display())]
    Schema {
        /// The file.
        path: PathBuf,
        /// Counting from 1.
        line: usize,
        /// The cause.
        source: NewerSchema,
    },
}

/// A journal that this process alone may append to.
#[derive(Debug)]
pub struct BlockJournal {
    path: PathBuf,
    file: File,
    bytes: u64,
    set_aside: usize,
}

/// Longest wait of a new agent for the lock of one that is being killed.
const LOCK_PATIENCE: Duration = Duration::from_secs(5);

impl BlockJournal {
    /// Opens or creates a journal, takes its lock, cuts off a torn last line, and moves lines that are
    /// no blocks, or of a newer paring, to [`BlockJournal::aside`]. A link is not followed.
    ///
    /// # Errors
    /// [`JournalError::Busy`] while another process holds it, and those of the file system.
    pub fn open(path: &Path) -> Result<BlockJournal, JournalError> {
        let failed = |source| JournalError::Io { doing: "open", path: path.to_path_buf(), source };
        let place = ConfinedPath::file(path);
        let mut file = locked(&place, path)?;
        let mut content = Vec::new();
        file.read_to_end(&mut content).map_err(failed)?;
        let whole = whole_lines(&content).len();
        let (good, bad): (Vec<&[u8]>, Vec<&[u8]>) =
            content[..whole].split_inclusive(|byte| *byte == b'\n').partition(|line| {
                let line = line.strip_suffix(b"\n").unwrap_or(line);
                line.is_empty() || block(path, 0, line).is_ok()
            });
        if !bad.is_empty() {
            let mut aside =
                ConfinedPath::file(&Self::aside(path)).open_to_append().map_err(failed)?;
            aside.write_all(&bad.concat()).and_then(|()| aside.sync_data()).map_err(failed)?;
            place.replace(&good.concat()).map_err(failed)?;
            // The file of this name is another one now.
            let journal = Self::open(path)?;
            return Ok(BlockJournal { set_aside: bad.len(), ..journal });
        }
        file.set_len(whole as u64).map_err(failed)?;
        file.seek(SeekFrom::End(0)).map_err(failed)?;
        Ok(BlockJournal { path: path.to_path_buf(), file, bytes: whole as u64, set_aside: 0 })
    }

    /// File of lines that are no blocks, beside the journal.
    pub fn aside(journal: &Path) -> PathBuf {
        journal.with_extension("set-aside.jsonl")
    }

    /// Lines that were set aside when it was opened.
    pub fn set_aside(&self) -> usize {
        self.set_aside
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

    /// Length in bytes.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    fn failed(&self, source: std::io::Error) -> JournalError {
        JournalError::Io { doing: "append to", path: self.path.clone(), source }
    }
}

/// The journal's file, locked, and still the one of its name.
fn locked(place: &ConfinedPath, path: &Path) -> Result<File, JournalError> {
    let failed = |source| JournalError::Io { doing: "open", path: path.to_path_buf(), source };
    let begun = Instant::now();
    loop {
        let file = place.open_to_write().map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {
                let inode = |file: &File| file.metadata().map(|found| found.ino());
                let now = place.open().and_then(|file| inode(&file));
                if now.ok() == Some(inode(&file).map_err(failed)?) {
                    return Ok(file);
                }
            }
            Err(TryLockError::Error(source)) => return Err(failed(source)),
            Err(TryLockError::WouldBlock) => {}
        }
        if begun.elapsed() > LOCK_PATIENCE {
            return Err(JournalError::Busy(path.to_path_buf()));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The content up to the end of the last whole line.
fn whole_lines(content: &[u8]) -> &[u8] {
    let end = content.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
    &content[..end]
}

fn block(path: &Path, line: usize, text: &[u8]) -> Result<BlockRecord, JournalError> {
    let path = || path.to_path_buf();
    let record: BlockRecord = serde_json::from_slice(text)
        .map_err(|source| JournalError::Line { path: path(), line, source })?;
    check_schema("a block", record.schema).map_err(|source| JournalError::Schema {
        path: path(),
        line,
        source,
    })?;
    Ok(record)
}

/// All blocks of a journal in order; none where the file does not exist yet. A torn last line is
/// dropped.
///
/// # Errors
/// [`JournalError`] names the file and the line.
pub fn read_journal(path: &ConfinedPath) -> Result<Vec<BlockRecord>, JournalError> {
    let text = match path.read() {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(vec![]),
        Err(source) => {
            return Err(JournalError::Io { doing: "read", path: path.to_path_buf(), source });
        }
    };
    let lines = whole_lines(&text).split(|byte| *byte == b'\n').enumerate();
    let lines = lines.filter(|(_, line)| !line.is_empty());
    lines.map(|(index, line)| block(path, index + 1, line)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use paring_core::schema::{
        BlockAttempt, BlockConditions, BlockKey, BlockKind, BlockOutcome, ExecutionSetting, SCHEMA,
        Sha256Hex,
    };
    use paring_core::units::LatencyNs;

    fn record(round: u32) -> BlockRecord {
        let variant_id = Sha256Hex::of(b"variant");
        let setting = ExecutionSetting::of_batch(1);
        let key = BlockKey { kind: BlockKind::Solo, variant_id, setting, round };
        BlockRecord {
            schema: SCHEMA,
            measurement_sha256: Sha256Hex::of(b"rules"),
            attempt: BlockAttempt { key, number: 0 },
            started_at: "2026-01-01T00:00:00Z".into(),
            wall_ns: LatencyNs(1),
            agent_version: "0".into(),
            emulated: false,
            conditions: BlockConditions::default(),
            invalid: vec![],
            outcome: BlockOutcome::Failed { reason: "a \"quoted\"\nreason".into() },
        }
    }

    #[test]
    fn a_torn_last_line_is_dropped_and_the_next_append_starts_clean() {
        let folder = tempfile::tempdir().unwrap();
        let path = ConfinedPath::root(folder.path()).join("j.jsonl");
        assert!(read_journal(&path).unwrap().is_empty());
        BlockJournal::open(&path).unwrap().append(&record(0)).unwrap();
        let mut torn = std::fs::read(&path).unwrap();
        let half = torn[..torn.len() / 2].to_vec();
        torn.extend(half);
        std::fs::write(&path, torn).unwrap();
        assert_eq!(read_journal(&path).unwrap().len(), 1);
        BlockJournal::open(&path).unwrap().append(&record(1)).unwrap();
        let rounds: Vec<u32> =
            read_journal(&path).unwrap().iter().map(|r| r.attempt.key.round).collect();
        assert_eq!(rounds, [0, 1]);
    }

    #[test]
    fn damaged_and_newer_lines_are_set_aside_before_anything_is_added() {
        let folder = tempfile::tempdir().unwrap();
        let path = ConfinedPath::root(folder.path()).join("j.jsonl");
        let line = |record: &BlockRecord| serde_json::to_string(record).unwrap();
        let newer = line(&BlockRecord { schema: SCHEMA + 1, ..record(7) });
        let unknown = format!("{{\"schema\":{},\"shape\":\"new\"}}", SCHEMA + 1);
        let good = [line(&record(0)), line(&record(1))];
        let text = [&good[0], "half a li", &newer, &good[1], &unknown].map(|l| format!("{l}\n"));
        std::fs::write(&path, text.concat()).unwrap();
        let mut journal = BlockJournal::open(&path).unwrap();
        assert_eq!(journal.set_aside(), 3);
        journal.append(&record(2)).unwrap();
        drop(journal);
        let rounds = read_journal(&path).unwrap();
        let rounds: Vec<u32> = rounds.iter().map(|r| r.attempt.key.round).collect();
        assert_eq!(rounds, [0, 1, 2]);
        let aside = std::fs::read_to_string(BlockJournal::aside(&path)).unwrap();
        assert_eq!(aside, format!("half a li\n{newer}\n{unknown}\n"));
        assert_eq!(BlockJournal::open(&path).unwrap().set_aside(), 0);
    }

    #[test]
    fn a_link_is_not_written_through() {
        let folder = tempfile::tempdir().unwrap();
        let outside = folder.path().join("outside");
        std::fs::write(&outside, "theirs, without an end of line").unwrap();
        let path = folder.path().join("j.jsonl");
        std::os::unix::fs::symlink(&outside, &path).unwrap();
        assert!(BlockJournal::open(&path).is_err());
        std::fs::remove_file(&path).unwrap();
        std::fs::hard_link(&outside, &path).unwrap();
        assert!(BlockJournal::open(&path).is_err());
        assert_eq!(std::fs::read(&outside).unwrap(), b"theirs, without an end of line");
    }

    #[test]
    fn lines_of_older_versions_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = ConfinedPath::root(folder.path()).join("j.jsonl");
        let id = "0".repeat(64);
        let line = format!(
            r#"{{"schema":1,"measurement_sha256":"{id}","attempt":{{"key":{{"kind":"paired","variant_id":"{id}","batch":8,"round":2}},"number":0}},"started_at":"2026-01-01T00:00:00Z","wall_ns":1,"agent_version":"0.1.0","emulated":false,"temperature_mc":null,"outcome":{{"status":"done","data":{{"kind":"paired","baseline_loaded_first":true,"pairs":[{{"baseline_first":true,"baseline":{{"reference_ns":1,"samples_ns":[1,2]}},"variant":{{"reference_ns":1,"samples_ns":[3]}}}}],"reference_after_ns":1}}}}}}"#
        );
        std::fs::write(&path, format!("{line}\n")).unwrap();
        let found = read_journal(&path).unwrap();
        assert_eq!(found[0].attempt.key.setting, ExecutionSetting::of_batch(8));
        assert!(found[0].invalid.is_empty());
    }

    #[test]
    fn a_spoilt_line_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = ConfinedPath::root(folder.path()).join("j.jsonl");
        std::fs::write(&path, "{}\n").unwrap();
        let message = read_journal(&path).unwrap_err().to_string();
        assert!(message.starts_with("line 1 of journal"), "{message}");
    }
}
