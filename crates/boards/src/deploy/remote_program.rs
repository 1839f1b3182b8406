//! A program of this machine run on a board: it and its files go there, its output comes as it is written,
//! and the results that it left in one folder come back.
//!
//! Everything lies in one folder on the board: `program/`, `files/`, where the program runs, and
//! `results/`. Knows neither Cargo nor criterion.

use super::board::{Board, TargetEvent};
use super::result_archive::{pack, temporary_file, unpack};
use crate::TargetError;
use crate::transport::{FileUpload, ProcessLimits};
use std::collections::BTreeMap;
use std::io::Seek;
use std::path::PathBuf;
use std::time::Duration;

/// Bytes of results that come back, at most.
const MOST_RESULTS: u64 = 256 << 20;
/// Bytes of the program's output, at most.
const MOST_OUTPUT: u64 = 1 << 30;
/// Limit on moving results.
const MOVE_LIMIT: Duration = Duration::from_secs(1_800);

/// Makes the folders, throws away programs of earlier builds and the results of others.
const PREPARE: &str = r#"mkdir -p "$1/program" "$1/files" || exit; rm -rf "$1/results" || exit
mkdir "$1/results" || exit
for f in "$1"/program/*; do case "$f" in */"$2"|*/"$2".part) ;; *) rm -f -- "$f";; esac; done"#;
/// Unpacks standard input.
const UNPACK: &str = r#"exec tar -x -f - -C "$1""#;
/// Runs the program in its folder; both of its outputs come as one.
const RUN: &str = r#"cd "$1" && shift && exec env "$@" 2>&1"#;
/// Packs its results.
const PACK: &str = r#"exec tar -c -f - -C "$1" ."#;

/// A program, and all that it needs on a board.
#[derive(Clone, Debug, Default)]
pub struct RemoteProgram {
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

impl RemoteProgram {
    /// Runs it on the board, in the folder `name` among those of programs in its work folder; `on_output`
    /// gets its output. Gives its exit code, `None` where a signal ended it. Results come back
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
        on_output: &mut dyn FnMut(&[u8]) -> std::io::Result<()>,
    ) -> Result<Option<i32>, TargetError> {
        let folder = board.work_path(&format!("runner/{name}"));
        let program = self.program.file_name().unwrap_or_default().to_string_lossy().into_owned();
        self.send(board, &folder, &program)?;
        let mut command: Vec<String> =
            ["sh", "-c", RUN, "run the program"].map(String::from).to_vec();
        command.push(format!("{folder}/files"));
        command.extend(self.env.iter().map(|(name, value)| format!("{name}={value}")));
        command.push(format!("{}=../results", self.results_variable));
        command.push(format!("../program/{program}"));
        command.extend(self.arguments.iter().cloned());
        let unbounded = ProcessLimits { time: None, output: MOST_OUTPUT, stop: None };
        let ended = board.without_retry(&mut |connection, _| {
            connection.stream(&command, &[], &unbounded, on_output)
        })?;
        self.fetch(board, &folder)?;
        Ok(ended.status.code())
    }

    fn send(&self, board: &mut Board, folder: &str, program: &str) -> Result<(), TargetError> {
        let mut uploads =
            vec![FileUpload::new(&self.program, format!("{folder}/program/{program}"), true)?];
        for (source, to) in &self.files {
            uploads.push(FileUpload::new(source, format!("{folder}/files/{to}"), false)?);
        }
        let limits = ProcessLimits::short();
        board.with_connection(&mut |connection, on_event| {
            let words = ["sh", "-c", PREPARE, "make folders", folder, program];
            connection.run(&words, &limits)?;
            connection.upload(&uploads, &mut |done, of| on_event(TargetEvent::Uploading(done, of)))
        })?;
        if self.results.is_dir() {
            let packed = pack(&self.results)?;
            let (limits, to) = (limits.within(MOVE_LIMIT), format!("{folder}/results"));
            let words = ["sh", "-c", UNPACK, "unpack results", &to];
            board.with_connection(&mut |connection, _| {
                connection.run_with_input(&words, &packed, &limits)
            })?;
        }
        Ok(())
    }

    fn fetch(&self, board: &mut Board, folder: &str) -> Result<(), TargetError> {
        let limits =
            ProcessLimits { output: MOST_RESULTS, ..ProcessLimits::short().within(MOVE_LIMIT) };
        let from = format!("{folder}/results");
        let words = ["sh", "-c", PACK, "pack results", &from];
        let mut packed = board.with_connection(&mut |connection, _| {
            let mut packed = temporary_file()?;
            connection.run_into(&words, &limits, &mut packed)?;
            Ok(packed)
        })?;
        packed.rewind().map_err(TargetError::file("read", &self.results))?;
        unpack(packed, &self.results, &board.target().name)
    }
}
