//! Latency effects of groups: experiments timed side by side, and profiles of layers before and
//! after.

use crate::attribution::effects::LEVEL;
use crate::attribution::experiments::AblationStudy;
use crate::attribution::shapley::{CoalitionContrast, GroupCoalition};
use crate::pipeline::{
    HERE, PipelineError, RecipeInputs, TimedModel, kept_times_by_node, times_by_node,
};
use paring_core::schema::{
    ConfidenceInterval, DecisionGroup, Effect, LayerChange, MetricTotal, MissingReason, NodeProfile,
};
use paring_core::stats::{self, BootstrapOptions};
use paring_onnx::graph::{Graph, layer_names};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// The reason that effects of time have no Shapley value.
const NO_SHAPLEY: &str =
    "only each group alone and on top of all others was timed, so there is no Shapley value";

/// Times of all experiments.
#[derive(Clone, Debug, Default)]
pub struct LatencyEffects {
    /// One a group.
    pub effects: Vec<Effect>,
    /// Before and after; `None` where nothing could be timed.
    pub total: Option<MetricTotal>,
    /// Layers in the baseline's order, then modules.
    pub layers: Vec<LayerChange>,
    /// Share of the rounds that saw a quiet machine, 0 to 1.
    pub quiet_share: f64,
}

impl AblationStudy<'_> {
    /// Times the baseline, the variant, each group alone and all but each, in this process, and
    /// profiles the layers of the first two.
    ///
    /// # Errors
    /// Those of the engine.
    pub fn times(&mut self, budget: Duration) -> Result<LatencyEffects, PipelineError> {
        let count = self.groups.len();
        let sets = self.plan.base(&(0..count).collect::<Vec<_>>());
        let timed: Vec<TimedModel> = sets.iter().filter_map(|set| self.timed(*set)).collect();
        if timed.len() != sets.len() {
            return Ok(LatencyEffects::default());
        }
        let Some(inputs) = self.laboratory().map(|l| l.inputs().clone()) else {
            return Ok(LatencyEffects::default());
        };
        let Some(rounds) = inputs.time(&timed, budget)? else {
            return Ok(LatencyEffects::default());
        };
        // The rounds have the models in the order of the sets that they were made of.
        let of_model =
            |model: usize| rounds.rounds.iter().filter_map(move |r| r.get(model).copied());
        let times: BTreeMap<GroupCoalition, Vec<f64>> =
            sets.iter().enumerate().map(|(model, set)| (*set, of_model(model).collect())).collect();
        let estimate = |form: &CoalitionContrast| -> Option<ConfidenceInterval> {
            let at = |round: usize| form.of(|set| times.get(&set)?.get(round).copied());
            let values: Vec<f64> = (0..rounds.rounds.len()).map(at).collect::<Option<_>>()?;
            let how = BootstrapOptions { resamples: 4_000, level: LEVEL, seed: 0 };
            stats::bootstrap_median(&values, how)
        };
        let method = format!(
            "{} rounds of all experiments in random order, medians; not fresh processes",
            rounds.rounds.len()
        );
        let shapley = |group: usize| estimate(&self.plan.exact_shapley_value(group, &sets)?);
        let effects = self.groups.iter().enumerate().map(|(position, group)| Effect {
            shapley: shapley(position),
            solo: estimate(&CoalitionContrast::solo(position)),
            leave_one_out: estimate(&CoalitionContrast::leave_one_out(position, count)),
            method: method.clone(),
            missing: shapley(position).is_none().then(|| MissingReason(NO_SHAPLEY.into())),
            ..Effect::unknown(&group.id, "latency", Some(HERE), "ns")
        });
        let effects = effects.collect();
        let median = |set: GroupCoalition| stats::median(times.get(&set)?);
        let total = || {
            Some(MetricTotal {
                metric: "latency".into(),
                of: None,
                target: Some(HERE.into()),
                unit: "ns".into(),
                samples: None,
                baseline: median(GroupCoalition::EMPTY)?,
                variant: median(GroupCoalition::full(count))?,
                change: estimate(&CoalitionContrast::total(count))?,
                left_over: None,
                unsound: None,
            })
        };
        let ends = [self.timed(GroupCoalition::EMPTY), self.timed(GroupCoalition::full(count))];
        let layers = match ends {
            [Some(before), Some(after)] => self.layers(&inputs, before, after, budget)?,
            _ => vec![],
        };
        Ok(LatencyEffects { effects, total: total(), layers, quiet_share: rounds.quiet_share })
    }

    /// The layers' times before and after, each with the groups that touched it.
    fn layers(
        &self,
        inputs: &RecipeInputs,
        before: TimedModel,
        after: TimedModel,
        budget: Duration,
    ) -> Result<Vec<LayerChange>, PipelineError> {
        let failed = |source| PipelineError::Graph { variant: "an experiment".into(), source };
        let baseline = Graph::load(&before.path).map_err(failed)?;
        let variant = Graph::load(&after.path).map_err(failed)?;
        let profiles = inputs.profiles(&[before, after], budget)?;
        Ok(profiles.map_or(vec![], |[was, is]| {
            let was = times_by_node(&baseline, &baseline, &was);
            let is = times_by_node(&baseline, &variant, &is);
            by_layer(HERE, &baseline, &was, &is, &self.groups)
        }))
    }

    /// Likewise from what a run timed on a target: the graph and its nodes before, and after.
    pub fn layers_on(
        &self,
        target: &str,
        (baseline, was): (&Graph, &NodeProfile),
        (variant, is): (&Graph, &NodeProfile),
    ) -> Vec<LayerChange> {
        let was = kept_times_by_node(baseline, baseline, was);
        let is = kept_times_by_node(baseline, variant, is);
        by_layer(target, baseline, &was, &is, &self.groups)
    }

    fn timed(&mut self, set: GroupCoalition) -> Option<TimedModel> {
        let experiment = self.table.experiment(0, set)?.clone();
        let path = self.laboratory()?.file(&experiment.file_sha256);
        path.exists()
            .then_some(TimedModel { path: path.to_path_buf(), options: experiment.options })
    }
}

/// Times by layer of the baseline, in its order, then by module.
fn by_layer(
    target: &str,
    baseline: &Graph,
    before: &BTreeMap<String, f64>,
    after: &BTreeMap<String, f64>,
    groups: &[DecisionGroup],
) -> Vec<LayerChange> {
    let mut layers: Vec<LayerChange> = Vec::new();
    for (node, name) in baseline.nodes().iter().zip(layer_names(baseline)) {
        let time = |times: &BTreeMap<String, f64>| times.get(&node.name).copied().unwrap_or(0.0);
        let (was, is) = (time(before), time(after));
        if was == 0.0 && is == 0.0 {
            continue;
        }
        let touching =
            groups.iter().filter(|g| g.layers.iter().any(|l| *l == name || *l == node.name));
        let touching: Vec<String> = touching.map(|g| g.id.clone()).collect();
        match layers.iter_mut().find(|l| l.layer == name) {
            Some(layer) => add(layer, was, is, touching),
            None => layers.push(LayerChange {
                layer: name,
                scope: "layer".into(),
                target: target.into(),
                before_ns: was,
                after_ns: is,
                groups: touching,
            }),
        }
    }
    let modules = modules(&layers);
    layers.extend(modules);
    layers
}

fn add(into: &mut LayerChange, before: f64, after: f64, groups: Vec<String>) {
    into.before_ns += before;
    into.after_ns += after;
    let all: BTreeSet<String> = into.groups.drain(..).chain(groups).collect();
    into.groups = all.into_iter().collect();
}

/// Sums over modules: what layers are called up to their last `.` or `/`.
fn modules(layers: &[LayerChange]) -> Vec<LayerChange> {
    let mut modules: Vec<LayerChange> = Vec::new();
    for layer in layers {
        let Some(end) = layer.layer.rfind(['.', '/']) else { continue };
        let name = &layer.layer[..end];
        match modules.iter_mut().find(|m| m.layer == name) {
            Some(module) => add(module, layer.before_ns, layer.after_ns, layer.groups.clone()),
            None => modules.push(LayerChange {
                layer: name.into(),
                scope: "module".into(),
                ..layer.clone()
            }),
        }
    }
    modules
}
