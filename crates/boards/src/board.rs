//! A board and the agent on it: connected again where the link dies, given what it lacks, asked.

use super::agents::{AgentFile, agent_file};
use super::interrupt::pause;
use super::ssh::excerpt;
use super::transfer::plain;
use super::{Address, Connection, Limits, Parcel, Target, TargetError};
use paring_agent::measure::JobProgress;
use paring_core::schema::{MachineRoofline, NodeProfile, Sha256Hex, TargetEnvironment};
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

/// What a board is doing, for a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// Files are sent: bytes done, bytes in all.
    Sending(u64, u64),
    /// Blocks are measured.
    Measured(JobProgress),
    /// Something is waited for, or out of the ordinary.
    Note(String),
}

/// What is done over a connection.
type Act<'a, T> = dyn FnMut(&Connection, &mut dyn FnMut(News)) -> Result<T, TargetError> + 'a;

/// A board.
pub struct Board<'a> {
    target: Target,
    address: Address,
    /// The agent and its hash, which is its name on the board; once something asked for it.
    agent: Option<(AgentFile, Sha256Hex)>,
    connection: Option<Connection>,
    stop: Option<&'static AtomicBool>,
    patience: Duration,
    heard: &'a mut dyn FnMut(News),
}

impl<'a> Board<'a> {
    /// A board at an address, not connected yet. What it does ends early when `stop` becomes true.
    pub fn new(
        target: Target,
        address: Address,
        stop: Option<&'static AtomicBool>,
        heard: &'a mut dyn FnMut(News),
    ) -> Board<'a> {
        let (agent, connection, patience) = (None, None, FIRST_PATIENCE);
        Board { target, address, agent, connection, stop, patience, heard }
    }

    /// The agent for this board and its hash: found, or built, when it is first asked for.
    fn agent(&mut self) -> Result<(AgentFile, Sha256Hex), TargetError> {
        if let Some(known) = &self.agent {
            return Ok(known.clone());
        }
        let triple = self.target.profile.triple.clone().unwrap_or_default();
        let file = agent_file(&triple, &mut |note| self.tell(News::Note(note.to_string())))?;
        let sha256 =
            Sha256Hex::of_file(&file.path).map_err(super::transfer::file("read", &file.path))?;
        Ok(self.agent.insert((file, sha256)).clone())
    }

    /// Tells whoever listens.
    pub(super) fn tell(&mut self, news: News) {
        (self.heard)(news);
    }

    /// A path in the work folder.
    pub(super) fn at(&self, path: &str) -> String {
        format!("{}/{path}", plain(&self.target.profile.work))
    }

    /// Where a file of this content lies on the board.
    pub(super) fn blob(&self, sha256: &Sha256Hex) -> String {
        self.at(&format!("blobs/{sha256}"))
    }

    /// Does something over the connection; over another one where it breaks.
    ///
    /// # Errors
    /// What does not pass, and what does when patience is at its end.
    pub(super) fn with<T>(&mut self, act: &mut Act<T>) -> Result<T, TargetError> {
        let begun = Instant::now();
        let mut wait = Duration::from_secs(1);
        loop {
            let connection = match self.connection.take() {
                Some(connection) => Ok(connection),
                None => Connection::open(&self.address, self.stop),
            };
            let outcome = connection.and_then(|connection| {
                let done = act(&connection, self.heard);
                if !matches!(&done, Err(error) if error.passes()) {
                    self.connection = Some(connection);
                }
                done
            });
            match outcome {
                Err(error) if error.passes() && begun.elapsed() < self.patience_after(&error) => {
                    let note = format!("{error}; trying again in {} s", wait.as_secs());
                    self.tell(News::Note(note));
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

    /// For how long to go on trying: a board whose connection broke is there.
    fn patience_after(&mut self, error: &TargetError) -> Duration {
        if matches!(error, TargetError::Broken { .. }) {
            self.patience = self.patience.max(BROKEN_PATIENCE);
        }
        self.patience
    }

    /// Does something over the connection that must not be done twice: where the connection breaks
    /// in the middle, it has failed.
    ///
    /// # Errors
    /// What does not pass; also that nobody answers.
    pub(super) fn once<T>(&mut self, act: &mut Act<T>) -> Result<T, TargetError> {
        self.with(&mut |connection, _| connection.run(&["true"], &Limits::short()))?;
        let Some(connection) = self.connection.take() else {
            let destination = self.address.destination.clone();
            return Err(TargetError::Broken { destination, said: String::new() });
        };
        let done = act(&connection, self.heard);
        if !matches!(&done, Err(error) if error.passes()) {
            self.connection = Some(connection);
        }
        done.map_err(|error| error.of_board(&self.target.name))
    }

    /// Sends what the board lacks of the agent and of `parcels`. Gives the bytes that went out.
    ///
    /// # Errors
    /// [`TargetError`] says what failed.
    pub fn deploy(&mut self, parcels: &[Parcel]) -> Result<u64, TargetError> {
        let (file, sha256) = self.agent()?;
        let to = self.blob(&sha256);
        let agent = Parcel { source: file.path, sha256, to, program: true };
        let mut all = vec![agent];
        for parcel in parcels {
            if all.iter().all(|other| other.to != parcel.to) {
                all.push(parcel.clone());
            }
        }
        let mut sent = 0;
        self.with(&mut |connection, heard| {
            let bytes = connection.put(&all, &mut |done, of| heard(News::Sending(done, of)))?;
            sent += bytes;
            Ok(())
        })?;
        Ok(sent)
    }

    /// Runs the agent with `arguments`, and gives what it says.
    ///
    /// # Errors
    /// [`TargetError`], also where the agent ends with an error.
    pub fn ask(&mut self, arguments: &[&str], limits: &Limits) -> Result<Vec<u8>, TargetError> {
        let (agent, sha256) = self.agent()?;
        let mut all: Vec<String> = Vec::new();
        if !self.target.env.is_empty() {
            all.push("env".into());
            all.extend(self.target.env.iter().map(|(name, value)| format!("{name}={value}")));
        }
        all.push(self.blob(&sha256));
        all.extend(agent.own.iter().map(ToString::to_string));
        all.extend(arguments.iter().map(ToString::to_string));
        let verb = arguments.first().copied().unwrap_or_default();
        let what = format!("`paring-agent {verb}`");
        self.with(&mut |connection, _| connection.run(&all, limits)).map_err(|error| match error {
            TargetError::Failed { status, said, .. } => TargetError::Failed { what, status, said },
            TargetError::Flood { board, limit, .. } => TargetError::Flood { what, board, limit },
            other => other,
        })
    }

    /// What the board is; its power sensors as they are under `sysfs_root`, where one is given. The
    /// agent has to be there.
    ///
    /// # Errors
    /// [`TargetError`] where it does not answer.
    pub fn probe(&mut self, sysfs_root: Option<&Path>) -> Result<TargetEnvironment, TargetError> {
        let root = sysfs_root.map(Path::to_string_lossy);
        let mut words = vec!["probe"];
        words.extend(root.iter().flat_map(|root| ["--sysfs-root", root]));
        let answer = self.ask(&words, &Limits::short())?;
        let found: TargetEnvironment = read_answer("probe", &answer)?;
        Ok(TargetEnvironment { emulated: found.emulated || self.target.emulated, ..found })
    }

    /// What the board can do at most. The agent has to be there.
    ///
    /// # Errors
    /// [`TargetError`] where it does not answer.
    pub fn peaks(&mut self) -> Result<MachineRoofline, TargetError> {
        let answer = self.ask(&["peaks"], &Limits::short().within(LONGEST_PROFILE))?;
        read_answer("peaks", &answer)
    }

    /// How long the nodes of a model take, of a job that was laid out at `job`.
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
        let limits = Limits { output: 64 << 20, ..Limits::short().within(LONGEST_PROFILE) };
        let answer = self.ask(&["nodes", job, &model, &batch], &limits)?;
        read_answer("nodes", &answer)
    }

    /// The agent's own words about its version, hash and sources.
    ///
    /// # Errors
    /// [`TargetError`] where it does not run: because the board is of another kind, say.
    pub fn version(&mut self) -> Result<String, TargetError> {
        let answer = self.ask(&["version"], &Limits::short())?;
        Ok(String::from_utf8_lossy(&answer).trim().to_string())
    }

    /// The target.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// From now on an interrupt does not end things early.
    pub(super) fn go_on_regardless(&mut self) {
        self.stop = None;
        self.connection = None;
    }

    /// What ends things early.
    pub(super) fn stop(&self) -> Option<&'static AtomicBool> {
        self.stop
    }

    /// A file of this machine as one of the board's files by their hash.
    pub(super) fn parcel(&self, source: &Path, sha256: &Sha256Hex) -> Parcel {
        let (source, sha256, to) = (source.to_path_buf(), sha256.clone(), self.blob(sha256));
        Parcel { source, sha256, to, program: false }
    }
}

/// An agent's answer.
pub(super) fn read_answer<T: serde::de::DeserializeOwned>(
    verb: &str,
    answer: &[u8],
) -> Result<T, TargetError> {
    serde_json::from_slice(answer).map_err(|_| TargetError::Garbage {
        what: format!("`paring-agent {verb}`"),
        said: excerpt(answer),
    })
}
