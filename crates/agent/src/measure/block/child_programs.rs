//! Programs that a block's process starts: this program again, with other arguments.

use paring_core::schema::EngineProgram;
use std::path::{Path, PathBuf};
use std::process::Command;

/// This program, and the block that its children are for.
#[derive(Debug)]
pub(crate) struct ChildPrograms {
    executable: PathBuf,
    own: Vec<String>,
    job: PathBuf,
    index: usize,
}

impl ChildPrograms {
    /// Children of the block at `index` of a job's schedule; `own` are the arguments before a command's.
    pub(crate) fn new(executable: PathBuf, own: &[&str], job: &Path, index: usize) -> Self {
        let own = own.iter().map(|word| (*word).to_string()).collect();
        ChildPrograms { executable, own, job: job.to_path_buf(), index }
    }

    /// The process that holds the baseline.
    pub(super) fn partner(&self) -> Command {
        let mut command = Command::new(&self.executable);
        command.args(&self.own).arg("partner").arg(&self.job).arg(self.index.to_string());
        command.arg(std::process::id().to_string());
        command
    }

    /// The process that becomes the program of another engine; it ends with this one.
    pub(super) fn engine(&self, program: &EngineProgram) -> Command {
        let mut command = Command::new(&self.executable);
        command.args(&self.own).arg("engine").arg(std::process::id().to_string());
        command.args(&program.command);
        command
    }
}
