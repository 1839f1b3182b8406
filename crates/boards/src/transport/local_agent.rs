//! The agent on this machine: another process of this very program.

use crate::TargetError;
use paring_agent::measure::JobProgress;
use paring_core::schema::{MachineRoofline, NodeProfile, TargetEnvironment};
use serde::de::DeserializeOwned;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

/// The agent of this machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct LocalAgent;

impl LocalAgent {
    /// The environment of this machine; power sensors are those under `sysfs_root`, where one is given.
    ///
    /// # Errors
    /// [`TargetError`] where the agent does not answer.
    pub fn probe(self, sysfs_root: Option<&Path>) -> Result<TargetEnvironment, TargetError> {
        let mut arguments: Vec<&Path> = vec!["probe".as_ref()];
        arguments.extend(sysfs_root.iter().flat_map(|root| ["--sysfs-root".as_ref(), *root]));
        Self::ask(&arguments)
    }

    /// The peak rates of this machine.
    ///
    /// # Errors
    /// [`TargetError`] where the agent does not answer.
    pub fn peaks(self) -> Result<MachineRoofline, TargetError> {
        Self::ask(&["peaks".as_ref()])
    }

    /// Times of the nodes of the model at position `model` of a job.
    ///
    /// # Errors
    /// [`TargetError`] where the agent cannot run the model.
    pub fn nodes(self, job: &Path, model: usize, batch: usize) -> Result<NodeProfile, TargetError> {
        let (model, batch) = (model.to_string(), batch.to_string());
        Self::ask(&["nodes".as_ref(), job, model.as_ref(), batch.as_ref()])
    }

    fn ask<T: DeserializeOwned>(arguments: &[&Path]) -> Result<T, TargetError> {
        let mut answer = String::new();
        Self::run_agent(arguments, &mut |line| answer = line.to_string())?;
        serde_json::from_str(&answer).map_err(TargetError::Answer)
    }

    /// Measures what the journal lacks of a job. The agent ends when this process does.
    ///
    /// # Errors
    /// [`TargetError`] says how it ended.
    pub fn run(
        self,
        job: &Path,
        journal: &Path,
        on_progress: &mut dyn FnMut(JobProgress),
    ) -> Result<(), TargetError> {
        let own_id = std::process::id();
        let own_id_text = own_id.to_string();
        let mut arguments: Vec<&Path> = vec!["run".as_ref(), job, journal];
        // With process 1 the kernel ends every other.
        if own_id > 1 {
            arguments.extend(["--follow".as_ref(), Path::new(&own_id_text)]);
        }
        Self::run_agent(&arguments, &mut |line| {
            if let Ok(progress) = serde_json::from_str(line) {
                on_progress(progress);
            }
        })
    }

    fn run_agent(arguments: &[&Path], on_line: &mut dyn FnMut(&str)) -> Result<(), TargetError> {
        let program = std::env::current_exe().map_err(TargetError::Start)?;
        let mut child = Command::new(program)
            .arg("agent")
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(TargetError::Start)?;
        if let Some(out) = child.stdout.take() {
            BufReader::new(out).lines().map_while(Result::ok).for_each(|line| on_line(&line));
        }
        let ended = child.wait_with_output().map_err(TargetError::Start)?;
        if ended.status.success() {
            return Ok(());
        }
        let message = String::from_utf8_lossy(&ended.stderr).trim().to_string();
        Err(TargetError::Stopped { status: ended.status.to_string(), message })
    }
}
