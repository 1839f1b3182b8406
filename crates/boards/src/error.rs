//! Errors between this machine and a target.

use paring_agent::measure::JournalError;
use paring_core::schema::Sha256Hex;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// An error of a target. Messages name the board or the file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TargetError {
    /// The agent's process cannot be started or heard.
    #[error("start the agent")]
    Start(#[source] std::io::Error),
    /// A step measures on a machine that the study does not name.
    #[error("`on = \"{0}\"`: the study has no such target; name it under [[target]]")]
    UnknownStudyTarget(String),
    /// The agent ended with an error.
    #[error("the agent stopped ({status}){}; the same command goes on where it stopped", if message.is_empty() { String::new() } else { format!(": {message}") })]
    Stopped {
        /// Its exit status.
        status: String,
        /// Its words.
        message: String,
    },
    /// The agent said something that is no answer.
    #[error("the agent's answer is unreadable")]
    Answer(#[source] serde_json::Error),
    /// A program of this machine is needed and cannot be run.
    #[error("{doing}: run `{program}`")]
    RunProgram {
        /// The program.
        program: String,
        /// The purpose.
        doing: String,
        /// The cause.
        source: std::io::Error,
    },
    /// The board cannot be reached, or will not have us.
    #[error("reach `{destination}`: {message}{}", hint.as_ref().map(|h| format!("; {h}")).unwrap_or_default())]
    Unreachable {
        /// Its address.
        destination: String,
        /// The words of ssh.
        message: String,
        /// The remedy.
        hint: Option<String>,
        /// True where trying again may help.
        transient: bool,
    },
    /// The connection broke.
    #[error("the connection to `{destination}` broke{}", if message.is_empty() { String::new() } else { format!(": {message}") })]
    Broken {
        /// The board.
        destination: String,
        /// The words of ssh.
        message: String,
    },
    /// A command on the board failed.
    #[error("{what} ended with {status}{}", if message.is_empty() { String::new() } else { format!(": {message}") })]
    Failed {
        /// The command.
        what: String,
        /// Its exit status.
        status: String,
        /// Its words.
        message: String,
    },
    /// No answer in time.
    #[error("{what}: no answer within {} s", limit.as_secs_f64())]
    TimedOut {
        /// The question.
        what: String,
        /// The limit.
        limit: Duration,
    },
    /// An answer without end.
    #[error("{what}{}: the answer is longer than {limit} bytes; cut off", board.as_ref().map(|b| format!(" on `{b}`")).unwrap_or_default())]
    AnswerTooLong {
        /// The question.
        what: String,
        /// The board, where it is known by a name.
        board: Option<String>,
        /// The limit.
        limit: u64,
    },
    /// A board gave what is not taken from one.
    #[error("the answer of `{board}` {problem}")]
    AnswerRefused {
        /// The board.
        board: String,
        /// A predicate: the problem with the answer.
        problem: String,
    },
    /// An answer that is none.
    #[error("{what}: the answer is not understood: `{message}`")]
    UnexpectedAnswer {
        /// The question.
        what: String,
        /// The beginning of the answer.
        message: String,
    },
    /// The login shell talks before it does what it is told.
    #[error(
        "the login shell of `{destination}` prints `{message}` before every command; silence it where it is not interactive (in ~/.bashrc, say)"
    )]
    ShellChatter {
        /// The board.
        destination: String,
        /// The beginning of its output.
        message: String,
    },
    /// An answer cannot be stored on this machine.
    #[error("{what}: keep the answer")]
    StoreAnswer {
        /// The question.
        what: String,
        /// The cause.
        source: std::io::Error,
    },
    /// A file here cannot be used.
    #[error("{doing} {}", path.display())]
    File {
        /// `read`, `write`.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// A file did not arrive as it was.
    #[error("{path} arrived with SHA-256 {found} instead of {expected}")]
    CorruptUpload {
        /// The file on the receiving side.
        path: String,
        /// The hash of the bytes that arrived.
        found: String,
        /// The hash of the bytes that were sent.
        expected: Sha256Hex,
    },
    /// A zero byte, which no argument can hold.
    #[error("an argument of a remote command holds a zero byte: `{0}`")]
    NulByte(String),
    /// Somebody else measures there.
    #[error("{0}; it was waited for long enough")]
    BoardInUse(String),
    /// There is no agent for a board.
    #[error(
        "no agent for {triple} in {folders}, and {problem}; run `scripts/cross-build {triple}` in the sources, or unpack the agents of a release beside `paring`"
    )]
    NoAgent {
        /// Its target triple.
        triple: String,
        /// The folders searched.
        folders: String,
        /// The reason that it was not built.
        problem: String,
    },
    /// A board is needed.
    #[error("this machine is no board")]
    NoBoard,
    /// A farm does not give what is asked for.
    #[error("labgrid, {command}: {message}")]
    Labgrid {
        /// The labgrid command.
        command: String,
        /// The words of `labgrid-client`.
        message: String,
    },
    /// A machine of a kind for which there is no profile.
    #[error("no profile fits a machine that calls itself `{0}`")]
    UnknownBoard(String),
    /// An agent is not what was built.
    #[error("{} has SHA-256 {found}, the file beside it says {expected}; build or unpack it again", path.display())]
    AgentHashMismatch {
        /// The agent.
        path: PathBuf,
        /// Its hash.
        found: Sha256Hex,
        /// The hash beside it.
        expected: String,
    },
    /// The journal here cannot be used.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// Somebody wants it to end.
    #[error("interrupted")]
    Interrupted,
}

impl TargetError {
    /// Wraps an input/output error of a file of this machine. `doing` is a verb: `read`, `write`.
    pub(crate) fn file(
        doing: &'static str,
        path: &Path,
    ) -> impl FnOnce(std::io::Error) -> TargetError + use<> {
        let path = path.to_path_buf();
        move |source| TargetError::File { doing, path, source }
    }

    /// The error with the name of the board that it is about.
    pub(crate) fn of_board(self, name: &str) -> Self {
        match self {
            TargetError::AnswerTooLong { what, board: None, limit } => {
                TargetError::AnswerTooLong { what, board: Some(name.to_string()), limit }
            }
            other => other,
        }
    }

    /// True where the same may succeed a little later over another connection.
    pub fn is_transient(&self) -> bool {
        match self {
            TargetError::Unreachable { transient, .. } => *transient,
            TargetError::Broken { .. } | TargetError::TimedOut { .. } => true,
            _ => false,
        }
    }
}
