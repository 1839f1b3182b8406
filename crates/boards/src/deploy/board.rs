//! A board and the agent on it: connected again where the link dies, sent the files that it lacks, asked.

use super::agent_file::{AgentFile, agent_file};
use crate::TargetError;
use crate::interrupt::pause;
use crate::inventory::Target;
use crate::transport::{
    FileUpload, ProcessLimits, SshAddress, SshConnection, excerpt, path_argument,
};
use paring_agent::measure::JobProgress;
use paring_core::schema::{MachineRoofline, NodeProfile, Sha256Hex, TargetEnvironment};
use std::io::Write;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

/// A board that was there is waited for this long: a reboot, a walk to the router.
const PATIENCE: Duration = Duration::from_secs(600);
/// One that was not yet is tried for this long: longer than one attempt to connect may take.
const FIRST_PATIENCE: Duration = Duration::from_secs(15);
/// One that was connected once, but has done nothing yet: a bad link, or a shell that ends at once.
const BROKEN_PATIENCE: Duration = Duration::from_secs(120);
const LONGEST_PAUSE: Duration = Duration::from_secs(15);
/// Models that take longer to be loaded, warmed up and timed node by node have no layers.
const LONGEST_PROFILE: Duration = Duration::from_secs(900);

/// Something that happens on a target, for a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TargetEvent {
    /// Files are uploaded: bytes done, bytes in all.
    Uploading(u64, u64),
    /// Blocks are measured.
    Measured(JobProgress),
    /// Something is waited for, or out of the ordinary.
    Note(String),
}

/// An operation over a connection.
type SshOperation<'a, T> =
    dyn FnMut(&SshConnection, &mut dyn FnMut(TargetEvent)) -> Result<T, TargetError> + 'a;

/// A board. Jobs on it are in `remote_job.rs`, predictions in `remote_prediction.rs`, times of nodes in
/// `node_profiling.rs`.
pub struct Board<'a> {
    target: Target,
    address: SshAddress,
    /// The agent and its hash, which is its name on the board; once something asked for it.
    agent: Option<(AgentFile, Sha256Hex)>,
    connection: Option<SshConnection>,
    stop: Option<&'static AtomicBool>,
    patience: Duration,
    on_event: &'a mut dyn FnMut(TargetEvent),
}

impl<'a> Board<'a> {
    /// A board at an address, not connected yet. Operations end early when `stop` becomes true.
    pub fn new(
        target: Target,
        address: SshAddress,
        stop: Option<&'static AtomicBool>,
        on_event: &'a mut dyn FnMut(TargetEvent),
    ) -> Board<'a> {
        let (agent, connection, patience) = (None, None, FIRST_PATIENCE);
        Board { target, address, agent, connection, stop, patience, on_event }
    }

    /// The agent for this board and its hash: found, or built, when it is first asked for.
    fn agent(&mut self) -> Result<(AgentFile, Sha256Hex), TargetError> {
        if let Some(known) = &self.agent {
            return Ok(known.clone());
        }
        let triple = self.target.profile.triple.clone().unwrap_or_default();
        let file =
            agent_file(&triple, &mut |note| self.report(TargetEvent::Note(note.to_string())))?;
        let sha256 =
            Sha256Hex::of_file(&file.path).map_err(TargetError::file("read", &file.path))?;
        Ok(self.agent.insert((file, sha256)).clone())
    }

    /// Reports an event to whoever listens.
    pub(super) fn report(&mut self, event: TargetEvent) {
        (self.on_event)(event);
    }

    /// A path in the work folder.
    pub(super) fn work_path(&self, path: &str) -> String {
        format!("{}/{path}", path_argument(&self.target.profile.work))
    }

    /// The path on the board of a file of this content.
    pub(super) fn blob_path(&self, sha256: &Sha256Hex) -> String {
        self.work_path(&format!("blobs/{sha256}"))
    }

    /// Performs an operation over the connection; over another one where it breaks.
    ///
    /// # Errors
    /// Those that trying again does not mend, and others when patience is at its end.
    pub(super) fn with_connection<T>(
        &mut self,
        operation: &mut SshOperation<T>,
    ) -> Result<T, TargetError> {
        let start = Instant::now();
        let mut wait = Duration::from_secs(1);
        loop {
            let connection = match self.connection.take() {
                Some(connection) => Ok(connection),
                None => SshConnection::open(&self.address, self.stop),
            };
            let outcome = connection.and_then(|connection| {
                let done = operation(&connection, self.on_event);
                if !matches!(&done, Err(error) if error.is_transient()) {
                    self.connection = Some(connection);
                }
                done
            });
            match outcome {
                Err(error)
                    if error.is_transient() && start.elapsed() < self.patience_after(&error) =>
                {
                    let note = format!("{error}; trying again in {} s", wait.as_secs());
                    self.report(TargetEvent::Note(note));
                    pause(wait, self.stop)?;
                    wait = (wait * 2).min(LONGEST_PAUSE);
                }
                Ok(done) => {
                    self.patience = PATIENCE;
                    return Ok(done);
                }
                Err(error) => return Err(error.of_board(&self.target.name)),
            }
        }
    }

    /// The time to go on trying: a board whose connection broke is there.
    fn patience_after(&mut self, error: &TargetError) -> Duration {
        if matches!(error, TargetError::Broken { .. }) {
            self.patience = self.patience.max(BROKEN_PATIENCE);
        }
        self.patience
    }

    /// Performs an operation that must not be repeated: where the connection breaks in the middle, it has
    /// failed.
    ///
    /// # Errors
    /// Those of the operation; also that nobody answers.
    pub(super) fn without_retry<T>(
        &mut self,
        operation: &mut SshOperation<T>,
    ) -> Result<T, TargetError> {
        self.with_connection(&mut |connection, _| {
            connection.run(&["true"], &ProcessLimits::short())
        })?;
        let Some(connection) = self.connection.take() else {
            let destination = self.address.destination.clone();
            return Err(TargetError::Broken { destination, message: String::new() });
        };
        let done = operation(&connection, self.on_event);
        if !matches!(&done, Err(error) if error.is_transient()) {
            self.connection = Some(connection);
        }
        done.map_err(|error| error.of_board(&self.target.name))
    }

    /// Sends the files that the board lacks: the agent, and those of `uploads`. Gives the bytes that
    /// went out.
    ///
    /// # Errors
    /// [`TargetError`] says what failed.
    pub fn deploy(&mut self, uploads: &[FileUpload]) -> Result<u64, TargetError> {
        let (file, sha256) = self.agent()?;
        let to = self.blob_path(&sha256);
        let agent = FileUpload { source: file.path, sha256, to, program: true };
        let mut all = vec![agent];
        for upload in uploads {
            if all.iter().all(|other| other.to != upload.to) {
                all.push(upload.clone());
            }
        }
        let mut sent = 0;
        self.with_connection(&mut |connection, on_event| {
            let bytes = connection
                .upload(&all, &mut |done, of| on_event(TargetEvent::Uploading(done, of)))?;
            sent += bytes;
            Ok(())
        })?;
        Ok(sent)
    }

    /// Runs the agent with `arguments`, and gives its standard output.
    ///
    /// # Errors
    /// [`TargetError`], also where the agent ends with an error.
    pub fn ask(
        &mut self,
        arguments: &[&str],
        limits: &ProcessLimits,
    ) -> Result<Vec<u8>, TargetError> {
        let (agent, sha256) = self.agent()?;
        let mut all: Vec<String> = Vec::new();
        if !self.target.env.is_empty() {
            all.push("env".into());
            all.extend(self.target.env.iter().map(|(name, value)| format!("{name}={value}")));
        }
        all.push(self.blob_path(&sha256));
        all.extend(agent.leading_arguments.iter().map(ToString::to_string));
        all.extend(arguments.iter().map(ToString::to_string));
        let verb = arguments.first().copied().unwrap_or_default();
        let what = format!("`paring-agent {verb}`");
        self.with_connection(&mut |connection, _| connection.run(&all, limits)).map_err(|error| {
            match error {
                TargetError::Failed { status, message, .. } => {
                    TargetError::Failed { what, status, message }
                }
                TargetError::AnswerTooLong { board, limit, .. } => {
                    TargetError::AnswerTooLong { what, board, limit }
                }
                other => other,
            }
        })
    }

    /// The environment of the board; power sensors are those under `sysfs_root`, where one is given. The
    /// agent has to be there.
    ///
    /// # Errors
    /// [`TargetError`] where it does not answer.
    pub fn probe(&mut self, sysfs_root: Option<&Path>) -> Result<TargetEnvironment, TargetError> {
        let root = sysfs_root.map(Path::to_string_lossy);
        let mut words = vec!["probe"];
        words.extend(root.iter().flat_map(|root| ["--sysfs-root", root]));
        let answer = self.ask(&words, &ProcessLimits::short())?;
        let environment: TargetEnvironment = read_answer("probe", &answer)?;
        Ok(TargetEnvironment {
            emulated: environment.emulated || self.target.emulated,
            ..environment
        })
    }

    /// The peak rates of the board. The agent has to be there.
    ///
    /// # Errors
    /// [`TargetError`] where it does not answer.
    pub fn peaks(&mut self) -> Result<MachineRoofline, TargetError> {
        let answer = self.ask(&["peaks"], &ProcessLimits::short().within(LONGEST_PROFILE))?;
        read_answer("peaks", &answer)
    }

    /// Times of the nodes of the model at position `model` of a job that was laid out at `job`.
    ///
    /// # Errors
    /// [`TargetError`] where the agent cannot run the model.
    pub fn nodes(
        &mut self,
        job: &str,
        model: usize,
        batch: usize,
    ) -> Result<NodeProfile, TargetError> {
        let (model, batch) = (model.to_string(), batch.to_string());
        let limits =
            ProcessLimits { output: 64 << 20, ..ProcessLimits::short().within(LONGEST_PROFILE) };
        let answer = self.ask(&["nodes", job, &model, &batch], &limits)?;
        read_answer("nodes", &answer)
    }

    /// The agent's own words about its version, hash and sources.
    ///
    /// # Errors
    /// [`TargetError`] where it does not run: because the board is of another kind, say.
    pub fn version(&mut self) -> Result<String, TargetError> {
        let answer = self.ask(&["version"], &ProcessLimits::short())?;
        Ok(String::from_utf8_lossy(&answer).trim().to_string())
    }

    /// The target.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// Keeps interrupts from ending operations early from now on.
    pub(super) fn ignore_interrupts(&mut self) {
        self.stop = None;
        self.connection = None;
    }

    /// The flag that ends operations early.
    pub(super) fn stop(&self) -> Option<&'static AtomicBool> {
        self.stop
    }

    /// Bytes for the board as a file that is called by their hash, and the temporary file here, which
    /// has to live until it is sent.
    pub(super) fn upload_of_bytes(
        &self,
        bytes: &[u8],
        sha256: &Sha256Hex,
    ) -> Result<(tempfile::NamedTempFile, FileUpload), TargetError> {
        let failed =
            |source| TargetError::File { doing: "write", path: "the question".into(), source };
        let mut file = tempfile::NamedTempFile::new().map_err(failed)?;
        file.write_all(bytes).map_err(failed)?;
        let upload = self.upload_of_file(file.path(), sha256);
        Ok((file, upload))
    }

    /// A file of this machine for the board, where it is called by its hash.
    pub(super) fn upload_of_file(&self, source: &Path, sha256: &Sha256Hex) -> FileUpload {
        let (source, sha256, to) = (source.to_path_buf(), sha256.clone(), self.blob_path(sha256));
        FileUpload { source, sha256, to, program: false }
    }
}

/// Reads an agent's answer.
pub(super) fn read_answer<T: serde::de::DeserializeOwned>(
    verb: &str,
    answer: &[u8],
) -> Result<T, TargetError> {
    serde_json::from_slice(answer).map_err(|_| TargetError::UnexpectedAnswer {
        what: format!("`paring-agent {verb}`"),
        message: excerpt(answer),
    })
}
