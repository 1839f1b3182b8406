//! A job on a board: started there, followed from here for as long as somebody wants to know, and
//! started again where it vanished. The board measures; what is fetched is kept here.

use super::board::{Board, News, read_answer};
use super::interrupt::pause;
use super::transfer::file;
use super::{Limits, Parcel, TargetError};
use paring_agent::measure::{BlockJournal, JobProgress, schedule};
use paring_core::schema::{BlockRecord, BoardHolder, Job, JobEnding, JobStatus, Sha256Hex};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// A question waits at most this long for the end of a job.
const LONGEST_WAIT: Duration = Duration::from_secs(5);
/// So often an agent is started anew that ends without a word and without a block.
const STARTS: u32 = 5;
/// A journal is fetched up to this size, whatever its job; and no job's may be larger than the second.
const JOURNALS: (u64, u64) = (64 << 20, 1 << 30);
/// The same run goes on so often, each time with all its tries.
const CONTINUATIONS: u64 = 16;
/// A block's record beside its samples, and what a sample takes of two models.
const RECORD: u64 = 64 << 10;
const SAMPLE: u64 = 48;
/// One answer about a job: a piece of its journal, a line of which may be long.
const MOST_STATUS: u64 = 256 << 20;
/// So often files are sent again that were spoilt on the board.
const REPAIRS: u32 = 2;
/// A board that somebody else holds is waited for this long.
const LONGEST_HOLD: Duration = Duration::from_secs(3600);
const HELD_GLANCE: Duration = Duration::from_secs(5);

/// How many bytes a journal on the board has, and the hash of its beginning.
const BEGINNING: &str = r#"if [ -f "$1" ]; then n=$(wc -c < "$1"); else n=0; fi
h=$(head -c "$2" "$1" 2>/dev/null | sha256sum) || exit
echo $n "${h%% *}""#;

/// A job of this machine for a board.
#[derive(Debug)]
pub struct RemoteJob<'a> {
    /// The name of its folder on the board: the same whenever the same run goes on.
    pub id: &'a str,
    /// For whom it is, as others who want the board are told.
    pub owner: &'a str,
    /// The job; its paths are relative to `folder`.
    pub job: &'a Job,
    /// Where its files are.
    pub folder: &'a Path,
    /// Where its journal is kept here.
    pub journal: &'a Path,
}

/// A job as it is on the board.
struct Placed {
    id: String,
    owner: String,
    sha256: Sha256Hex,
    parcels: Vec<Parcel>,
    journal: PathBuf,
    /// A journal with more bytes is none of this job.
    most_journal: u64,
    /// Keeps the job file until it is sent.
    _file: tempfile::NamedTempFile,
}

/// Why a job is no longer followed.
enum Left {
    /// Its agent said how it ended.
    Ended(JobEnding),
    /// Its agent is gone without a word.
    Vanished,
    /// Its journal on the board has something that is no block.
    Damaged,
}

impl Board<'_> {
    /// Measures what the journal lacks of a job, on the board. When this returns early because of an
    /// interrupt the board goes on, and the same call picks it up.
    ///
    /// # Errors
    /// [`TargetError`] says what failed; what was measured is in the journal.
    pub fn run(&mut self, remote: &RemoteJob) -> Result<(), TargetError> {
        let mut journal = BlockJournal::open(remote.journal).map_err(TargetError::Journal)?;
        let placed = self.place(remote)?;
        self.deploy(&placed.parcels)?;
        let (mut starts, mut repairs) = (0, 0);
        loop {
            let before = journal.bytes();
            self.occupy(&placed, &journal)?;
            match self.follow(&placed, &mut journal)? {
                Left::Ended(JobEnding::Failed(said)) => {
                    return Err(TargetError::Stopped { status: "failed".into(), said });
                }
                Left::Ended(JobEnding::Done) => {
                    // A file that was spoilt meanwhile made blocks fail: they are tried again.
                    if self.deploy(&placed.parcels)? == 0 || repairs == REPAIRS {
                        return Ok(());
                    }
                    repairs += 1;
                    self.tell(News::Note("files were spoilt on the board and sent again".into()));
                }
                Left::Vanished if journal.bytes() > before => starts = 0,
                Left::Vanished if starts < STARTS => starts += 1,
                Left::Vanished => return Err(self.last_words(&placed)),
                Left::Damaged if starts < STARTS => {
                    starts += 1;
                    self.end(&placed)?;
                }
                Left::Damaged => {
                    let said = "its journal is damaged again and again".to_string();
                    return Err(TargetError::Stopped { status: "damaged".into(), said });
                }
            }
            self.deploy(&placed.parcels)?;
        }
    }

    /// Sends a job and what it names, without starting it. Gives its path on the board.
    ///
    /// # Errors
    /// [`TargetError`] says what failed.
    pub fn lay_out(&mut self, remote: &RemoteJob) -> Result<String, TargetError> {
        let placed = self.place(remote)?;
        self.deploy(&placed.parcels)?;
        Ok(self.at(&format!("jobs/{}/{}.json", placed.id, placed.sha256)))
    }

    /// Stops a job on the board; what was measured stays there.
    ///
    /// # Errors
    /// [`TargetError`] where the board cannot be reached or the agent does not end.
    pub fn cancel(&mut self, remote: &RemoteJob) -> Result<(), TargetError> {
        let placed = self.place(remote)?;
        self.end(&placed)
    }

    /// Who measures on the board now.
    ///
    /// # Errors
    /// [`TargetError`] where the agent there does not answer.
    pub fn holder(&mut self) -> Result<Option<BoardHolder>, TargetError> {
        let work = self.at("");
        let answer = self.ask(&["status", &work, "none", "none", "0", "0"], &Limits::short())?;
        Ok(read_answer::<JobStatus>("status", &answer)?.holder)
    }

    /// The job with paths on the board, and everything it needs there.
    fn place(&self, remote: &RemoteJob) -> Result<Placed, TargetError> {
        let mut job = remote.job.clone();
        let mut parcels = vec![self.parcel(&remote.folder.join(&job.inputs), &job.inputs_sha256)];
        job.inputs = Path::new("../../blobs").join(job.inputs_sha256.as_str());
        for model in &mut job.models {
            parcels.push(self.parcel(&remote.folder.join(&model.path), &model.sha256));
            model.path = Path::new("../../blobs").join(model.sha256.as_str());
        }
        let failed = |source| TargetError::File { doing: "write", path: "the job".into(), source };
        let bytes = serde_json::to_vec(&job).map_err(|e| failed(e.into()))?;
        let mut kept = tempfile::NamedTempFile::new().map_err(failed)?;
        kept.write_all(&bytes).map_err(failed)?;
        let (id, sha256) = (remote.id.to_string(), Sha256Hex::of(&bytes));
        let to = self.at(&format!("jobs/{id}/{sha256}.json"));
        let source = kept.path().to_path_buf();
        parcels.push(Parcel { source, sha256: sha256.clone(), to, program: false });
        let (owner, journal) = (remote.owner.to_string(), remote.journal.to_path_buf());
        let most_journal = most_journal(&job);
        Ok(Placed { id, owner, sha256, parcels, journal, most_journal, _file: kept })
    }

    /// Asks the agent something about a job.
    fn about(
        &mut self,
        placed: &Placed,
        verb: &str,
        rest: &[&str],
    ) -> Result<Vec<u8>, TargetError> {
        let work = self.at("");
        let mut words = vec![verb, &work, &placed.id, placed.sha256.as_str()];
        words.extend(rest);
        let limits = Limits { output: MOST_STATUS, ..Limits::short() };
        self.ask(&words, &limits)
    }

    /// Sees to it that the job runs: waits for who holds the board, ends an older form of the same
    /// job, brings the journal there to what is known here, and starts the agent.
    fn occupy(&mut self, placed: &Placed, journal: &BlockJournal) -> Result<(), TargetError> {
        let begun = Instant::now();
        loop {
            let (standing, _) = self.standing(placed, journal.bytes(), Duration::ZERO)?;
            let agrees = self.agrees(placed, journal)?;
            match &standing.holder {
                Some(holder) if holder.job != placed.id => {
                    let held = format!("held by {} since {}", holder.owner, holder.since);
                    if begun.elapsed() > LONGEST_HOLD {
                        return Err(TargetError::Held(held));
                    }
                    self.tell(News::Note(format!("{held}; waiting for it")));
                    pause(HELD_GLANCE, self.stop())?;
                    continue;
                }
                Some(holder) if agrees && holder.job_sha256 == placed.sha256 => return Ok(()),
                Some(_) => self.end(placed)?,
                None => {}
            }
            if !agrees {
                let to = self.at(&format!("jobs/{}/blocks.jsonl", placed.id));
                let parcel = Parcel::new(&placed.journal, to, false)?;
                self.deploy(&[parcel])?;
            }
            let answer = self.about(placed, "start", &[&placed.owner])?;
            let started: JobStatus = read_answer("start", &answer)?;
            // Somebody else may have been faster.
            if started.holder.is_none_or(|holder| holder.job == placed.id) {
                return Ok(());
            }
        }
    }

    /// Whether the journal on the board goes on from the one here.
    fn agrees(&mut self, placed: &Placed, journal: &BlockJournal) -> Result<bool, TargetError> {
        let path = self.at(&format!("jobs/{}/blocks.jsonl", placed.id));
        let (bytes, limits) = (journal.bytes().to_string(), Limits::short());
        let words = ["sh", "-c", BEGINNING, "compare journals", &path, &bytes];
        let answer = self.with(&mut |connection, _| connection.run(&words, &limits))?;
        let text = String::from_utf8_lossy(&answer);
        let mut found = text.split_whitespace();
        let there: Option<u64> = found.next().and_then(|n| n.parse().ok());
        let here = Sha256Hex::of_file(&placed.journal).map_err(file("read", &placed.journal))?;
        Ok(there.is_some_and(|n| n >= journal.bytes()) && found.next() == Some(here.as_str()))
    }

    /// Fetches the journal as it grows, until the job ends.
    fn follow(&mut self, placed: &Placed, journal: &mut BlockJournal) -> Result<Left, TargetError> {
        let mut wait = Duration::from_millis(250);
        loop {
            let (standing, lines) = self.standing(placed, journal.bytes(), wait)?;
            let whole = blocks(&lines);
            if journal.bytes() + whole as u64 > placed.most_journal {
                let (what, board) = ("its journal".into(), Some(self.target().name.clone()));
                return Err(TargetError::Flood { what, board, limit: placed.most_journal });
            }
            journal.append_lines(&lines[..whole]).map_err(TargetError::Journal)?;
            if let Some(state) = &standing.state {
                let (done, total) = (state.done, state.total);
                self.tell(News::Measured(JobProgress { done, total }));
            }
            if whole < lines.len() {
                return Ok(Left::Damaged);
            }
            let runs = standing.runs(&placed.id);
            if !runs && lines.is_empty() {
                let state = standing.state.filter(|state| state.job_sha256 == placed.sha256);
                return Ok(state.and_then(|s| s.ended).map_or(Left::Vanished, Left::Ended));
            }
            wait = if runs { (wait * 2).min(LONGEST_WAIT) } else { Duration::ZERO };
        }
    }

    fn standing(
        &mut self,
        placed: &Placed,
        offset: u64,
        wait: Duration,
    ) -> Result<(JobStatus, Vec<u8>), TargetError> {
        let (offset, wait) = (offset.to_string(), wait.as_millis().to_string());
        let mut answer = self.about(placed, "status", &[&offset, &wait])?;
        let line = answer.iter().position(|byte| *byte == b'\n').map_or(answer.len(), |at| at + 1);
        let standing: JobStatus = read_answer("status", &answer[..line])?;
        let lines = answer.split_off(line);
        if lines.len() != standing.follows {
            let said = format!("{} bytes instead of {}", lines.len(), standing.follows);
            return Err(TargetError::Garbage { what: "`paring-agent status`".into(), said });
        }
        Ok((standing, lines))
    }

    fn end(&mut self, placed: &Placed) -> Result<(), TargetError> {
        let answer = self.about(placed, "stop", &[])?;
        read_answer::<JobStatus>("stop", &answer).map(drop)
    }

    /// What an agent left that ends again and again without a word.
    fn last_words(&mut self, placed: &Placed) -> TargetError {
        let log = self.at(&format!("jobs/{}/agent.log", placed.id));
        let words = ["tail", "-c", "400", &log];
        let limits = Limits::short();
        match self.with(&mut |connection, _| connection.run(&words, &limits)) {
            Ok(said) => TargetError::Stopped {
                status: "vanished again and again".into(),
                said: String::from_utf8_lossy(&said).trim().to_string(),
            },
            Err(error) => error,
        }
    }
}

/// How many bytes the journal of a job may have: its blocks with all their tries, many times over.
fn most_journal(job: &Job) -> u64 {
    let tries = [job.rules.retries, job.conditions.repeats].map(|more| u64::from(more) + 1);
    let each = RECORD + SAMPLE * u64::from(job.rules.max_samples);
    let parts = [schedule(job).len() as u64, tries[0], tries[1], CONTINUATIONS, each];
    let bytes = parts.into_iter().fold(1, u64::saturating_mul);
    bytes.clamp(JOURNALS.0, JOURNALS.1)
}

/// The length of the beginning of `lines` that is blocks, line by line.
fn blocks(lines: &[u8]) -> usize {
    let mut whole = 0;
    for line in lines.split_inclusive(|byte| *byte == b'\n') {
        if serde_json::from_slice::<BlockRecord>(line).is_err() {
            break;
        }
        whole += line.len();
    }
    whole
}
