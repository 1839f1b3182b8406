//! A program of this machine run on a board: it and its files go there, what it says comes as it is
//! said, and what it left in one folder comes back.
//!
//! Everything lies in one folder on the board: `program/`, `files/`, where the program runs, and
//! `results/`. Knows neither Cargo nor criterion.

use super::child::Limits;
use super::results::{pack, scratch, unpack};
use super::{Board, News, Parcel, TargetError};
use std::collections::BTreeMap;
use std::io::Seek;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What comes back is at most this much.
const MOST_RESULTS: u64 = 256 << 20;
/// And what the program says.
const MOST_OUTPUT: u64 = 1 << 30;
/// Moving results takes at most this long.
const MOVE_LIMIT: Duration = Duration::from_secs(1_800);

/// Makes the folders, throws away programs of earlier builds and the results of others.
const PREPARE: &str = r#"mkdir -p "$1/program" "$1/files" || exit; rm -rf "$1/results" || exit
mkdir "$1/results" || exit
for f in "$1"/program/*; do case "$f" in */"$2"|*/"$2".part) ;; *) rm -f -- "$f";; esac; done"#;
/// Unpacks what stands on standard input.
const UNPACK: &str = r#"exec tar -x -f - -C "$1""#;
/// Runs the program in its folder; both of its outputs come as one.
const RUN: &str = r#"cd "$1" && shift && exec env "$@" 2>&1"#;
/// Packs what it left.
const PACK: &str = r#"exec tar -c -f - -C "$1" ."#;

/// A program, and all that it needs on a board.
#[derive(Clone, Debug, Default)]
pub struct Errand {
    /// The program here.
    pub program: PathBuf,
    /// Its arguments, with paths as they are on the board.
    pub arguments: Vec<String>,
    /// Environment variables there.
    pub env: BTreeMap<String, String>,
    /// Files here, and their paths below the folder that the program runs in.
    pub files: Vec<(PathBuf, String)>,
    /// The folder here that its results come to; what is in it goes there before.
    pub results: PathBuf,
    /// The variable that tells the program where its results go.
    pub results_variable: String,
}

impl Errand {
    /// Runs it on the board, in the folder `name` among those of programs in its work folder; `heard`
    /// gets what it says. Gives its exit code, `None` where a signal ended it. Results come back
    /// however it ends. Files are sent again over another connection where one breaks; a program
    /// that was started is not started again.
    ///
    /// # Errors
    /// [`TargetError`] where the board or a file fails, and where a program of this machine is
    /// missing.
    pub fn run(
        &self,
        board: &mut Board,
        name: &str,
        heard: &mut dyn FnMut(&[u8]) -> std::io::Result<()>,
    ) -> Result<Option<i32>, TargetError> {
        let folder = board.at(&format!("runner/{name}"));
        let program = self.program.file_name().unwrap_or_default().to_string_lossy().into_owned();
        self.send(board, &folder, &program)?;
        let mut command: Vec<String> =
            ["sh", "-c", RUN, "run the program"].map(String::from).to_vec();
        command.push(format!("{folder}/files"));
        command.extend(self.env.iter().map(|(name, value)| format!("{name}={value}")));
        command.push(format!("{}=../results", self.results_variable));
        command.push(format!("../program/{program}"));
        command.extend(self.arguments.iter().cloned());
        let unbounded = Limits { time: None, output: MOST_OUTPUT, stop: None };
        let ended =
            board.once(&mut |connection, _| connection.stream(&command, &[], &unbounded, heard))?;
        self.fetch(board, &folder)?;
        Ok(ended.status.code())
    }

    fn send(&self, board: &mut Board, folder: &str, program: &str) -> Result<(), TargetError> {
        let mut parcels =
            vec![Parcel::new(&self.program, format!("{folder}/program/{program}"), true)?];
        for (source, to) in &self.files {
            parcels.push(Parcel::new(source, format!("{folder}/files/{to}"), false)?);
        }
        let limits = Limits::short();
        board.with(&mut |connection, heard| {
            let words = ["sh", "-c", PREPARE, "make folders", folder, program];
            connection.run(&words, &limits)?;
            connection.put(&parcels, &mut |done, of| heard(News::Sending(done, of)))
        })?;
        if self.results.is_dir() {
            let packed = pack(&self.results)?;
            let (limits, to) = (limits.within(MOVE_LIMIT), format!("{folder}/results"));
            let words = ["sh", "-c", UNPACK, "unpack results", &to];
            board.with(&mut |connection, _| connection.feed(&words, &packed, &limits))?;
        }
        Ok(())
    }

    fn fetch(&self, board: &mut Board, folder: &str) -> Result<(), TargetError> {
        let limits = Limits { output: MOST_RESULTS, ..Limits::short().within(MOVE_LIMIT) };
        let from = format!("{folder}/results");
        let words = ["sh", "-c", PACK, "pack results", &from];
        let mut packed = board.with(&mut |connection, _| {
            let mut packed = scratch()?;
            connection.save(&words, &limits, &mut packed)?;
            Ok(packed)
        })?;
        packed.rewind().map_err(super::transfer::file("read", &self.results))?;
        unpack(packed, &self.results, &board.target().name)
    }
}

/// All files below `path`, or `path` itself, with their paths below `to`; what is neither file nor
/// folder is left out, and so is a link, which may lead anywhere. `path` itself may be one.
///
/// # Errors
/// [`TargetError::File`] where it cannot be read.
pub fn files_below(path: &Path, to: &str) -> Result<Vec<(PathBuf, String)>, TargetError> {
    let failed = || super::transfer::file("read", path);
    let found = std::fs::metadata(path).map_err(failed())?;
    if found.is_file() {
        return Ok(vec![(path.to_path_buf(), to.to_string())]);
    }
    let mut files = Vec::new();
    if found.is_dir() {
        let mut entries: Vec<PathBuf> = std::fs::read_dir(path)
            .map_err(failed())?
            .map(|entry| entry.map(|e| e.path()))
            .collect::<Result<_, _>>()
            .map_err(failed())?;
        entries.sort();
        for entry in entries {
            let kind = std::fs::symlink_metadata(&entry).map_err(failed())?.file_type();
            if !kind.is_file() && !kind.is_dir() {
                continue;
            }
            let name = entry.file_name().unwrap_or_default().to_string_lossy().into_owned();
            files.extend(files_below(&entry, &format!("{to}/{name}"))?);
        }
    }
    Ok(files)
}
