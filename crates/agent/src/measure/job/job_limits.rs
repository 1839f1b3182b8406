//! Jobs and questions that make no sense, or that no machine survives: refused before anything runs.

use paring_core::schema::{Job, PredictRequest};
use paring_core::units::LatencyNs;

/// Samples in one inference.
const MOST_BATCH: usize = 65_536;
/// Threads of the engine over all streams of a setting.
const MOST_THREADS: usize = 1_024;
/// Blocks of a schedule.
const MOST_BLOCKS: u64 = 1_000_000;
/// Samples of one model that a block keeps.
const MOST_SAMPLES: u32 = 1_000_000;
/// Tries of one block.
const MOST_TRIES: u32 = 1_000;
/// A span of anything.
const LONGEST: LatencyNs = LatencyNs(7 * 24 * 3600 * 1_000_000_000);
/// A symbolic dimension.
const MOST_DIM: usize = 1 << 31;

/// The first thing of a job that cannot be meant.
pub(crate) fn job_problem(job: &Job) -> Option<String> {
    let baselines = job.models.iter().filter(|model| model.baseline).count();
    if baselines != 1 {
        return Some(format!("it has {baselines} baselines, not one"));
    }
    if job.settings.is_empty() {
        return Some("it has no settings".into());
    }
    let batches = job.settings.iter().map(|setting| setting.batch);
    let threads = job.settings.iter().map(|s| (s.threads, s.streams));
    batches
        .filter_map(batch_problem)
        .chain(threads.filter_map(|(threads, streams)| threads_problem(threads, streams)))
        .chain(job.dims.iter().filter_map(|(name, size)| dim_problem(name, *size)))
        .next()
        .or_else(|| blocks_problem(job))
        .or_else(|| span_problem(job))
}

/// The first thing of a question that cannot be meant.
pub(crate) fn request_problem(question: &PredictRequest) -> Option<String> {
    let dims = question.dims.iter().find_map(|(name, size)| dim_problem(name, *size));
    batch_problem(question.batch).or(dims)
}

/// Problem of a batch, if it has one.
pub(crate) fn batch_problem(batch: usize) -> Option<String> {
    let fine = (1..=MOST_BATCH).contains(&batch);
    (!fine).then(|| format!("batch {batch} is not from 1 to {MOST_BATCH}"))
}

fn threads_problem(threads: usize, streams: usize) -> Option<String> {
    let fine = threads.checked_mul(streams).is_some_and(|all| (1..=MOST_THREADS).contains(&all));
    (!fine).then(|| {
        format!("{threads} threads in {streams} streams are not from 1 to {MOST_THREADS} threads")
    })
}

fn dim_problem(name: &str, size: usize) -> Option<String> {
    let fine = (1..=MOST_DIM).contains(&size);
    (!fine).then(|| format!("dimension `{name}` of {size} is not from 1 to {MOST_DIM}"))
}

/// Counts blocks without making the schedule.
fn blocks_problem(job: &Job) -> Option<String> {
    let most = job.stop.as_ref().map_or(0, |stop| stop.most_blocks).max(job.blocks);
    let windows = job.energy.as_ref().map_or(0, |energy| energy.rules.windows);
    let rounds = 2 * u64::from(most) + 1 + u64::from(windows);
    let pairs = (job.models.len() as u64).saturating_mul(job.settings.len() as u64);
    let blocks = rounds.saturating_mul(pairs);
    if blocks > MOST_BLOCKS {
        return Some(format!("it has up to {blocks} blocks, {MOST_BLOCKS} are the most"));
    }
    let tries = job.rules.retries.max(job.conditions.repeats);
    if tries > MOST_TRIES {
        return Some(format!("blocks are tried {tries} times, {MOST_TRIES} are the most"));
    }
    let samples = job.rules.max_samples;
    (samples > MOST_SAMPLES)
        .then(|| format!("blocks keep {samples} samples, {MOST_SAMPLES} are the most"))
}

fn span_problem(job: &Job) -> Option<String> {
    let rules = &job.rules;
    let energy = job.energy.as_ref().map(|energy| &energy.rules);
    let spans = [
        ("warmup_min_ns", Some(rules.warmup_min_ns)),
        ("warmup_max_ns", Some(rules.warmup_max_ns)),
        ("solo_ns", Some(rules.solo_ns)),
        ("paired_ns", Some(rules.paired_ns)),
        ("burst_ns", Some(rules.burst_ns)),
        ("limit_ns", Some(rules.limit_ns)),
        ("sustained_ns", job.sustained_ns),
        ("run_ns", energy.map(|rules| rules.run_ns)),
        ("idle_ns", energy.map(|rules| rules.idle_ns)),
    ];
    let long = |(name, span): (&str, Option<LatencyNs>)| {
        let span = span.filter(|span| *span > LONGEST)?;
        Some(format!("`{name}` is {span}, {LONGEST} are the most"))
    };
    let pause = job.conditions.cool_down.map(|rule| u64::from(rule.limit_s));
    let pause = pause.filter(|seconds| seconds.saturating_mul(1_000_000_000) > LONGEST.0);
    spans
        .into_iter()
        .find_map(long)
        .or_else(|| pause.map(|s| format!("`cool_down.limit_s` is {s}, {LONGEST} are the most")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::job::example_job as job;
    use paring_core::schema::ExecutionSetting;

    #[track_caller]
    fn refused(change: impl Fn(&mut Job), expected: &str) {
        let mut odd = job(5);
        assert_eq!(job_problem(&odd), None);
        change(&mut odd);
        let problem = job_problem(&odd).unwrap();
        assert!(problem.contains(expected), "{problem}");
    }

    #[test]
    fn absurd_jobs_are_refused_and_said_why() {
        let setting = |batch, threads, streams| ExecutionSetting { batch, threads, streams };
        refused(|job| job.settings[0].batch = 0, "batch 0 is not from 1 to 65536");
        refused(|job| job.settings[0] = setting(1, 1_000_000, 1), "1000000 threads in 1 streams");
        refused(|job| job.settings[0] = setting(1, 1_000, 1_000), "1000 threads in 1000 streams");
        refused(|job| job.settings[0] = setting(1, 0, 1), "0 threads");
        refused(|job| job.settings[0] = setting(1, usize::MAX, 2), "threads in 2 streams");
        refused(|job| job.settings.clear(), "no settings");
        refused(|job| job.models.clear(), "0 baselines");
        refused(|job| job.blocks = u32::MAX, "blocks, 1000000 are the most");
        refused(|job| job.rules.retries = u32::MAX, "tried 4294967295 times");
        refused(|job| job.rules.max_samples = u32::MAX, "keep 4294967295 samples");
        refused(|job| job.rules.limit_ns = LatencyNs(u64::MAX), "`limit_ns` is");
        refused(|job| job.sustained_ns = Some(LatencyNs(u64::MAX)), "`sustained_ns` is");
        refused(|job| job.dims = [("seq".to_string(), 0)].into(), "dimension `seq` of 0");
    }
}
