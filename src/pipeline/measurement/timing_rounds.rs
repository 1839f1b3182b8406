//! Times of several models in this process, round by round in random order: what disturbs one round
//! disturbs all, so differences within a round stand.

use paring_agent::engine::{EngineError, InferencePlan, PlanInputs};
use paring_agent::measure::ReferenceLoop;
use paring_core::stats;
use rand::seq::SliceRandom;
use std::time::{Duration, Instant};

/// Rounds at most.
pub(super) const ROUNDS: usize = 80;
/// Rounds at least, however slow the models are.
pub(super) const FEWEST: usize = 5;
/// Runs of a model in a round; the first, whose caches were another's, is not counted.
pub(super) const RUNS: usize = 6;
/// A round is quiet when the loops around it ran within this factor of the fastest twentieth.
const QUIET: f64 = 1.08;

/// Times by round and model.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TimingRounds {
    /// Median nanoseconds of each model, one list a round; quiet rounds only, where enough were.
    pub rounds: Vec<Vec<f64>>,
    /// Share of rounds that were quiet, 0 to 1.
    pub quiet_share: f64,
}

/// Times of plans with their inputs, for at most `budget`; `seed` orders them.
///
/// # Errors
/// The engine's, with the position of the plan that cannot be run.
pub(in crate::pipeline) fn rounds(
    plans: &[(&InferencePlan, &PlanInputs)],
    budget: Duration,
    seed: u64,
) -> Result<TimingRounds, (usize, EngineError)> {
    let begun = Instant::now();
    let (mut reference, mut rounds) = (ReferenceLoop::new(), Vec::new());
    let mut draw = stats::generator(seed, "timing rounds");
    let mut order: Vec<usize> = (0..plans.len()).collect();
    while rounds.len() < ROUNDS && (rounds.len() < FEWEST || begun.elapsed() < budget) {
        order.shuffle(&mut draw);
        let mut medians = vec![0.0; plans.len()];
        let mut slowest = reference.time().as_f64();
        for model in &order {
            let (plan, inputs) = plans[*model];
            let mut times = Vec::with_capacity(RUNS);
            for _ in 0..RUNS {
                let start = Instant::now();
                plan.execute(inputs).map_err(|source| (*model, source))?;
                times.push(start.elapsed().as_nanos() as f64);
            }
            medians[*model] = stats::median(&times[1..]).unwrap_or(0.0);
            slowest = slowest.max(reference.time().as_f64());
        }
        rounds.push((slowest, medians));
    }
    Ok(quiet(rounds))
}

/// Rounds of a quiet machine; all where too few were.
fn quiet(rounds: Vec<(f64, Vec<f64>)>) -> TimingRounds {
    let slowest: Vec<f64> = rounds.iter().map(|(slowest, _)| *slowest).collect();
    let fastest = stats::quantile(&slowest, 0.05).unwrap_or(0.0);
    let is_quiet = |slowest: f64| slowest <= QUIET * fastest;
    let count = slowest.iter().filter(|s| is_quiet(**s)).count();
    let enough = count >= FEWEST.max(rounds.len() / 5);
    let kept = rounds.into_iter().filter(|(slowest, _)| !enough || is_quiet(*slowest));
    TimingRounds {
        quiet_share: count as f64 / slowest.len().max(1) as f64,
        rounds: kept.map(|(_, medians)| medians).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn disturbed_rounds_are_left_out_where_enough_are_not() {
        let mut all: Vec<(f64, Vec<f64>)> = (0..10).map(|_| (100.0, vec![1.0])).collect();
        all.extend((0..10).map(|_| (150.0, vec![2.0])));
        let found = quiet(all);
        assert_eq!((found.rounds.len(), found.quiet_share), (10, 0.5));
        let unsteady = (0..10).map(|i| (100.0 + 20.0 * f64::from(i), vec![1.0])).collect();
        assert_eq!(quiet(unsteady).rounds.len(), 10);
    }
}
