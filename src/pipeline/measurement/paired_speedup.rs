//! Forms of one model against each other in this process, by the rules of paired blocks: bursts in
//! random order, a reference loop beside each, ratios from quiet rounds, blocks as replicates.

use paring_agent::engine::{
    AnalysedModel, DimensionBindings, EngineError, InferencePlan, ModelSource,
};
use paring_agent::measure::{ContentionProbe, InputCycle, QUIET_MARGIN, sample_burst, warm_up};
use paring_compress::catalog::Calibration;
use paring_core::schema::{ConfidenceInterval, EngineOptions, SampleRules};
use paring_core::stats::{self, BootstrapOptions};
use paring_core::units::LatencyNs;
use rand::RngExt;
use rand::seq::SliceRandom;
use std::time::{Duration, Instant};

/// Every block loads all forms anew, because where a model lies in memory is luck.
const BLOCKS: usize = 9;
/// Time of a block for each form, where that is more than [`LEAST_ROUNDS`].
const SPAN: Duration = Duration::from_millis(120);
/// A form that warms up to more than this times the first one's time does not take part: beside it
/// the others' bursts would lie far apart.
const HOPELESS: f64 = 2.0;
const LEAST_ROUNDS: usize = 5;
const SLOW_ROUNDS: usize = 3;
/// From here on a model is slow: fewer rounds have to do.
const SLOW: LatencyNs = LatencyNs(20_000_000);
const DISTINCT_INPUTS: usize = 8;
const INTERVALS: BootstrapOptions = BootstrapOptions { resamples: 10_000, level: 0.99, seed: 0 };

/// A form of a model.
#[derive(Clone, Copy, Debug)]
pub(in crate::pipeline) struct TrialForm<'a> {
    /// The encoded model.
    pub(in crate::pipeline) bytes: &'a [u8],
    /// Engine options.
    pub(in crate::pipeline) options: &'a EngineOptions,
}

/// Speedup of a form over the first.
#[derive(Clone, Copy, Debug)]
pub(in crate::pipeline) struct PairedSpeedup {
    /// First over this one; above 1 is faster. Of a form that is far slower a rough figure.
    pub(in crate::pipeline) speedup: ConfidenceInterval,
    /// Share of its rounds that were quiet.
    pub(in crate::pipeline) quiet_share: f64,
}

/// A burst: which form, the reference before it, the median of its warm samples.
struct FormBurst {
    entrant: usize,
    reference_ns: f64,
    median_ns: f64,
}

/// Measures all forms, the first being what the others are compared with.
///
/// # Errors
/// The engine's.
pub(in crate::pipeline) fn paired_speedups(
    entrants: &[TrialForm],
    calibration: &Calibration,
    rules: &SampleRules,
    seed: u64,
) -> Result<Vec<PairedSpeedup>, EngineError> {
    let mut order = stats::generator(seed, "race");
    let rough = entrants
        .iter()
        .map(|entrant| Ok(FormRunner::new(entrant, calibration, rules)?.each.as_f64()))
        .collect::<Result<Vec<f64>, EngineError>>()?;
    let fast = |e: &usize| rough[*e] <= rough[0] * HOPELESS && (*e == 0 || !same(entrants, *e));
    let racing: Vec<usize> = (0..entrants.len()).filter(fast).collect();
    let mut blocks: Vec<Vec<FormBurst>> = Vec::new();
    for _ in 0..BLOCKS {
        let (mut runners, padding) = loaded(entrants, &racing, calibration, rules, &mut order)?;
        let slowest = runners.iter().map(|r| r.each).max().unwrap_or_default();
        let least = if slowest > SLOW { SLOW_ROUNDS } else { LEAST_ROUNDS };
        let mut watch = ContentionProbe::new();
        let (mut runs, mut rounds, begun) = (Vec::new(), 0, Instant::now());
        while rounds < least || begun.elapsed() < SPAN * racing.len() as u32 {
            let mut turn: Vec<usize> = (0..runners.len()).collect();
            turn.shuffle(&mut order);
            for entrant in turn {
                runs.push(runners[entrant].run(entrant, &mut watch)?);
            }
            rounds += 1;
        }
        blocks.push(runs);
        drop(padding);
    }
    let placed = placings(&blocks, racing.len());
    let placing = |e: usize| match racing.iter().position(|r| *r == e) {
        Some(position) => placed[position],
        None if same(entrants, e) => exactly(1.0),
        None => exactly(rough[0] / rough[e].max(1.0)),
    };
    Ok((0..entrants.len()).map(placing).collect())
}

/// True of a form that is the first one again.
fn same(entrants: &[TrialForm], e: usize) -> bool {
    let (first, other) = (&entrants[0], &entrants[e]);
    first.bytes == other.bytes && first.options == other.options
}

fn exactly(ratio: f64) -> PairedSpeedup {
    PairedSpeedup {
        speedup: ConfidenceInterval { value: ratio, low: ratio, high: ratio },
        quiet_share: 0.0,
    }
}

/// Loads forms in random order, with random gaps between them in memory: where a model lies is luck,
/// and in one process the same luck every time otherwise. Runners come in the order of `racing`.
fn loaded(
    entrants: &[TrialForm],
    racing: &[usize],
    calibration: &Calibration,
    rules: &SampleRules,
    draw: &mut stats::SeededGenerator,
) -> Result<(Vec<FormRunner>, Vec<Vec<u8>>), EngineError> {
    let mut order: Vec<usize> = (0..racing.len()).collect();
    order.shuffle(draw);
    let mut padding = Vec::new();
    let mut runners: Vec<Option<FormRunner>> = (0..racing.len()).map(|_| None).collect();
    for position in order {
        padding.push(vec![1u8; draw.random_range(64..65_536)]);
        runners[position] = Some(FormRunner::new(&entrants[racing[position]], calibration, rules)?);
    }
    Ok((runners.into_iter().flatten().collect(), padding))
}

struct FormRunner {
    plan: InferencePlan,
    cycle: InputCycle,
    each: LatencyNs,
    length: usize,
}

impl FormRunner {
    fn new(
        entrant: &TrialForm,
        calibration: &Calibration,
        rules: &SampleRules,
    ) -> Result<FormRunner, EngineError> {
        let bindings = DimensionBindings { batch: calibration.batch, dims: &calibration.dims };
        let source = ModelSource::Bytes("a form of the model", entrant.bytes);
        let plan = AnalysedModel::load(source, bindings)?.optimise(entrant.options)?;
        let batches = 0..calibration.batches().min(DISTINCT_INPUTS);
        let inputs = batches.map(|b| plan.inputs(&calibration.arrays(b)));
        let inputs = inputs.collect::<Result<Vec<_>, _>>()?;
        let mut cycle = InputCycle::new(inputs).ok_or(EngineError::NoInput("any".into()))?;
        let (_, each) = warm_up(&plan, &mut cycle, rules)?;
        // The first sample finds the caches of another form, and is left out.
        let most = if each > SLOW { 2 } else { 64 };
        let length = 1 + (rules.burst_ns.0 / each.0.max(1)).clamp(3, 64).min(most) as usize;
        Ok(FormRunner { plan, cycle, each, length })
    }

    fn run(
        &mut self,
        entrant: usize,
        watch: &mut ContentionProbe,
    ) -> Result<FormBurst, EngineError> {
        let burst = sample_burst(&self.plan, &mut self.cycle, self.length, watch)?;
        let warm: Vec<f64> = burst.samples_ns.iter().skip(1).map(|s| s.as_f64()).collect();
        let median_ns = stats::median(&warm).unwrap_or(0.0);
        Ok(FormBurst { entrant, reference_ns: burst.reference_ns.as_f64(), median_ns })
    }
}

/// The ratios of every form, from the quiet rounds of each block, or from all of a block that had
/// none.
fn placings(blocks: &[Vec<FormBurst>], entrants: usize) -> Vec<PairedSpeedup> {
    // What ran before a reference loop leaves it in a pace of its own.
    let mut paces: Vec<Vec<f64>> = vec![Vec::new(); entrants];
    for pair in blocks.iter().flat_map(|runs| runs.windows(2)) {
        paces[pair[0].entrant].push(pair[1].reference_ns);
    }
    let limits: Vec<f64> = paces
        .iter()
        .map(|p| stats::quantile(p, 0.05).unwrap_or(f64::INFINITY) * (1.0 + QUIET_MARGIN))
        .collect();
    let quiet = |runs: &[FormBurst], at: usize| {
        let before = at == 0 || runs[at].reference_ns <= limits[runs[at - 1].entrant];
        let after = runs.get(at + 1).is_none_or(|r| r.reference_ns <= limits[runs[at].entrant]);
        before && after
    };
    (0..entrants)
        .map(|entrant| {
            let (mut medians, mut calm, mut all) = (Vec::new(), 0usize, 0usize);
            for runs in blocks {
                let (mut ratios, mut quiets) = (Vec::new(), Vec::new());
                for round in 0..runs.len() / entrants {
                    let own = round * entrants..(round + 1) * entrants;
                    let at = |e: usize| own.clone().find(|i| runs[*i].entrant == e);
                    let (Some(first), Some(this)) = (at(0), at(entrant)) else { continue };
                    let ratio = (runs[first].median_ns / runs[this].median_ns.max(1.0)).ln();
                    ratios.push(ratio);
                    if quiet(runs, first) && quiet(runs, this) {
                        quiets.push(ratio);
                    }
                }
                (calm, all) = (calm + quiets.len(), all + ratios.len());
                let used = if quiets.len() >= 3 { quiets } else { ratios };
                medians.extend(stats::median(&used));
            }
            let log = stats::bootstrap_median(&medians, INTERVALS);
            let log = log.unwrap_or(ConfidenceInterval {
                value: 0.0,
                low: f64::NEG_INFINITY,
                high: f64::INFINITY,
            });
            let speedup = ConfidenceInterval {
                value: log.value.exp(),
                low: log.low.exp(),
                high: log.high.exp(),
            };
            PairedSpeedup { speedup, quiet_share: calm as f64 / all.max(1) as f64 }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_come_from_quiet_rounds() {
        let run = |entrant, reference_ns, median_ns| FormBurst { entrant, reference_ns, median_ns };
        let block = || {
            let calm = (0..20).flat_map(|_| [run(0, 10.0, 200.0), run(1, 10.0, 100.0)]);
            let busy = (0..20).flat_map(|_| [run(0, 20.0, 900.0), run(1, 20.0, 100.0)]);
            calm.chain(busy).collect::<Vec<_>>()
        };
        let blocks: Vec<_> = (0..9).map(|_| block()).collect();
        let found = placings(&blocks, 2);
        assert!((found[1].speedup.value - 2.0).abs() < 1e-9);
        assert!((found[0].speedup.value - 1.0).abs() < 1e-9);
        assert!(found[1].quiet_share < 0.55 && found[1].quiet_share > 0.4);
    }
}
