//! Errors of a study and its run directory.

use crate::pipeline::PipelineError;
use std::path::{Path, PathBuf};

/// An error of a study. Messages name the file, line and key.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StudyError {
    /// A file cannot be read or written.
    #[error("{doing} {}", path.display())]
    Io {
        /// `read`, `write`, `create`.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// The file is not TOML, or has a key or a value that a study has not.
    #[error("{}:{line}: {message}{}", path.display(), hint.as_ref().map(|h| format!("; {h}")).unwrap_or_default())]
    Toml {
        /// The file.
        path: PathBuf,
        /// Counting from 1.
        line: usize,
        /// The problem.
        message: String,
        /// The key that was probably meant, or the known ones.
        hint: Option<String>,
    },
    /// A value makes no sense.
    #[error("{}: {problem}", path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// The key, what is wrong with it, and what to do.
        problem: String,
    },
    /// The study has a program run that its owner was not trusted with.
    #[error(
        "{}: `{key}` under [energy] runs a program on the machine that is measured; `--trust` allows it for people you trust", path.display()
    )]
    Untrusted {
        /// The file.
        path: PathBuf,
        /// The key.
        key: &'static str,
    },
    /// The output folder holds something else.
    #[error("{} is not empty and not a run of paring; choose another --out", .0.display())]
    NotOurs(PathBuf),
    /// The output folder holds a run of another study.
    #[error("{} holds a run with other {what}; choose another --out", path.display())]
    OtherProtocol {
        /// The folder.
        path: PathBuf,
        /// `data`, `timing rules`.
        what: &'static str,
    },
    /// The output folder holds a run whose requirements are others.
    #[error(
        "{} holds run {run_id}, whose requirements were fixed before its first result; the study now is {changes}; a changed protocol is a new run: choose another --out", path.display()
    )]
    OtherRequirements {
        /// The folder.
        path: PathBuf,
        /// The run that stands there, predecessor of the new one.
        run_id: String,
        /// The requirements that went and came.
        changes: String,
    },
    /// The output folder holds a run that an earlier version began.
    #[error(
        "{} holds a run of an earlier format, which can be compared, explained, restored and verified, but not gone on with; choose another --out", .0.display()
    )]
    FormerRun(PathBuf),
    /// There is no run.
    #[error("{} is not a run directory of paring", .0.display())]
    NoRun(PathBuf),
    /// A file of the run was changed.
    #[error("{} is damaged; choose another --out", .0.display())]
    Damaged(PathBuf),
    /// The ledger cannot be read, or was changed.
    #[error("the run's ledger")]
    Ledger(#[from] crate::ledger::LedgerError),
    /// A record of the run cannot be read.
    #[error(transparent)]
    Record(Box<PipelineError>),
    /// The ledger has no rules yet.
    #[error(
        "{} has no rules in its ledger yet: `paring compress STUDY --out` that folder fixes them without a look at the report split", .0.display()
    )]
    NoProtocol(PathBuf),
    /// Results that the gate would go by cannot be read.
    #[error("the run's results: {0}")]
    Results(String),
    /// A key has no form that can be written.
    #[error(transparent)]
    Key(paring_signing::KeyError),
    /// The clock says that the ledger was written later.
    #[error("this machine's clock says {now}, the ledger's last entry is of {last}: set the clock")]
    Clock {
        /// Time of this machine.
        now: String,
        /// Time of the ledger's last entry.
        last: String,
    },
    /// A signature cannot be made.
    #[error("sign {}", path.display())]
    Signature {
        /// The file or folder.
        path: PathBuf,
        /// The cause.
        source: paring_signing::SignatureError,
    },
    /// Another process writes the output folder.
    #[error("another paring process is working in {}; wait for it or choose another --out", .0.display())]
    Busy(PathBuf),
    /// The targets do not exist.
    #[error("the study's targets")]
    Target(#[from] paring_boards::InventoryError),
    /// The data are not where the study says.
    #[error("the study's data: no data at {}; `[data] path` is relative to the study file", .0.display())]
    NoData(PathBuf),
    /// The data do not fit.
    #[error("the study's data")]
    Data(#[from] paring_data::DataError),
    /// The splits do not fit.
    #[error("the study's splits")]
    Split(#[from] crate::evaluate::SplitError),
    /// The model cannot be used.
    #[error("the study's model")]
    Engine(#[from] paring_agent::engine::EngineError),
}

impl From<PipelineError> for StudyError {
    fn from(error: PipelineError) -> Self {
        StudyError::Record(Box::new(error))
    }
}

impl StudyError {
    /// An error at a place of the study's text, in bytes; `hint` is the key that was probably meant.
    pub(super) fn at(
        path: &Path,
        text: &str,
        offset: usize,
        message: String,
        hint: Option<String>,
    ) -> StudyError {
        let line = StudyError::line(text, offset);
        StudyError::Toml { path: path.to_path_buf(), line, message, hint }
    }

    /// The line at a place of a text, in bytes, counting from 1.
    pub(super) fn line(text: &str, offset: usize) -> usize {
        text.as_bytes().iter().take(offset).filter(|byte| **byte == b'\n').count() + 1
    }
}
