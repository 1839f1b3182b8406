//! A job that goes on without whoever asked for it: started, asked about and stopped over
//! connections that may die.
//!
//! A work folder has `lock`, held by the one agent that measures there; `blobs`, files by their
//! hash; and for every job a folder with its job files, its journal and its state.

use crate::measure::run_job;
use anyhow::{Context, bail};
use paring_core::error_chain::error_chain;
use paring_core::schema::{BoardHolder, JobEnding, JobState, JobStatus, SCHEMA, Sha256Hex};
use rustix::process::{Pid, Signal, kill_process, setsid};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

/// A state is written over the one before, in room that is taken when the job starts: it can be
/// written on a full disk.
const STATE_ROOM: usize = 4096;
/// Most of the journal that one answer holds.
const MOST_JOURNAL: u64 = 4 << 20;
/// Polling interval of a wait.
const GLANCE: Duration = Duration::from_millis(250);
/// A start or an end that takes longer has failed.
const PATIENCE: Duration = Duration::from_secs(15);

/// A job in a work folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobPlace {
    /// The work folder.
    pub work: PathBuf,
    /// The name of the job's folder.
    pub job: String,
    /// Hash of the job file, which is part of its name.
    pub job_sha256: String,
}

impl JobPlace {
    fn folder(&self) -> PathBuf {
        self.work.join("jobs").join(&self.job)
    }

    fn journal(&self) -> PathBuf {
        self.folder().join("blocks.jsonl")
    }

    fn state(&self) -> PathBuf {
        self.folder().join("state.json")
    }

    fn job_file(&self) -> PathBuf {
        self.folder().join(format!("{}.json", self.job_sha256))
    }
}

/// Starts a job in a process of its own, for `owner`, unless it runs or somebody else holds the
/// board; and says where it stands. `own` are the arguments before the agent's own.
pub(crate) fn start_job(place: &JobPlace, owner: &str, own: &[&str]) -> anyhow::Result<JobStatus> {
    let found = standing(place)?;
    if found.holder.is_some() {
        return Ok(found);
    }
    let job = Sha256Hex::of_file(&place.job_file())
        .with_context(|| format!("read job {}", place.job_file().display()))?;
    if job.as_str() != place.job_sha256 {
        bail!("job {} has SHA-256 {job}", place.job_file().display());
    }
    keep(&place.state(), &fresh(&job, 0, 0))?;
    let log = place.folder().join("agent.log");
    let errors = File::create(&log).with_context(|| format!("write {}", log.display()))?;
    let mut child = Command::new(std::env::current_exe().context("find this program's own file")?)
        .args(own)
        .arg("detached")
        .args([place.work.as_os_str(), place.job.as_ref(), place.job_sha256.as_ref()])
        .arg(owner)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(errors)
        .spawn()
        .context("start the agent")?;
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        let ended = child.try_wait().context("wait for the agent")?;
        let now = standing(place)?;
        if now.holder.is_some() || now.state.as_ref().is_some_and(|state| state.ended.is_some()) {
            return Ok(now);
        }
        if let Some(status) = ended {
            let said = std::fs::read_to_string(&log).unwrap_or_default();
            bail!("the agent ended at once with {status}: {}", said.trim());
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    bail!("the agent did not start within {} s", PATIENCE.as_secs())
}

/// Runs a job to its end, apart from the session that started it.
pub(crate) fn run_detached(place: &JobPlace, owner: &str, own: &[&str]) -> anyhow::Result<()> {
    // It fails where this process leads a session already, which is as good.
    let _ = setsid();
    let Some(lock) = hold(place, owner)? else { return Ok(()) };
    let job = Sha256Hex::of_file(&place.job_file()).context("read the job")?;
    let state = place.state();
    let mut last = (0, 0);
    let outcome = run_job(&place.job_file(), &place.journal(), own, &mut |progress| {
        last = (progress.done, progress.total);
        // The journal is what counts.
        let _ = keep(&state, &fresh(&job, last.0, last.1));
    });
    let ended = match &outcome {
        Ok(()) => JobEnding::Done,
        // What is longer has no room in the state.
        Err(error) => JobEnding::Failed(error_chain(error).chars().take(1000).collect()),
    };
    keep(&state, &JobState { ended: Some(ended), ..fresh(&job, last.0, last.1) })?;
    drop(lock);
    Ok(outcome?)
}

fn fresh(job: &Sha256Hex, done: usize, total: usize) -> JobState {
    JobState { schema: SCHEMA, job_sha256: job.clone(), done, total, ended: None }
}

/// Says where a job stands, at its end or after `wait`, and gives what its journal has beyond
/// `offset`.
pub(crate) fn job_status(
    place: &JobPlace,
    offset: u64,
    wait: Duration,
) -> anyhow::Result<(JobStatus, Vec<u8>)> {
    let begun = Instant::now();
    loop {
        let mut found = standing(place)?;
        let here = found.runs(&place.job);
        if !here || begun.elapsed() >= wait {
            let journal = journal_from(&place.journal(), offset)?;
            found.follows = journal.len();
            return Ok((found, journal));
        }
        std::thread::sleep(GLANCE.min(wait.saturating_sub(begun.elapsed())));
    }
}

/// Stops a job that runs: its agent, and with it the block in flight.
pub(crate) fn stop_job(place: &JobPlace) -> anyhow::Result<JobStatus> {
    let begun = Instant::now();
    loop {
        let found = standing(place)?;
        let Some(holder) = found.holder.as_ref().filter(|_| found.runs(&place.job)) else {
            return Ok(found);
        };
        let late = begun.elapsed() > PATIENCE / 3;
        let signal = if late { Signal::KILL } else { Signal::TERM };
        if let Some(pid) = Pid::from_raw(holder.pid) {
            // It may have ended meanwhile.
            let _ = kill_process(pid, signal);
        }
        if begun.elapsed() > PATIENCE {
            bail!("process {} does not end", holder.pid);
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn standing(place: &JobPlace) -> anyhow::Result<JobStatus> {
    let state = match std::fs::read(place.state()) {
        // A torn state is one of a job that runs, or of one that was cut off.
        Ok(bytes) => serde_json::from_slice(&bytes).ok(),
        Err(_) => None,
    };
    Ok(JobStatus { schema: SCHEMA, holder: holder(place)?, state, follows: 0 })
}

/// Holder of the board; `None` if there is none.
fn holder(place: &JobPlace) -> anyhow::Result<Option<BoardHolder>> {
    let path = place.work.join("lock");
    let begun = Instant::now();
    loop {
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error).with_context(|| format!("open {}", path.display())),
        };
        match file.try_lock_shared() {
            Ok(()) => return Ok(None),
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(error)) => {
                return Err(error).with_context(|| format!("lock {}", path.display()));
            }
        }
        let text = std::fs::read(&path).with_context(|| format!("read {}", path.display()))?;
        match serde_json::from_slice(&text) {
            Ok(holder) => return plausible(holder, &path).map(Some),
            // It has the lock and has not written its name yet.
            Err(_) if begun.elapsed() < PATIENCE => std::thread::sleep(Duration::from_millis(5)),
            Err(error) => return Err(error).with_context(|| format!("read {}", path.display())),
        }
    }
}

/// Refuses what is no process of an agent: a signal to 0, 1 or a negative number reaches others than an
/// agent, or everybody.
fn plausible(holder: BoardHolder, path: &Path) -> anyhow::Result<BoardHolder> {
    if holder.pid <= 1 {
        bail!("{} names process {}, which no agent can be", path.display(), holder.pid);
    }
    Ok(holder)
}

/// Takes the board, until the file is dropped; `None` where somebody else was faster.
fn hold(place: &JobPlace, owner: &str) -> anyhow::Result<Option<File>> {
    let path = place.work.join("lock");
    let failed = || format!("write {}", path.display());
    let mut options = OpenOptions::new();
    let options = options.create(true).write(true).truncate(false);
    let mut file = options.open(&path).with_context(failed)?;
    let begun = Instant::now();
    // Somebody who asks whether it is held holds it for a moment.
    while let Err(error) = file.try_lock() {
        match error {
            TryLockError::Error(error) => return Err(error).with_context(failed),
            TryLockError::WouldBlock if begun.elapsed() > Duration::from_secs(1) => {
                return Ok(None);
            }
            TryLockError::WouldBlock => std::thread::sleep(Duration::from_millis(5)),
        }
    }
    let holder = BoardHolder {
        pid: i32::try_from(std::process::id())?,
        owner: owner.to_string(),
        job: place.job.clone(),
        job_sha256: Sha256Hex::of_file(&place.job_file()).context("read the job")?,
        since: humantime::format_rfc3339_seconds(SystemTime::now()).to_string(),
    };
    file.set_len(0).with_context(failed)?;
    file.write_all(&serde_json::to_vec(&holder)?).with_context(failed)?;
    Ok(Some(file))
}

/// Writes a state over the one before.
fn keep(path: &Path, state: &JobState) -> anyhow::Result<()> {
    let mut bytes = serde_json::to_vec(state)?;
    bytes.resize(STATE_ROOM.max(bytes.len()), b' ');
    let mut options = OpenOptions::new();
    let options = options.create(true).write(true).truncate(false);
    let failed = || format!("write {}", path.display());
    let file = options.open(path).with_context(failed)?;
    file.write_all_at(&bytes, 0).with_context(failed)
}

/// Whole lines of a journal from an offset on; nothing where there is none.
fn journal_from(path: &Path, offset: u64) -> anyhow::Result<Vec<u8>> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(vec![]),
        Err(error) => return Err(error).with_context(|| format!("open {}", path.display())),
    };
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(offset))?;
    // More than that only where one line is longer.
    while let Ok(1..) = (&file).take(MOST_JOURNAL).read_to_end(&mut bytes) {
        if let Some(last) = bytes.iter().rposition(|byte| *byte == b'\n') {
            bytes.truncate(last + 1);
            return Ok(bytes);
        }
    }
    Ok(vec![])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_but_an_agent_is_signalled() {
        let holder = |pid| BoardHolder {
            pid,
            owner: "a stranger".into(),
            job: "job".into(),
            job_sha256: Sha256Hex::of(b"job"),
            since: String::new(),
        };
        for pid in [i32::MIN, -2, -1, 0, 1] {
            let message = plausible(holder(pid), Path::new("lock")).unwrap_err().to_string();
            assert_eq!(message, format!("lock names process {pid}, which no agent can be"));
        }
        assert!(plausible(holder(2), Path::new("lock")).is_ok());
    }
}
