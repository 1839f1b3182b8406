//! Files to a board: only what it does not have, in pieces at explicit offsets, under
//! another name until they have been checked there.

use super::ssh::excerpt;
use super::{Connection, Limits, TargetError};
use paring_core::schema::Sha256Hex;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Offsets on the board count in blocks of this size.
const BLOCK: u64 = 1 << 16;
/// So much goes in one command; what is lost when the link dies.
const PIECE: u64 = 16 * BLOCK;
/// A piece that takes longer than this does not move.
const PIECE_LIMIT: Duration = Duration::from_secs(600);

/// For every file its SHA-256, or `-`, and how much of it lies there unfinished.
const LOOK: &str = r#"for f do
if [ -f "$f" ]; then h=$(sha256sum < "$f") || exit; h=${h%% *}; else h=-; fi
n=0; if [ -f "$f.part" ]; then n=$(wc -c < "$f.part"); fi
echo "$h" $n
done"#;
/// One piece at an offset.
const WRITE: &str =
    r#"mkdir -p "$(dirname "$1")" && dd of="$1.part" bs=65536 seek="$2" conv=notrunc"#;
/// Accepts what arrived, or says what it is instead.
const FINISH: &str = r#"h=$(sha256sum < "$1.part") || exit; h=${h%% *}
if [ "$h" = "$2" ]; then chmod "$3" "$1.part" && sync && mv -f "$1.part" "$1"; else rm -f "$1.part"; fi
echo "$h""#;

/// A file for the board.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parcel {
    /// Where it is here.
    pub source: PathBuf,
    /// Its content.
    pub sha256: Sha256Hex,
    /// Where it goes on the board, relative to the home folder or absolute.
    pub to: String,
    /// Whether it is a program.
    pub program: bool,
}

impl Parcel {
    /// A file of this machine, hashed.
    ///
    /// # Errors
    /// [`TargetError::File`] where it cannot be read.
    pub fn new(source: &Path, to: String, program: bool) -> Result<Parcel, TargetError> {
        let sha256 = Sha256Hex::of_file(source).map_err(file("read", source))?;
        Ok(Parcel { source: source.to_path_buf(), sha256, to, program })
    }
}

/// What of a parcel is on the board.
struct Found {
    whole: bool,
    part: u64,
}

impl Connection {
    /// Sends what the board lacks of `parcels`, checked there before it counts. `heard` is told how
    /// many bytes are done and how many there are in all. Gives the number of bytes sent.
    ///
    /// # Errors
    /// [`TargetError`]; after a broken connection the same call goes on where it stopped.
    pub fn put(
        &self,
        parcels: &[Parcel],
        heard: &mut dyn FnMut(u64, u64),
    ) -> Result<u64, TargetError> {
        let found = self.look(parcels)?;
        let missing: Vec<(&Parcel, u64)> = parcels
            .iter()
            .zip(&found)
            .filter(|(_, f)| !f.whole)
            .map(|(p, f)| (p, f.part))
            .collect();
        let length = |p: &Parcel| std::fs::metadata(&p.source).map(|m| m.len());
        let mut total = 0;
        for (parcel, _) in &missing {
            total += length(parcel).map_err(file("read", &parcel.source))?;
        }
        let (mut done, mut sent) = (0, 0);
        for (parcel, part) in missing {
            let bytes = self.send(parcel, part, &mut |of_this| heard(done + of_this, total))?;
            sent += bytes;
            done += length(parcel).map_err(file("read", &parcel.source))?;
        }
        Ok(sent)
    }

    fn look(&self, parcels: &[Parcel]) -> Result<Vec<Found>, TargetError> {
        if parcels.is_empty() {
            return Ok(vec![]);
        }
        let mut arguments = vec!["sh", "-c", LOOK, "compare files"];
        let names: Vec<String> = parcels.iter().map(|parcel| plain(&parcel.to)).collect();
        arguments.extend(names.iter().map(String::as_str));
        let answer = self.run(&arguments, &Limits::short().within(PIECE_LIMIT))?;
        let garbage =
            || TargetError::Garbage { what: "compare files".into(), said: excerpt(&answer) };
        let text = std::str::from_utf8(&answer).map_err(|_| garbage())?;
        let lines: Vec<&str> = text.lines().collect();
        if lines.len() != parcels.len() {
            return Err(garbage());
        }
        let of = |(line, parcel): (&&str, &Parcel)| {
            let (hash, part) = line.split_once(' ')?;
            Some(Found { whole: hash == parcel.sha256.as_str(), part: part.trim().parse().ok()? })
        };
        lines.iter().zip(parcels).map(|both| of(both).ok_or_else(garbage)).collect()
    }

    /// Sends one file from where its part ends. A part that turns out to be of something else is
    /// sent once more from the start.
    fn send(
        &self,
        parcel: &Parcel,
        part: u64,
        heard: &mut dyn FnMut(u64),
    ) -> Result<u64, TargetError> {
        let whole = part / PIECE * PIECE;
        let (sent, arrived) = self.pieces(parcel, whole, heard)?;
        if arrived == parcel.sha256.as_str() {
            return Ok(sent);
        }
        let (again, arrived) = self.pieces(parcel, 0, heard)?;
        if arrived == parcel.sha256.as_str() {
            return Ok(sent + again);
        }
        let (path, expected) = (parcel.to.clone(), parcel.sha256.clone());
        Err(TargetError::Corrupt { path, found: arrived, expected })
    }

    /// Sends a file from an offset on and gives the bytes sent and the hash of what arrived.
    fn pieces(
        &self,
        parcel: &Parcel,
        from: u64,
        heard: &mut dyn FnMut(u64),
    ) -> Result<(u64, String), TargetError> {
        let failed = || file("read", &parcel.source);
        let mut source = File::open(&parcel.source).map_err(failed())?;
        let length = source.metadata().map_err(failed())?.len();
        let mut offset = from.min(length / PIECE * PIECE);
        source.seek(SeekFrom::Start(offset)).map_err(failed())?;
        let (to, mut sent, mut piece) = (plain(&parcel.to), 0, Vec::new());
        let limits = Limits::short().within(PIECE_LIMIT);
        loop {
            piece.clear();
            (&source).take(PIECE).read_to_end(&mut piece).map_err(failed())?;
            // An empty file is written too.
            if piece.is_empty() && offset > 0 {
                break;
            }
            let seek = (offset / BLOCK).to_string();
            self.feed(&["sh", "-c", WRITE, "write a file", &to, &seek], &piece, &limits)?;
            offset += piece.len() as u64;
            sent += piece.len() as u64;
            heard(offset);
            if (piece.len() as u64) < PIECE {
                break;
            }
        }
        let mode = if parcel.program { "755" } else { "644" };
        let arguments = ["sh", "-c", FINISH, "check a file", &to, parcel.sha256.as_str(), mode];
        let answer = self.run(&arguments, &limits)?;
        Ok((sent, String::from_utf8_lossy(&answer).trim().to_string()))
    }
}

/// A path that no program takes for an option.
pub(super) fn plain(path: &str) -> String {
    if path.starts_with('-') { format!("./{path}") } else { path.to_string() }
}

pub(super) fn file(
    doing: &'static str,
    path: &Path,
) -> impl FnOnce(std::io::Error) -> TargetError + use<> {
    let path = path.to_path_buf();
    move |source| TargetError::File { doing, path, source }
}
