//! The agent: runs a job's schedule, each block in a fresh process, and journals what came of it.

use super::process::run_to_end;
use super::sampling::nanos;
use super::{Journal, JournalError, Summary, read_journal, schedule};
use crate::probe;
use crate::record::{
    Attempt, BlockData, BlockKey, BlockKind, BlockRecord, Job, NewerSchema, Outcome, SCHEMA,
    Sha256Hex, check_schema,
};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant, SystemTime};

/// So often a block is repeated that saw too little of a quiet machine.
const CONTENDED_REPEATS: u32 = 3;

/// What can go wrong with a whole job; a single block that fails is a record instead.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AgentError {
    /// The job file cannot be read.
    #[error("read job {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// The job file is not a job.
    #[error("{} is not a job", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: serde_json::Error,
    },
    /// A newer paring wrote the job.
    #[error(transparent)]
    Schema(#[from] NewerSchema),
    /// The journal failed.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// This program cannot find itself to start blocks with.
    #[error("find this program's own file")]
    Executable(#[source] std::io::Error),
}

/// Where a job stands, after every block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Progress {
    /// Blocks that are in the journal.
    pub done: usize,
    /// Blocks of the schedule.
    pub total: usize,
}

/// Reads a job file.
///
/// # Errors
/// [`AgentError`] names the file.
pub(super) fn read_job(path: &Path) -> Result<Job, AgentError> {
    let at = || path.to_path_buf();
    let bytes = std::fs::read(path).map_err(|source| AgentError::Read { path: at(), source })?;
    let job: Job = serde_json::from_slice(&bytes)
        .map_err(|source| AgentError::Format { path: at(), source })?;
    check_schema("the job", job.schema)?;
    Ok(job)
}

/// Runs what is missing of a job. `arguments` are those before `block` on the command line of a
/// block's process; `report` hears of every block.
///
/// # Errors
/// [`AgentError`] for the job as a whole.
pub fn run_job(
    job_path: &Path,
    journal_path: &Path,
    arguments: &[&str],
    report: &mut dyn FnMut(Progress),
) -> Result<(), AgentError> {
    let job = read_job(job_path)?;
    let mut journal = Journal::open(journal_path)?;
    let mut records = read_journal(journal_path)?;
    records.retain(|record| job.counts(record));
    let executable = std::env::current_exe().map_err(AgentError::Executable)?;
    let blocks = schedule(&job);
    let mut state = State::new(&job, &records);
    state.reopen();
    let total = blocks.len();
    report(Progress { done: blocks.iter().filter(|key| state.settled(key)).count(), total });
    let mut pending: Vec<usize> = (0..total).collect();
    for pass in 0..=CONTENDED_REPEATS {
        // A neighbour's load lasts: what saw too little of a quiet machine waits for the end.
        let mut contended = Vec::new();
        for (position, index) in pending.iter().enumerate() {
            let key = &blocks[*index];
            while !state.settled(key) {
                let attempt = Attempt { key: key.clone(), number: state.tried(key) };
                let mut command = Command::new(&executable);
                command.args(arguments).arg("block").arg(job_path);
                command.args([index.to_string(), attempt.number.to_string()]);
                command.arg(std::process::id().to_string());
                let record = measured(&job, attempt, command);
                journal.append(&record)?;
                state.note(&record);
                records.push(record);
                if Summary::new(&records).contended(&records[records.len() - 1]) {
                    contended.push(*index);
                }
            }
            let done =
                if pass == 0 { position + 1 } else { total - (pending.len() - position - 1) };
            report(Progress { done, total });
        }
        if pass < CONTENDED_REPEATS {
            contended.iter().for_each(|index| state.again(&blocks[*index]));
        }
        pending = contended;
    }
    Ok(())
}

/// Runs one block in its process and makes a record of it, whatever comes of it.
fn measured(job: &Job, attempt: Attempt, command: Command) -> BlockRecord {
    let started_at = humantime::format_rfc3339_millis(SystemTime::now()).to_string();
    let before = probe::hottest(probe::root());
    let begun = Instant::now();
    let outcome = match run_to_end(command, limit(job, attempt.key.kind)) {
        Err(reason) => Outcome::Failed { reason },
        Ok(output) => match serde_json::from_slice::<BlockData>(&output) {
            Ok(data) => Outcome::Done { data },
            Err(error) => Outcome::Failed { reason: format!("its result is unreadable: {error}") },
        },
    };
    BlockRecord {
        schema: SCHEMA,
        measurement_sha256: rules_sha256(job, attempt.key.kind),
        attempt,
        started_at,
        wall_ns: begun.elapsed().into(),
        agent_version: env!("CARGO_PKG_VERSION").to_string(),
        emulated: probe::environment(probe::root(), "").emulated,
        temperature_mc: before.zip(probe::hottest(probe::root())),
        outcome,
    }
}

/// How long a block may take in all; an energy block also its windows, twice over for the time that
/// sensors need to follow.
fn limit(job: &Job, kind: BlockKind) -> Duration {
    let windows = match (&job.energy, kind) {
        (Some(energy), BlockKind::Energy) => super::energy_span(&energy.rules) * 2,
        _ => Duration::ZERO,
    };
    nanos(job.rules.limit_ns) + windows
}

/// The rules that a block is measured by.
fn rules_sha256(job: &Job, kind: BlockKind) -> Sha256Hex {
    match (&job.energy, kind) {
        (Some(energy), BlockKind::Energy) => energy.rules_sha256.clone(),
        _ => job.measurement_sha256.clone(),
    }
}

/// What is settled: measured, or tried as often as the rules allow.
struct State {
    retries: u32,
    tries: BTreeMap<BlockKey, u32>,
    /// Tries of earlier invocations: they count for the numbers of attempts, not against the limit.
    earlier: BTreeMap<BlockKey, u32>,
    done: BTreeSet<BlockKey>,
    given_up: BTreeSet<(bool, Sha256Hex, usize)>,
}

impl State {
    fn new(job: &Job, records: &[BlockRecord]) -> Self {
        let retries = job.rules.retries;
        let mut state = State {
            retries,
            tries: BTreeMap::new(),
            earlier: BTreeMap::new(),
            done: BTreeSet::new(),
            given_up: BTreeSet::new(),
        };
        records.iter().for_each(|record| state.note(record));
        state
    }

    /// Starts the count anew: what failed before may be tried again, what was measured stays.
    fn reopen(&mut self) {
        self.earlier = self.tries.clone();
        self.given_up.clear();
    }

    fn note(&mut self, record: &BlockRecord) {
        let key = &record.attempt.key;
        *self.tries.entry(key.clone()).or_default() += 1;
        match &record.outcome {
            // Its windows are kept with their reasons, and tried again like a block that failed.
            Outcome::Done { data: BlockData::Energy(block) } if block.unread() => {
                if self.tried_now(key) > self.retries {
                    self.given_up.insert(Self::series(key));
                }
            }
            Outcome::Done { .. } => {
                self.done.insert(key.clone());
            }
            // A model that fails as often as this in one round fails in the others too.
            Outcome::Failed { .. } if self.tried_now(key) > self.retries => {
                self.given_up.insert(Self::series(key));
            }
            Outcome::Failed { .. } => {}
        }
    }

    /// Asks for another try of a block that was measured on a busy machine.
    fn again(&mut self, key: &BlockKey) {
        self.done.remove(key);
    }

    fn settled(&self, key: &BlockKey) -> bool {
        self.done.contains(key) || self.given_up.contains(&Self::series(key))
    }

    /// What is given up as a whole: a sensor that cannot be read says nothing of latency.
    fn series(key: &BlockKey) -> (bool, Sha256Hex, usize) {
        (key.kind == BlockKind::Energy, key.variant_id.clone(), key.batch)
    }

    fn tried_now(&self, key: &BlockKey) -> u32 {
        self.tried(key) - self.earlier.get(key).copied().unwrap_or(0)
    }

    fn tried(&self, key: &BlockKey) -> u32 {
        self.tries.get(key).copied().unwrap_or(0)
    }
}
