//! Attribution where the truth is known: networks whose classes are carried by known channels, a
//! planted harmful quantizer, a planted slow layer, and studies simulated by the hundred.

mod common;

use common::planted::{Case, Plant};
use paring::attribution::{
    EffectAttribution, EvaluatedSamples, ExperimentMetric, ExperimentPlan, ExperimentProgress,
    ExperimentTable, GroupCoalition, GroupLevel, correct_multiple_tests, narrate,
};
use paring::schema::{DecisionGroup, Effect, Experiment, ExperimentPredictions, GroupInteraction};
use paring::stats::{self, SeededGenerator};
use rand::RngExt;
use rayon::prelude::*;
use std::collections::BTreeMap;

/// Shapley values of accuracy by label of the group.
fn shapley(case: &Case) -> Vec<(String, f64)> {
    let found = case.investigate(GroupLevel::Layer, 1);
    let attribution = EffectAttribution {
        groups: &found.groups,
        plan: &found.plan,
        explored: &found.explored,
        table: &found.table,
    };
    let (effects, totals) = attribution.all(&[ExperimentMetric::Accuracy]);
    assert!(totals[0].left_over.unwrap().abs() < 1e-12);
    let value = |e: &paring::schema::Effect| e.shapley.unwrap().value;
    let labels = found.groups.iter().map(|g| g.label.clone());
    labels.zip(effects.iter().map(value)).collect()
}

/// Every class is carried by one channel of every layer: a layer without it loses exactly that class.
#[test]
fn additive_cases_are_exact() {
    for seed in 0..8 {
        let case = Case::new(seed, Plant::Classes);
        for (label, found) in shapley(&case) {
            let expected = case.expected(&label);
            assert!((found - expected).abs() < 1e-12, "seed {seed}, {label}: {found} {expected}");
        }
    }
}

#[track_caller]
fn first_in(plant: Plant, cases: u64) {
    let right: Vec<bool> = (0..cases)
        .into_par_iter()
        .map(|seed| {
            let case = Case::new(seed, plant);
            let mut found = shapley(&case);
            found.sort_by(|a, b| a.1.total_cmp(&b.1));
            found[0].0.ends_with(&case.culprit)
        })
        .collect();
    let right = right.iter().filter(|r| **r).count() as u64;
    eprintln!("{plant:?}: the planted cause comes first in {right} of {cases} cases");
    assert!(right * 100 >= cases * 95, "{right} of {cases}");
}

#[test]
fn the_planted_channels_come_first() {
    first_in(Plant::Channels, 100);
}

#[test]
fn the_planted_quantizer_comes_first() {
    first_in(Plant::Quantizer, 100);
}

/// In every kind of task: the culprit first, and named with the class and the slice that are lost.
#[test]
fn the_planted_channels_are_named_in_every_task() {
    use paring::schema::TaskKind::{Classification, Multilabel, Regression, Scores, Segmentation};
    let cases: u64 = std::env::var("PARING_PLANTED").map_or(20, |n| n.parse().unwrap());
    for kind in [Classification, Multilabel, Regression, Scores, Segmentation] {
        let found: Vec<(bool, bool)> = (0..cases)
            .into_par_iter()
            .map(|seed| {
                let case = Case::of(seed, Plant::Channels, kind);
                let (values, said) = case.said();
                let first = values[0].0.ends_with(&case.culprit);
                let group = &case.culprit;
                let class = format!("class {}", case.class);
                let of: &[&str] = match kind {
                    Classification | Multilabel => &[&class, "room=1"],
                    Segmentation => &[&class],
                    _ => &[""],
                };
                let says = |of: &&str| said.iter().any(|t| t.contains(group) && t.contains(of));
                let named = of.iter().all(says);
                if !first || !named {
                    eprintln!("{kind} {seed}: {values:?} {said:#?}");
                }
                (first, named)
            })
            .collect();
        let count = |of: &dyn Fn(&(bool, bool)) -> bool| found.iter().filter(|f| of(f)).count();
        let (first, named) = (count(&|f| f.0), count(&|f| f.1));
        eprintln!(
            "{kind}: first in {first} of {cases}, named with the class, and its slice, in {named}"
        );
        assert!(first as u64 * 100 >= cases * 95 && named as u64 * 100 >= cases * 95, "{kind}");
    }
}

/// The order of times, not a time: the planted layer does a hundred times the others' work.
#[test]
fn the_planted_slow_layer_comes_first() {
    let case = Case::new(1, Plant::Slow);
    let mut found = case.investigate(GroupLevel::Layer, 1);
    let times = found.times(std::time::Duration::from_secs(2)).unwrap();
    let layers = times.layers.iter().filter(|l| l.scope == "layer");
    let slowest = layers.max_by(|a, b| a.before_ns.total_cmp(&b.before_ns)).unwrap();
    let saved = times.effects.iter().min_by(|a, b| {
        let value = |e: &paring::schema::Effect| e.leave_one_out.unwrap().value;
        value(a).total_cmp(&value(b))
    });
    let group = found.groups.iter().find(|g| g.id == saved.unwrap().group).unwrap();
    assert!(group.label.ends_with(&case.culprit), "{}", group.label);
    assert!(slowest.groups.contains(&group.id), "{slowest:?}");
}

/// What the experiments say is the same whether they are made or found.
#[test]
fn resuming_makes_nothing_twice() {
    let case = Case::new(3, Plant::Channels);
    let first = case.investigate(GroupLevel::Layer, 2);
    assert!(first.made > 0);
    let again = case.investigate(GroupLevel::Layer, 2);
    assert_eq!(again.made, 0);
    assert_eq!(first.table.draws, again.table.draws);
}

/// One study of a known world: groups spoil samples independently, with probabilities that differ
/// between draws of calibration samples.
struct World {
    /// Mean probability of each group.
    mean: Vec<f64>,
    /// By draw and group.
    spoils: Vec<Vec<f64>>,
    table: ExperimentTable,
}

const DRAWS: usize = 5;
const SAMPLES: usize = 240;

impl World {
    fn new(seed: u64) -> World {
        let mut rng = stats::generator(seed, "simulated study");
        let mean = vec![0.10, 0.16, 0.24];
        let spoils: Vec<Vec<f64>> = (0..DRAWS)
            .map(|_| mean.iter().map(|p| p + 0.06 * (rng.random::<f64>() - 0.5)).collect())
            .collect();
        // Half of what decides whether a sample is spoilt is its own, whatever the draw.
        let own: Vec<Vec<f64>> =
            (0..SAMPLES).map(|_| mean.iter().map(|_| rng.random()).collect()).collect();
        let draws = spoils.iter().map(|p| draw(&mut rng, p, &own)).collect();
        let truth = EvaluatedSamples { labels: vec![0; SAMPLES], ..EvaluatedSamples::default() };
        World { mean, spoils, table: ExperimentTable { truth, draws } }
    }

    /// The Shapley value of a group where each spoils with these probabilities.
    fn truth(
        spoils: &[f64],
        plan: &ExperimentPlan,
        explored: &ExperimentProgress,
        group: usize,
    ) -> f64 {
        let right = |set: GroupCoalition| set.groups().map(|g| 1.0 - spoils[g]).product::<f64>();
        plan.shapley(group, explored).unwrap().form.of(|set| Some(right(set))).unwrap()
    }
}

fn draw(
    rng: &mut SeededGenerator,
    spoils: &[f64],
    own: &[Vec<f64>],
) -> BTreeMap<GroupCoalition, Experiment> {
    let spoilt: Vec<Vec<bool>> = own
        .iter()
        .map(|own| {
            let other = own.iter().map(|own| if rng.random() { *own } else { rng.random() });
            other.zip(spoils).map(|(u, p)| u < *p).collect()
        })
        .collect();
    let answer = |set: GroupCoalition| {
        let wrong = |sample: &Vec<bool>| set.groups().any(|g| sample[g]);
        spoilt.iter().map(|sample| Some(i64::from(wrong(sample)))).collect()
    };
    GroupCoalition::all(spoils.len()).map(|set| (set, experiment(answer(set)))).collect()
}

fn experiment(classes: Vec<Option<i64>>) -> Experiment {
    let confidences = vec![Some(1.0); classes.len()];
    Experiment::of(ExperimentPredictions { classes, confidences, values: vec![] })
}

fn group(id: usize) -> DecisionGroup {
    DecisionGroup { id: id.to_string(), label: id.to_string(), ..DecisionGroup::default() }
}

#[test]
fn intervals_cover_the_truth_as_often_as_they_say() {
    const STUDIES: u64 = 600;
    let groups: Vec<DecisionGroup> = (0..3).map(group).collect();
    let plan = ExperimentPlan::new(3, 0, 1);
    let explored =
        ExperimentProgress { draws: DRAWS, exact: true, ..ExperimentProgress::default() };
    let covered: Vec<[usize; 2]> = (0..STUDIES)
        .into_par_iter()
        .map(|seed| {
            let world = World::new(seed);
            let attribution = EffectAttribution {
                groups: &groups,
                plan: &plan,
                explored: &explored,
                table: &world.table,
            };
            let (effects, _) = attribution.all(&[ExperimentMetric::Accuracy]);
            let mut covered = [0, 0];
            for (position, effect) in effects.iter().enumerate() {
                let truth = |spoils: &[f64]| World::truth(spoils, &plan, &explored, position);
                let (own, all) = (truth(&world.spoils[0]), truth(&world.mean));
                let shapley = effect.shapley.unwrap();
                let together = effect.together.unwrap();
                covered[0] += usize::from(shapley.low <= own && own <= shapley.high);
                covered[1] += usize::from(together.low <= all && all <= together.high);
            }
            covered
        })
        .collect();
    let all = (3 * STUDIES) as f64;
    for (which, name) in ["of this variant", "of the recipe on any draw"].iter().enumerate() {
        let share = covered.iter().map(|c| c[which]).sum::<usize>() as f64 / all;
        eprintln!(
            "intervals {name} cover the truth in {:.1} % of {STUDIES} studies",
            100.0 * share
        );
        assert!((0.93..=0.97).contains(&share), "{name}: {share}");
    }
}

/// A study without any effect: 10 classes, 4 slices, and answers of which 32 % change by chance, half of
/// them for the better. Each group redraws the answers of its own part of the samples.
fn null_study(seed: u64, groups: &[DecisionGroup]) -> (Vec<Effect>, Vec<GroupInteraction>) {
    const SAMPLES: usize = 400;
    let mut rng = stats::generator(seed, "null study");
    let labels: Vec<i64> = (0..SAMPLES).map(|_| rng.random_range(0..10)).collect();
    let answer = |rng: &mut SeededGenerator, label: i64| match rng.random::<f64>() < 0.8 {
        true => label,
        false => (label + rng.random_range(1..10)) % 10,
    };
    let before: Vec<i64> = labels.iter().map(|label| answer(&mut rng, *label)).collect();
    let after: Vec<i64> = labels.iter().map(|label| answer(&mut rng, *label)).collect();
    let culprit: Vec<usize> = (0..SAMPLES).map(|_| rng.random_range(0..groups.len())).collect();
    let answers = |set: GroupCoalition| {
        let class = |s: usize| if set.contains(culprit[s]) { after[s] } else { before[s] };
        experiment((0..SAMPLES).map(|s| Some(class(s))).collect())
    };
    let slice = |rng: &mut SeededGenerator| rng.random_range(0..4).to_string();
    let column = (0..SAMPLES).map(|_| slice(&mut rng)).collect();
    let slices = BTreeMap::from([("place".to_string(), column)]);
    let draws = vec![GroupCoalition::all(groups.len()).map(|set| (set, answers(set))).collect()];
    let table = ExperimentTable {
        truth: EvaluatedSamples { labels, slices, ..EvaluatedSamples::default() },
        draws,
    };
    let plan = ExperimentPlan::new(groups.len(), 0, 1);
    let explored = ExperimentProgress { draws: 1, exact: true, ..ExperimentProgress::default() };
    let attribution = EffectAttribution { groups, plan: &plan, explored: &explored, table: &table };
    let aspects: Vec<ExperimentMetric> =
        table.aspects().into_iter().filter(|a| a.is_sampled() && a.is_mean()).collect();
    let (mut effects, _) = attribution.all(&aspects);
    let mut interactions = attribution.interactions();
    correct_multiple_tests(&mut effects, &mut interactions, "accuracy");
    (effects, interactions)
}

#[test]
fn where_there_is_no_effect_hardly_any_study_claims_one() {
    const STUDIES: u64 = 200;
    let groups: Vec<DecisionGroup> = (0..4).map(group).collect();
    let claims = |seed: u64| {
        let (effects, interactions) = null_study(seed, &groups);
        let said = |e: &&Effect| e.metric == "accuracy" || e.of.is_some();
        let clear = |e: &Effect| e.shapley.is_some_and(|i| i.excludes_zero());
        let effect = effects.iter().filter(said);
        let effect = effect.filter(|e| clear(e) && e.holm.is_some_and(|p| p <= 0.05)).count();
        effect + interactions.iter().filter(|i| i.holm <= 0.05 && i.value.excludes_zero()).count()
    };
    let claiming = (0..STUDIES).into_par_iter().filter(|seed| claims(*seed) > 0).count();
    eprintln!("{claiming} of {STUDIES} studies without any effect claim one");
    assert!(20 * claiming <= STUDIES as usize, "{claiming} of {STUDIES}");
}

/// A class that a group loses completely is named, with a p-value that no family takes away.
#[test]
fn a_class_that_is_lost_completely_is_told() {
    let labels: Vec<i64> = (0..300).map(|s| s % 10).collect();
    let answers = |set: GroupCoalition| {
        let lost = |label: i64| set.contains(0) && label == 7;
        experiment(labels.iter().map(|l| Some(if lost(*l) { 1 } else { *l })).collect())
    };
    let groups: Vec<DecisionGroup> = (0..3).map(group).collect();
    let draws = vec![GroupCoalition::all(3).map(|set| (set, answers(set))).collect()];
    let table = ExperimentTable {
        truth: EvaluatedSamples { labels: labels.clone(), ..EvaluatedSamples::default() },
        draws,
    };
    let plan = ExperimentPlan::new(3, 0, 1);
    let explored = ExperimentProgress { draws: 1, exact: true, ..ExperimentProgress::default() };
    let attribution =
        EffectAttribution { groups: &groups, plan: &plan, explored: &explored, table: &table };
    let (effects, _) = attribution.all(&table.aspects());
    let told: Vec<&Effect> = effects
        .iter()
        .filter(|e| e.of.is_some() && e.holm.is_some_and(|p| p <= 0.05))
        .filter(|e| e.shapley.is_some_and(|i| i.excludes_zero()))
        .collect();
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!((told[0].group.as_str(), told[0].of.as_deref()), ("0", Some("class 7")));
    assert_eq!(told[0].shapley.unwrap().value, -1.0);
}

/// Every figure in every sentence is a field of the record.
#[test]
fn sentences_hold_only_figures_of_the_record() {
    for plant in [Plant::Classes, Plant::Channels, Plant::Quantizer] {
        let case = Case::new(2, plant);
        let mut found = case.explanation();
        narrate(&mut found);
        let record = serde_json::to_value(&found).unwrap();
        assert!(found.narrative.len() > 8, "{}", found.narrative.len());
        for sentence in &found.narrative {
            assert!(sentence.holds(&record), "{}", sentence.text);
        }
    }
}
