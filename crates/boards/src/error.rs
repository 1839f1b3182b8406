//! What can go wrong between the host and a board.

use paring_agent::measure::JournalError;
use paring_core::schema::Sha256Hex;
use std::path::PathBuf;
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
    Unnamed(String),
    /// The agent ended with an error.
    #[error("the agent stopped ({status}){}; the same command goes on where it stopped", if said.is_empty() { String::new() } else { format!(": {said}") })]
    Stopped {
        /// How it ended.
        status: String,
        /// What it said.
        said: String,
    },
    /// The agent said something that is no answer.
    #[error("the agent's answer is unreadable")]
    Answer(#[source] serde_json::Error),
    /// A program of this machine is needed and cannot be run.
    #[error("{doing}: run `{program}`")]
    Tool {
        /// The program.
        program: String,
        /// What for.
        doing: String,
        /// The cause.
        source: std::io::Error,
    },
    /// The board cannot be reached, or will not have us.
    #[error("reach `{destination}`: {said}{}", hint.map(|h| format!("; {h}")).unwrap_or_default())]
    Unreachable {
        /// Where it should be.
        destination: String,
        /// What ssh said.
        said: String,
        /// What to do.
        hint: Option<&'static str>,
        /// Whether trying again may help.
        passing: bool,
    },
    /// The connection broke.
    #[error("the connection to `{destination}` broke{}", if said.is_empty() { String::new() } else { format!(": {said}") })]
    Broken {
        /// The board.
        destination: String,
        /// What ssh said.
        said: String,
    },
    /// A command on the board failed.
    #[error("{what} ended with {status}{}", if said.is_empty() { String::new() } else { format!(": {said}") })]
    Failed {
        /// The command.
        what: String,
        /// How it ended.
        status: String,
        /// What it said.
        said: String,
    },
    /// No answer in time.
    #[error("{what}: no answer within {} s", limit.as_secs_f64())]
    Slow {
        /// What was asked.
        what: String,
        /// The limit.
        limit: Duration,
    },
    /// An answer without end.
    #[error("{what}{}: the answer is longer than {limit} bytes; cut off", board.as_ref().map(|b| format!(" on `{b}`")).unwrap_or_default())]
    Flood {
        /// What was asked.
        what: String,
        /// The board, where it is known by a name.
        board: Option<String>,
        /// The limit.
        limit: u64,
    },
    /// A board gave what is not taken from one.
    #[error("the answer of `{board}` {problem}")]
    Refused {
        /// The board.
        board: String,
        /// What is wrong with it.
        problem: String,
    },
    /// An answer that is none.
    #[error("{what}: the answer is not understood: `{said}`")]
    Garbage {
        /// What was asked.
        what: String,
        /// The beginning of the answer.
        said: String,
    },
    /// The login shell talks before it does what it is told.
    #[error(
        "the login shell of `{destination}` prints `{said}` before every command; silence it where it is not interactive (in ~/.bashrc, say)"
    )]
    Chatter {
        /// The board.
        destination: String,
        /// What it prints.
        said: String,
    },
    /// What came over the line cannot be kept here.
    #[error("{what}: keep the answer")]
    Keep {
        /// What was asked.
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
    Corrupt {
        /// The file on the receiving side.
        path: String,
        /// What arrived.
        found: String,
        /// What was sent.
        expected: Sha256Hex,
    },
    /// A zero byte, which no argument can hold.
    #[error("an argument of a remote command holds a zero byte: `{0}`")]
    ZeroByte(String),
    /// Somebody else measures there.
    #[error("{0}; it was waited for long enough")]
    Held(String),
    /// There is no agent for a board.
    #[error(
        "no agent for {triple} in {folders}, and {problem}; run `scripts/cross-build {triple}` in the sources, or unpack the agents of a release beside `paring`"
    )]
    NoAgent {
        /// What it would be compiled for.
        triple: String,
        /// Where it was looked for.
        folders: String,
        /// Why it was not built.
        problem: String,
    },
    /// A board is needed.
    #[error("this machine is no board")]
    NoBoard,
    /// A farm does not give what is asked for.
    #[error("labgrid, {asked}: {said}")]
    Farm {
        /// What.
        asked: String,
        /// What `labgrid-client` said.
        said: String,
    },
    /// A machine of a kind for which there is no profile.
    #[error("no profile fits a machine that calls itself `{0}`")]
    Unknown(String),
    /// An agent is not what was built.
    #[error("{} has SHA-256 {found}, the file beside it says {expected}; build or unpack it again", path.display())]
    SpoiltAgent {
        /// The agent.
        path: PathBuf,
        /// What it has.
        found: Sha256Hex,
        /// What it should have.
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
    /// The error with the name of the board that it is about.
    pub(super) fn of_board(self, name: &str) -> Self {
        match self {
            TargetError::Flood { what, board: None, limit } => {
                TargetError::Flood { what, board: Some(name.to_string()), limit }
            }
            other => other,
        }
    }

    /// Whether the same may succeed a little later over another connection.
    pub fn passes(&self) -> bool {
        match self {
            TargetError::Unreachable { passing, .. } => *passing,
            TargetError::Broken { .. } | TargetError::Slow { .. } => true,
            _ => false,
        }
    }
}
