//! A job on a board: started there, followed from here for as long as somebody wants to know, and
//! started again where it vanished. The board measures; what is fetched is kept here.

use super::board::{Board, TargetEvent, read_answer};
use crate::TargetError;
use crate::interrupt::pause;
use crate::transport::{FileUpload, ProcessLimits};
use paring_agent::measure::{BlockJournal, JobProgress, schedule};
use paring_core::schema::{BlockRecord, BoardHolder, Job, JobEnding, JobStatus, Sha256Hex};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// A question waits at most this long for the end of a job.
const LONGEST_WAIT: Duration = Duration::from_secs(5);
/// Starts of an agent that ends without a word and without a block.
const MOST_STARTS: u32 = 5;
/// A journal is fetched up to this size, whatever its job; and no job's may be larger than the second.
const JOURNAL_LIMITS: (u64, u64) = (64 << 20, 1 << 30);
/// Continuations of the same run, each with all its tries.
const CONTINUATIONS: u64 = 16;
/// Bytes of a block's record beside its samples, and of one sample of two models.
const RECORD_BYTES: u64 = 64 << 10;
const SAMPLE_BYTES: u64 = 48;
/// One answer about a job: a piece of its journal, a line of which may be long.
const MOST_STATUS: u64 = 256 << 20;
/// Repeated uploads of files that were spoilt on the board.
const MOST_REPAIRS: u32 = 2;
/// A board that somebody else holds is waited for this long.
const LONGEST_HOLD: Duration = Duration::from_secs(3600);
const HOLDER_POLL_INTERVAL: Duration = Duration::from_secs(5);

/// The bytes of a journal on the board, and the hash of its beginning.
const JOURNAL_BEGINNING: &str = r#"if [ -f "$1" ]; then n=$(wc -c < "$1"); else n=0; fi
h=$(head -c "$2" "$1" 2>/dev/null | sha256sum) || exit
echo $n "${h%% *}""#;

/// A job of this machine for a board.
#[derive(Debug)]
pub struct RemoteJob<'a> {
    /// The name of its folder on the board: the same whenever the same run goes on.
    pub id: &'a str,
    /// Its owner, as others who want the board are told.
    pub owner: &'a str,
    /// The job; its paths are relative to `folder`.
    pub job: &'a Job,
    /// The folder here of the files that it names.
    pub folder: &'a Path,
    /// The file here of its journal.
    pub journal: &'a Path,
}

/// The user and this machine, for others who want the same board: `user@machine`.
pub fn user_and_host_name() -> String {
    let user = ["USER", "LOGNAME"].into_iter().find_map(|name| std::env::var(name).ok());
    let machine = std::process::Command::new("uname").arg("-n").output();
    let machine = machine.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_string());
    let user = user.unwrap_or_else(|| "someone".into());
    format!("{user}@{}", machine.unwrap_or_else(|_| "somewhere".into()))
}

/// A job as it is on the board.
struct DeployedJob {
    id: String,
    owner: String,
    sha256: Sha256Hex,
    uploads: Vec<FileUpload>,
    journal: PathBuf,
    /// A journal with more bytes is none of this job.
    most_journal: u64,
    /// The job file, which lives until it is sent.
    _file: tempfile::NamedTempFile,
}

/// The reason that a job is no longer followed.
enum FollowOutcome {
    /// Its agent said how it ended.
    AgentEnded(JobEnding),
    /// Its agent is gone without a word.
    AgentVanished,
    /// Its journal on the board has something that is no block.
    JournalDamaged,
}

impl Board<'_> {
    /// Measures what the journal lacks of a job, on the board. When this returns early because of an
    /// interrupt the board goes on, and the same call picks it up.
    ///
    /// # Errors
    /// [`TargetError`] says what failed; what was measured is in the journal.
    pub fn run(&mut self, remote: &RemoteJob) -> Result<(), TargetError> {
        let mut journal = BlockJournal::open(remote.journal).map_err(TargetError::Journal)?;
        let deployed = self.resolve_paths(remote)?;
        self.deploy(&deployed.uploads)?;
        let (mut starts, mut repairs) = (0, 0);
        loop {
            let before = journal.bytes();
            self.ensure_running(&deployed, &journal)?;
            match self.follow(&deployed, &mut journal)? {
                FollowOutcome::AgentEnded(JobEnding::Failed(message)) => {
                    return Err(TargetError::Stopped { status: "failed".into(), message });
                }
                FollowOutcome::AgentEnded(JobEnding::Done) => {
                    // A file that was spoilt meanwhile made blocks fail: they are tried again.
                    if self.deploy(&deployed.uploads)? == 0 || repairs == MOST_REPAIRS {
                        return Ok(());
                    }
                    repairs += 1;
                    self.report(TargetEvent::Note(
                        "files were spoilt on the board and sent again".into(),
                    ));
                }
                FollowOutcome::AgentVanished if journal.bytes() > before => starts = 0,
                FollowOutcome::AgentVanished if starts < MOST_STARTS => starts += 1,
                FollowOutcome::AgentVanished => return Err(self.last_words(&deployed)),
                FollowOutcome::JournalDamaged if starts < MOST_STARTS => {
                    starts += 1;
                    self.stop_job(&deployed)?;
                }
                FollowOutcome::JournalDamaged => {
                    let message = "its journal is damaged again and again".to_string();
                    return Err(TargetError::Stopped { status: "damaged".into(), message });
                }
            }
            self.deploy(&deployed.uploads)?;
        }
    }

    /// Sends a job and what it names, without starting it. Gives its path on the board.
    ///
    /// # Errors
    /// [`TargetError`] says what failed.
    pub fn lay_out(&mut self, remote: &RemoteJob) -> Result<String, TargetError> {
        let deployed = self.resolve_paths(remote)?;
        self.deploy(&deployed.uploads)?;
        Ok(self.work_path(&format!("jobs/{}/{}.json", deployed.id, deployed.sha256)))
    }

    /// Stops a job on the board; what was measured stays there.
    ///
    /// # Errors
    /// [`TargetError`] where the board cannot be reached or the agent does not end.
    pub fn cancel(&mut self, remote: &RemoteJob) -> Result<(), TargetError> {
        let deployed = self.resolve_paths(remote)?;
        self.stop_job(&deployed)
    }

    /// The job that measures on the board now.
    ///
    /// # Errors
    /// [`TargetError`] where the agent there does not answer.
    pub fn holder(&mut self) -> Result<Option<BoardHolder>, TargetError> {
        let work = self.work_path("");
        let answer =
            self.ask(&["status", &work, "none", "none", "0", "0"], &ProcessLimits::short())?;
        Ok(read_answer::<JobStatus>("status", &answer)?.holder)
    }

    /// The job with paths on the board, and everything it needs there.
    fn resolve_paths(&self, remote: &RemoteJob) -> Result<DeployedJob, TargetError> {
        let mut job = remote.job.clone();
        let mut uploads =
            vec![self.upload_of_file(&remote.folder.join(&job.inputs), &job.inputs_sha256)];
        job.inputs = Path::new("../../blobs").join(job.inputs_sha256.as_str());
        for model in &mut job.models {
            uploads.push(self.upload_of_file(&remote.folder.join(&model.path), &model.sha256));
            model.path = Path::new("../../blobs").join(model.sha256.as_str());
        }
        let failed = |source| TargetError::File { doing: "write", path: "the job".into(), source };
        let bytes = serde_json::to_vec(&job).map_err(|e| failed(e.into()))?;
        let mut job_file = tempfile::NamedTempFile::new().map_err(failed)?;
        job_file.write_all(&bytes).map_err(failed)?;
        let (id, sha256) = (remote.id.to_string(), Sha256Hex::of(&bytes));
        let to = self.work_path(&format!("jobs/{id}/{sha256}.json"));
        let source = job_file.path().to_path_buf();
        uploads.push(FileUpload { source, sha256: sha256.clone(), to, program: false });
        let (owner, journal) = (remote.owner.to_string(), remote.journal.to_path_buf());
        let most_journal = most_journal(&job);
        Ok(DeployedJob { id, owner, sha256, uploads, journal, most_journal, _file: job_file })
    }

    /// Asks the agent about a job.
    fn ask_about(
        &mut self,
        deployed: &DeployedJob,
        verb: &str,
        rest: &[&str],
    ) -> Result<Vec<u8>, TargetError> {
        let work = self.work_path("");
        let mut words = vec![verb, &work, &deployed.id, deployed.sha256.as_str()];
        words.extend(rest);
        let limits = ProcessLimits { output: MOST_STATUS, ..ProcessLimits::short() };
        self.ask(&words, &limits)
    }

    /// Makes the job run: waits for the holder of the board, ends an older form of the same job, brings
    /// the journal there to the state of the one here, and starts the agent.
    fn ensure_running(
        &mut self,
        deployed: &DeployedJob,
        journal: &BlockJournal,
    ) -> Result<(), TargetError> {
        let start = Instant::now();
        loop {
            let (standing, _) = self.standing(deployed, journal.bytes(), Duration::ZERO)?;
            let journals_agree = self.journals_agree(deployed, journal)?;
            match &standing.holder {
                Some(holder) if holder.job != deployed.id => {
                    let held = format!("held by {} since {}", holder.owner, holder.since);
                    if start.elapsed() > LONGEST_HOLD {
                        return Err(TargetError::BoardInUse(held));
                    }
                    self.report(TargetEvent::Note(format!("{held}; waiting for it")));
                    pause(HOLDER_POLL_INTERVAL, self.stop())?;
                    continue;
                }
                Some(holder) if journals_agree && holder.job_sha256 == deployed.sha256 => {
                    return Ok(());
                }
                Some(_) => self.stop_job(deployed)?,
                None => {}
            }
            if !journals_agree {
                let to = self.work_path(&format!("jobs/{}/blocks.jsonl", deployed.id));
                let upload = FileUpload::new(&deployed.journal, to, false)?;
                self.deploy(&[upload])?;
            }
            let answer = self.ask_about(deployed, "start", &[&deployed.owner])?;
            let started: JobStatus = read_answer("start", &answer)?;
            // Somebody else may have been faster.
            if started.holder.is_none_or(|holder| holder.job == deployed.id) {
                return Ok(());
            }
        }
    }

    /// True where the journal on the board continues the one here.
    fn journals_agree(
        &mut self,
        deployed: &DeployedJob,
        journal: &BlockJournal,
    ) -> Result<bool, TargetError> {
        let path = self.work_path(&format!("jobs/{}/blocks.jsonl", deployed.id));
        let (bytes, limits) = (journal.bytes().to_string(), ProcessLimits::short());
        let command = ["sh", "-c", JOURNAL_BEGINNING, "compare journals", &path, &bytes];
        let answer =
            self.with_connection(&mut |connection, _| connection.run(&command, &limits))?;
        let text = String::from_utf8_lossy(&answer);
        let mut words = text.split_whitespace();
        let remote_bytes: Option<u64> = words.next().and_then(|n| n.parse().ok());
        let local_sha256 = Sha256Hex::of_file(&deployed.journal)
            .map_err(TargetError::file("read", &deployed.journal))?;
        Ok(remote_bytes.is_some_and(|n| n >= journal.bytes())
            && words.next() == Some(local_sha256.as_str()))
    }

    /// Fetches the journal as it grows, until the job ends.
    fn follow(
        &mut self,
        deployed: &DeployedJob,
        journal: &mut BlockJournal,
    ) -> Result<FollowOutcome, TargetError> {
        let mut wait = Duration::from_millis(250);
        loop {
            let (standing, lines) = self.standing(deployed, journal.bytes(), wait)?;
            let complete = complete_blocks(&lines);
            if journal.bytes() + complete as u64 > deployed.most_journal {
                let (what, board) = ("its journal".into(), Some(self.target().name.clone()));
                return Err(TargetError::AnswerTooLong {
                    what,
                    board,
                    limit: deployed.most_journal,
                });
            }
            journal.append_lines(&lines[..complete]).map_err(TargetError::Journal)?;
            if let Some(state) = &standing.state {
                let (done, total) = (state.done, state.total);
                self.report(TargetEvent::Measured(JobProgress { done, total }));
            }
            if complete < lines.len() {
                return Ok(FollowOutcome::JournalDamaged);
            }
            let runs = standing.runs(&deployed.id);
            if !runs && lines.is_empty() {
                let state = standing.state.filter(|state| state.job_sha256 == deployed.sha256);
                return Ok(state
                    .and_then(|s| s.ended)
                    .map_or(FollowOutcome::AgentVanished, FollowOutcome::AgentEnded));
            }
            wait = if runs { (wait * 2).min(LONGEST_WAIT) } else { Duration::ZERO };
        }
    }

    fn standing(
        &mut self,
        deployed: &DeployedJob,
        offset: u64,
        wait: Duration,
    ) -> Result<(JobStatus, Vec<u8>), TargetError> {
        let (offset, wait) = (offset.to_string(), wait.as_millis().to_string());
        let mut answer = self.ask_about(deployed, "status", &[&offset, &wait])?;
        let line = answer.iter().position(|byte| *byte == b'\n').map_or(answer.len(), |at| at + 1);
        let standing: JobStatus = read_answer("status", &answer[..line])?;
        let lines = answer.split_off(line);
        if lines.len() != standing.follows {
            let message = format!("{} bytes instead of {}", lines.len(), standing.follows);
            return Err(TargetError::UnexpectedAnswer {
                what: "`paring-agent status`".into(),
                message,
            });
        }
        Ok((standing, lines))
    }

    fn stop_job(&mut self, deployed: &DeployedJob) -> Result<(), TargetError> {
        let answer = self.ask_about(deployed, "stop", &[])?;
        read_answer::<JobStatus>("stop", &answer).map(drop)
    }

    /// The error with the last log lines of an agent that ends again and again without a word.
    fn last_words(&mut self, deployed: &DeployedJob) -> TargetError {
        let log = self.work_path(&format!("jobs/{}/agent.log", deployed.id));
        let words = ["tail", "-c", "400", &log];
        let limits = ProcessLimits::short();
        match self.with_connection(&mut |connection, _| connection.run(&words, &limits)) {
            Ok(message) => TargetError::Stopped {
                status: "vanished again and again".into(),
                message: String::from_utf8_lossy(&message).trim().to_string(),
            },
            Err(error) => error,
        }
    }
}

/// Limit on the bytes of a job's journal: its blocks with all their tries, many times over.
fn most_journal(job: &Job) -> u64 {
    let tries = [job.rules.retries, job.conditions.repeats].map(|more| u64::from(more) + 1);
    let each = RECORD_BYTES + SAMPLE_BYTES * u64::from(job.rules.max_samples);
    let parts = [schedule(job).len() as u64, tries[0], tries[1], CONTINUATIONS, each];
    let bytes = parts.into_iter().fold(1, u64::saturating_mul);
    bytes.clamp(JOURNAL_LIMITS.0, JOURNAL_LIMITS.1)
}

/// The length of the beginning of `lines` that is blocks, line by line.
fn complete_blocks(lines: &[u8]) -> usize {
    let mut whole = 0;
    for line in lines.split_inclusive(|byte| *byte == b'\n') {
        if serde_json::from_slice::<BlockRecord>(line).is_err() {
            break;
        }
        whole += line.len();
    }
    whole
}
