//! Times of several models in this process, round by round in random order: what disturbs one round
//! disturbs all, so differences within a round stand.

use super::{Context, PipelineError, attributed};
use paring_agent::engine::{
    AnalysedModel, DimensionBindings, EngineError, InferencePlan, ModelSource, PlanInputs,
    PlanProfile,
};
use paring_agent::measure::ReferenceLoop;
use paring_core::schema::{EngineOptions, NodeProfile};
use paring_core::stats;
use paring_onnx::graph::{self, Graph};
use rand::seq::SliceRandom;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// TimingRounds at most.
const ROUNDS: usize = 80;
/// TimingRounds at least, however slow the models are.
const FEWEST: usize = 5;
/// Runs of a model in a round; the first, whose caches were another's, is not counted.
const RUNS: usize = 6;
/// A round is quiet when the loops around it ran within this factor of the fastest twentieth.
const QUIET: f64 = 1.08;

/// A model to time.
#[derive(Clone, Debug)]
pub struct TimedModel {
    /// Its file.
    pub path: PathBuf,
    /// Engine options.
    pub options: EngineOptions,
}

/// Times by round and model.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TimingRounds {
    /// Median nanoseconds of each model, one list a round; quiet rounds only, where enough were.
    pub rounds: Vec<Vec<f64>>,
    /// Share of rounds that were quiet, 0 to 1.
    pub quiet_share: f64,
}

impl Context {
    /// Times models on the first calibration samples, for at most `budget`; `None` without samples.
    ///
    /// # Errors
    /// [`PipelineError`] names the model that cannot be run.
    pub fn time(
        &self,
        models: &[TimedModel],
        budget: Duration,
    ) -> Result<Option<TimingRounds>, PipelineError> {
        let Some(calibration) = &self.calibration else { return Ok(None) };
        let samples = calibration.first();
        let plans: Vec<(InferencePlan, PlanInputs)> = models
            .iter()
            .map(|timed| {
                let plan = self.plan(timed)?;
                let inputs = plan.inputs(&samples).map_err(|e| failed(timed, e))?;
                Ok((plan, inputs))
            })
            .collect::<Result<_, PipelineError>>()?;
        let plans: Vec<(&InferencePlan, &PlanInputs)> = plans.iter().map(|(p, i)| (p, i)).collect();
        let rounds = rounds(&plans, budget, self.seed);
        rounds.map(Some).map_err(|(model, source)| failed(&models[model], source))
    }

    /// Profiles two models in turns: the baseline's and the variant's nodes under the same
    /// disturbances. `None` without samples.
    ///
    /// # Errors
    /// [`PipelineError`] names the model that cannot be run.
    pub fn profiles(
        &self,
        models: &[TimedModel; 2],
        budget: Duration,
    ) -> Result<Option<[PlanProfile; 2]>, PipelineError> {
        let Some(calibration) = &self.calibration else { return Ok(None) };
        let samples = calibration.first();
        let begun = Instant::now();
        let mut both = Vec::new();
        for timed in models {
            let plan = self.plan(timed)?;
            let inputs = plan.inputs(&samples).map_err(|e| failed(timed, e))?;
            let first = plan.profile(&inputs, 3).map_err(|e| failed(timed, e))?;
            both.push((plan, inputs, first));
        }
        let mut turns = 0;
        while turns < ROUNDS / 4 && (turns < FEWEST || begun.elapsed() < budget) {
            for ((plan, inputs, all), timed) in both.iter_mut().zip(models) {
                let more = plan.profile(inputs, RUNS).map_err(|e| failed(timed, e))?;
                for (node, own) in all.nodes.iter_mut().zip(more.nodes) {
                    node.times_ns.extend(own.times_ns);
                }
                all.plain_ns.extend(more.plain_ns);
                all.profiled_ns.extend(more.profiled_ns);
            }
            turns += 1;
        }
        let mut profiles = both.into_iter().map(|(_, _, profile)| profile);
        Ok(profiles.next().zip(profiles.next()).map(|(a, b)| [a, b]))
    }

    fn plan(&self, timed: &TimedModel) -> Result<InferencePlan, PipelineError> {
        let bindings = DimensionBindings { batch: self.batch, dims: &self.dims };
        let model = AnalysedModel::load(ModelSource::File(&timed.path), bindings);
        model.and_then(|m| m.optimise(&timed.options)).map_err(|e| failed(timed, e))
    }
}

fn failed(timed: &TimedModel, source: EngineError) -> PipelineError {
    PipelineError::Engine { variant: timed.path.display().to_string(), source }
}

/// Times of plans with their inputs, for at most `budget`; `seed` orders them.
///
/// # Errors
/// The engine's, with the position of the plan that cannot be run.
pub(super) fn rounds(
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

/// TimingRounds of a quiet machine; all where too few were.
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

/// Times of a variant's nodes by the name of the baseline's node that each stands for, in
/// nanoseconds; what belongs to none under the empty name.
pub fn times_by_node(
    baseline: &Graph,
    graph: &Graph,
    profile: &PlanProfile,
) -> BTreeMap<String, f64> {
    let times = attributed(graph, profile);
    charged(baseline, graph, times.map(|(position, times)| (position, times.median_ns())))
}

/// Likewise from a profile that was kept of a machine: means over the faster half of its runs, with
/// what the engine did before each node.
pub fn kept_times_by_node(
    baseline: &Graph,
    graph: &Graph,
    profile: &NodeProfile,
) -> BTreeMap<String, f64> {
    let named = profile.nodes.iter().map(|node| (node.name.as_str(), node.multiplies()));
    let times = profile.nodes.iter().map(|node| node.own_ns + node.before_ns);
    charged(baseline, graph, graph::origins(graph, named).into_iter().zip(times))
}

fn charged(
    baseline: &Graph,
    graph: &Graph,
    times: impl Iterator<Item = (Option<usize>, f64)>,
) -> BTreeMap<String, f64> {
    let mut found = BTreeMap::<String, f64>::new();
    for (position, time) in times {
        let name = position.and_then(|p| stands_for(baseline, graph, p)).unwrap_or_default();
        *found.entry(name).or_default() += time;
    }
    found
}

/// The node of the baseline that a node of a variant stands for: of the same name, or the one that
/// gave the tensor that it converts.
fn stands_for(baseline: &Graph, graph: &Graph, position: usize) -> Option<String> {
    let node = graph.nodes().get(position)?;
    let named = |name: &str| baseline.nodes().iter().find(|n| n.name == name);
    let gives = |tensor: &str| {
        let whole = baseline.nodes().iter().find(|n| n.output.iter().any(|o| o == tensor));
        whole.or_else(|| {
            // A graph's input is charged to whoever reads it first.
            baseline.nodes().iter().find(|n| n.input.iter().any(|i| i == tensor))
        })
    };
    let parts = [node.name.rsplit_once('/').map_or("", |(tensor, _)| tensor)];
    let own = named(&node.name).or_else(|| parts.iter().find_map(|p| named(p)));
    let own = own.or_else(|| parts.iter().find_map(|p| gives(p)));
    own.or_else(|| node.input.first().and_then(|tensor| gives(tensor))).map(|n| n.name.clone())
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
