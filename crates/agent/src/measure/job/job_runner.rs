//! The agent: runs a job's schedule, each block in a fresh process, and journals what came of it.

use super::job_limits::job_problem;
use super::schedule_state::ScheduleState;
use crate::measure::block::{block_processors, environment_of};
use crate::measure::journal::bad_conditions;
use crate::measure::machine::MachineSettings;
use crate::measure::sampling::nanos;
use crate::measure::{
    AgentError, BlockJournal, JournalSummary, MIN_BLOCKS, energy_span, read_journal, run_to_end,
    schedule,
};
use crate::sensors::{self, ConditionObserver};
use paring_core::files::ConfinedPath;
use paring_core::schema::{
    BlockAttempt, BlockConditions, BlockData, BlockKey, BlockKind, BlockOutcome, BlockRecord,
    EngineOptions, Job, SCHEMA, Sha256Hex, check_schema,
};
use paring_core::units::LatencyNs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant, SystemTime};

/// Progress of a job, after every block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct JobProgress {
    /// Blocks that are in the journal.
    pub done: usize,
    /// Blocks of the schedule.
    pub total: usize,
}

/// Reads a job file, and refuses one that no machine can do.
///
/// # Errors
/// [`AgentError`] names the file and what is wrong with it.
pub(crate) fn read_job(path: &Path) -> Result<Job, AgentError> {
    let at = || path.to_path_buf();
    let bytes = std::fs::read(path).map_err(|source| AgentError::Read { path: at(), source })?;
    let job: Job = serde_json::from_slice(&bytes)
        .map_err(|source| AgentError::Format { path: at(), source })?;
    check_schema("the job", job.schema)?;
    match job_problem(&job) {
        Some(problem) => Err(AgentError::Absurd { path: at(), problem }),
        None => Ok(job),
    }
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
    report: &mut dyn FnMut(JobProgress),
) -> Result<(), AgentError> {
    let job = read_job(job_path)?;
    let journal = BlockJournal::open(journal_path)?;
    if journal.set_aside() > 0 {
        let aside = BlockJournal::aside(journal_path);
        paring_core::text::note(format_args!(
            "paring: {} damaged lines went to {}",
            journal.set_aside(),
            aside.display()
        ));
    }
    let mut records = read_journal(&ConfinedPath::file(journal_path))?;
    records.retain(|record| job.counts(record));
    let executable = std::env::current_exe().map_err(AgentError::Executable)?;
    let _machine = MachineSettings::set(sensors::root(), journal_path, &job.conditions)?;
    let blocks = schedule(&job);
    let mut state = ScheduleState::new(&job, &records);
    state.reopen();
    let timed = |key: &BlockKey| matches!(key.kind, BlockKind::Solo | BlockKind::Paired);
    let (early, late): (Vec<usize>, Vec<usize>) =
        (0..blocks.len()).partition(|index| timed(&blocks[*index]));
    // Paired rounds beyond the fixed ones come only as they are needed.
    let (fixed, further): (Vec<usize>, Vec<usize>) =
        early.into_iter().partition(|index| blocks[*index].round < job.blocks);
    let scheduled = fixed.iter().chain(&late);
    let done = scheduled.filter(|index| state.settled(&blocks[**index])).count();
    report(JobProgress { done, total: fixed.len() + late.len() });
    let program = BlockProgram { job_path, executable: &executable, arguments };
    let mut session =
        JobRunner { job: &job, blocks: &blocks, program, journal, records, state, report };
    let (first, last) = (fixed.len(), late.len());
    session.rounds(fixed, 0, last)?;
    session.until_narrow(&further)?;
    session.rounds(late, first, 0)
}

/// Program and arguments of a block's process.
#[derive(Clone, Copy)]
struct BlockProgram<'a> {
    job_path: &'a Path,
    executable: &'a Path,
    arguments: &'a [&'a str],
}

/// A job on its way.
struct JobRunner<'a> {
    job: &'a Job,
    blocks: &'a [BlockKey],
    program: BlockProgram<'a>,
    journal: BlockJournal,
    records: Vec<BlockRecord>,
    state: ScheduleState,
    report: &'a mut dyn FnMut(JobProgress),
}

impl JobRunner<'_> {
    /// All blocks that `pending` names, and again those that were measured under bad conditions.
    /// `before` and `after` are blocks that were or will be run elsewhere.
    fn rounds(
        &mut self,
        mut pending: Vec<usize>,
        before: usize,
        after: usize,
    ) -> Result<(), AgentError> {
        let pending_blocks = pending.len();
        for pass in 0..=self.job.conditions.repeats {
            // A neighbour's load lasts, and heat does: what suffered from it waits for the end.
            let mut again = Vec::new();
            for (position, index) in pending.iter().enumerate() {
                while !self.state.settled(&self.blocks[*index]) {
                    if self.block(*index)? && pass < self.job.conditions.repeats {
                        again.push(*index);
                    }
                }
                let left = pending.len() - position - 1;
                let done = before + if pass == 0 { position + 1 } else { pending_blocks - left };
                (self.report)(JobProgress { done, total: before + pending_blocks + after });
            }
            again.iter().for_each(|index| self.state.again(&self.blocks[*index]));
            pending = again;
        }
        Ok(())
    }

    /// Further rounds of paired blocks, until intervals are as narrow as the job asks, it has as many
    /// blocks as it may have, or time is up.
    fn until_narrow(&mut self, further: &[usize]) -> Result<(), AgentError> {
        let Some(stop) = self.job.stop.clone() else { return Ok(()) };
        let begun = Instant::now();
        for round in self.job.blocks..stop.most_blocks {
            let wide: Vec<usize> = further
                .iter()
                .copied()
                .filter(|index| self.blocks[*index].round == round)
                .filter(|index| self.too_wide(&self.blocks[*index], stop.width))
                .collect();
            if wide.is_empty() || begun.elapsed() > nanos(stop.limit_ns) {
                break;
            }
            for index in wide {
                while !self.state.settled(&self.blocks[index]) {
                    self.block(index)?;
                }
            }
        }
        Ok(())
    }

    /// True if the interval behind a paired block is too wide. A block that is measured already is
    /// none that could make it narrower; a variant that never gave a ratio will not give one.
    fn too_wide(&self, key: &BlockKey, width: f64) -> bool {
        let found = JournalSummary::new(&self.records).speedup(&key.variant_id, key.setting);
        found.is_some_and(|found| {
            let relative = (found.speedup.high - found.speedup.low) / found.speedup.value;
            found.blocks < MIN_BLOCKS || relative > width
        })
    }

    /// Runs one try of a block and keeps its record. Gives whether it ran under bad conditions, those of
    /// a contended machine among them.
    fn block(&mut self, index: usize) -> Result<bool, AgentError> {
        let key = &self.blocks[index];
        let attempt = BlockAttempt { key: key.clone(), number: self.state.tried(key) };
        let mut command = Command::new(self.program.executable);
        if let Some(model) = self.job.models.iter().find(|m| m.variant_id == key.variant_id) {
            command.envs(environment_of(&EngineOptions::default(), &model.options));
        }
        command.args(self.program.arguments).arg("block").arg(self.program.job_path);
        command.args([index.to_string(), attempt.number.to_string()]);
        command.arg(std::process::id().to_string());
        let record = measured(self.job, attempt, command);
        self.journal.append(&record)?;
        self.state.note(&record);
        self.records.push(record);
        let record = &self.records[self.records.len() - 1];
        Ok(!record.invalid.is_empty() || JournalSummary::new(&self.records).contended(record))
    }
}

/// Runs one block in its process and makes a record of it, whatever comes of it.
fn measured(job: &Job, attempt: BlockAttempt, command: Command) -> BlockRecord {
    let kind = attempt.key.kind;
    let started_at = humantime::format_rfc3339_millis(SystemTime::now()).to_string();
    let cooled_ns = job.conditions.cool_down.map(|rule| {
        let waited = sensors::cool_down(sensors::root(), rule, &mut std::thread::sleep);
        LatencyNs::from(waited)
    });
    let mut observer =
        ConditionObserver::start(block_processors(sensors::root(), job, &attempt.key));
    let sees = observer.sees();
    let mut look = || observer.look();
    let begun = Instant::now();
    let look: Option<&mut dyn FnMut()> = if sees { Some(&mut look) } else { None };
    let outcome = match run_to_end(command, limit(job, attempt.key.kind), look) {
        Err(failure) => BlockOutcome::Failed { reason: failure.to_string() },
        Ok(output) => match serde_json::from_slice::<BlockData>(&output) {
            Ok(data) => BlockOutcome::Done { data },
            Err(error) => {
                BlockOutcome::Failed { reason: format!("its result is unreadable: {error}") }
            }
        },
    };
    let wall_ns = begun.elapsed().into();
    let conditions = BlockConditions { cooled_ns, ..observer.finish() };
    BlockRecord {
        schema: SCHEMA,
        measurement_sha256: rules_sha256(job, attempt.key.kind),
        attempt,
        started_at,
        wall_ns,
        agent_version: env!("CARGO_PKG_VERSION").to_string(),
        emulated: job.emulated || sensors::emulated(sensors::root()),
        // To see what heat does is what a long load is for.
        invalid: match kind {
            BlockKind::Sustained => vec![],
            _ => bad_conditions(&job.conditions, &conditions),
        },
        conditions,
        outcome,
    }
}

/// Time limit of a block; a long load also has its span, an energy block also its windows, twice
/// over for the time that sensors need to follow.
fn limit(job: &Job, kind: BlockKind) -> Duration {
    let windows = match (&job.energy, kind) {
        (Some(energy), BlockKind::Energy) => energy_span(&energy.rules) * 2,
        _ => Duration::ZERO,
    };
    let load = match kind {
        BlockKind::Sustained => nanos(job.sustained_ns.unwrap_or(LatencyNs(0))),
        _ => Duration::ZERO,
    };
    nanos(job.rules.limit_ns) + windows + load
}

/// The rules that a block is measured by.
fn rules_sha256(job: &Job, kind: BlockKind) -> Sha256Hex {
    match (&job.energy, kind) {
        (Some(energy), BlockKind::Energy) => energy.rules_sha256.clone(),
        _ => job.measurement_sha256.clone(),
    }
}
