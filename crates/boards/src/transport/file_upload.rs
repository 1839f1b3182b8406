//! Uploads of files to a board: only those that it lacks, in pieces at explicit offsets, under another
//! name until they have been checked there.

use super::shell_quoting::path_argument;
use super::ssh::{SshConnection, excerpt};
use super::subprocess::ProcessLimits;
use crate::TargetError;
use paring_core::schema::Sha256Hex;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Offsets on the board count in blocks of this size.
const BLOCK: u64 = 1 << 16;
/// Bytes sent by one command, which are lost when the link dies.
const PIECE: u64 = 16 * BLOCK;
/// A piece that takes longer than this does not move.
const PIECE_LIMIT: Duration = Duration::from_secs(600);

/// Prints for every file its SHA-256, or `-`, and the bytes of it that lie there unfinished.
const COMPARE: &str = r#"for f do
if [ -f "$f" ]; then h=$(sha256sum < "$f") || exit; h=${h%% *}; else h=-; fi
n=0; if [ -f "$f.part" ]; then n=$(wc -c < "$f.part"); fi
echo "$h" $n
done"#;
/// Writes a piece at an offset.
const WRITE: &str =
    r#"mkdir -p "$(dirname "$1")" && dd of="$1.part" bs=65536 seek="$2" conv=notrunc"#;
/// Moves a file into place where its hash is right, and prints the hash.
const FINISH: &str = r#"h=$(sha256sum < "$1.part") || exit; h=${h%% *}
if [ "$h" = "$2" ]; then chmod "$3" "$1.part" && sync && mv -f "$1.part" "$1"; else rm -f "$1.part"; fi
echo "$h""#;

/// A file for the board.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileUpload {
    /// The file on this machine.
    pub source: PathBuf,
    /// Its content.
    pub sha256: Sha256Hex,
    /// Its path on the board, relative to the home folder or absolute.
    pub to: String,
    /// True of a program, which becomes executable.
    pub program: bool,
}

impl FileUpload {
    /// A file of this machine, with its hash.
    ///
    /// # Errors
    /// [`TargetError::File`] where it cannot be read.
    pub fn new(source: &Path, to: String, program: bool) -> Result<FileUpload, TargetError> {
        let sha256 = Sha256Hex::of_file(source).map_err(TargetError::file("read", source))?;
        Ok(FileUpload { source: source.to_path_buf(), sha256, to, program })
    }
}

/// The part of an upload that is on the board already.
struct RemoteFileState {
    complete: bool,
    partial_bytes: u64,
}

impl SshConnection {
    /// Sends those of `uploads` that the board lacks, checked there before it counts. `on_progress`
    /// gets the bytes done and the bytes in all. Gives the number of bytes sent.
    ///
    /// # Errors
    /// [`TargetError`]; after a broken connection the same call goes on where it stopped.
    pub fn upload(
        &self,
        uploads: &[FileUpload],
        on_progress: &mut dyn FnMut(u64, u64),
    ) -> Result<u64, TargetError> {
        let states = self.remote_states(uploads)?;
        let missing: Vec<(&FileUpload, u64)> = uploads
            .iter()
            .zip(&states)
            .filter(|(_, state)| !state.complete)
            .map(|(upload, state)| (upload, state.partial_bytes))
            .collect();
        let length = |upload: &FileUpload| std::fs::metadata(&upload.source).map(|m| m.len());
        let mut total = 0;
        for (upload, _) in &missing {
            total += length(upload).map_err(TargetError::file("read", &upload.source))?;
        }
        let (mut done, mut sent) = (0, 0);
        for (upload, part) in missing {
            let bytes =
                self.send(upload, part, &mut |of_file| on_progress(done + of_file, total))?;
            sent += bytes;
            done += length(upload).map_err(TargetError::file("read", &upload.source))?;
        }
        Ok(sent)
    }

    fn remote_states(&self, uploads: &[FileUpload]) -> Result<Vec<RemoteFileState>, TargetError> {
        if uploads.is_empty() {
            return Ok(vec![]);
        }
        let mut arguments = vec!["sh", "-c", COMPARE, "compare files"];
        let names: Vec<String> = uploads.iter().map(|upload| path_argument(&upload.to)).collect();
        arguments.extend(names.iter().map(String::as_str));
        let answer = self.run(&arguments, &ProcessLimits::short().within(PIECE_LIMIT))?;
        let unexpected = || TargetError::UnexpectedAnswer {
            what: "compare files".into(),
            message: excerpt(&answer),
        };
        let text = std::str::from_utf8(&answer).map_err(|_| unexpected())?;
        let lines: Vec<&str> = text.lines().collect();
        if lines.len() != uploads.len() {
            return Err(unexpected());
        }
        let state_of = |(line, upload): (&&str, &FileUpload)| {
            let (hash, part) = line.split_once(' ')?;
            let complete = hash == upload.sha256.as_str();
            Some(RemoteFileState { complete, partial_bytes: part.trim().parse().ok()? })
        };
        lines.iter().zip(uploads).map(|both| state_of(both).ok_or_else(unexpected)).collect()
    }

    /// Sends one file from where its part ends. A part that turns out to be of something else is
    /// sent once more from the start.
    fn send(
        &self,
        upload: &FileUpload,
        part: u64,
        on_progress: &mut dyn FnMut(u64),
    ) -> Result<u64, TargetError> {
        let offset = part / PIECE * PIECE;
        let (sent, arrived) = self.send_pieces(upload, offset, on_progress)?;
        if arrived == upload.sha256.as_str() {
            return Ok(sent);
        }
        let (again, arrived) = self.send_pieces(upload, 0, on_progress)?;
        if arrived == upload.sha256.as_str() {
            return Ok(sent + again);
        }
        let (path, expected) = (upload.to.clone(), upload.sha256.clone());
        Err(TargetError::CorruptUpload { path, found: arrived, expected })
    }

    /// Sends a file from an offset on and gives the bytes sent and the hash of the file that arrived.
    fn send_pieces(
        &self,
        upload: &FileUpload,
        from: u64,
        on_progress: &mut dyn FnMut(u64),
    ) -> Result<(u64, String), TargetError> {
        let failed = || TargetError::file("read", &upload.source);
        let mut source = File::open(&upload.source).map_err(failed())?;
        let length = source.metadata().map_err(failed())?.len();
        let mut offset = from.min(length / PIECE * PIECE);
        source.seek(SeekFrom::Start(offset)).map_err(failed())?;
        let (to, mut sent, mut piece) = (path_argument(&upload.to), 0, Vec::new());
        let limits = ProcessLimits::short().within(PIECE_LIMIT);
        loop {
            piece.clear();
            (&source).take(PIECE).read_to_end(&mut piece).map_err(failed())?;
            // An empty file is written too.
            if piece.is_empty() && offset > 0 {
                break;
            }
            let seek = (offset / BLOCK).to_string();
            self.run_with_input(&["sh", "-c", WRITE, "write a file", &to, &seek], &piece, &limits)?;
            offset += piece.len() as u64;
            sent += piece.len() as u64;
            on_progress(offset);
            if (piece.len() as u64) < PIECE {
                break;
            }
        }
        let mode = if upload.program { "755" } else { "644" };
        let arguments = ["sh", "-c", FINISH, "check a file", &to, upload.sha256.as_str(), mode];
        let answer = self.run(&arguments, &limits)?;
        Ok((sent, String::from_utf8_lossy(&answer).trim().to_string()))
    }
}
