//! Criteria of importance held against measured ablations: rank correlations with bootstrap intervals,
//! and the criterion that predicts best, if that can be told.

use super::component_ablation::ComponentAblation;
use paring_core::rank_correlation::{spearman, spearman_within};
use paring_core::schema::ConfidenceInterval;
use paring_core::stats;
use rand::RngExt;
use serde::Serialize;
use std::collections::BTreeMap;

/// Fewest ablations that criteria are compared on.
const FEWEST: usize = 10;
/// Bootstrap resamples of the components.
const RESAMPLES: usize = 2_000;

/// Agreement of one criterion with measured ablations: Spearman's rank correlations with 95 % intervals.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CriterionAgreement {
    /// The criterion.
    pub criterion: String,
    /// With the change of the loss, over all components.
    pub loss: ConfidenceInterval,
    /// The same within couplings, as uniform pruning compares components; `None` where no coupling has
    /// two.
    pub loss_within: Option<ConfidenceInterval>,
    /// With the number of changed predictions, over all components; `None` where none changed.
    pub flips: Option<ConfidenceInterval>,
}

/// The criterion that predicts best.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum CriterionVerdict {
    /// It correlates more than each of the others, beyond chance.
    Best {
        /// The criterion.
        criterion: String,
    },
    /// The one ahead cannot be told from some others, which are in order.
    Undecided {
        /// All that may be best, the one ahead first.
        criteria: Vec<String>,
    },
    /// None correlates beyond chance.
    NonePredicts,
}

/// Criteria side by side.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CriterionComparison {
    /// Components that all these criteria judge and that were removed.
    pub components: usize,
    /// Rank correlation of the loss changes on one half of the samples with those on the other: about
    /// what a perfect criterion could reach on half of the samples.
    pub repeatability: Option<f64>,
    /// By criterion, the most agreeing first.
    pub criteria: Vec<CriterionAgreement>,
    /// Over all components.
    pub overall: CriterionVerdict,
    /// Within couplings; `None` where no coupling has two.
    pub within: Option<CriterionVerdict>,
}

/// Compares criteria by their scores of the ablated components, by component and criterion; `None` of
/// fewer than ten components that all criteria judge. A criterion that judges none of them is left out.
///
/// Components are drawn with replacement, the same draws for all criteria. The one ahead is best if its
/// lead over each other one excludes zero, the intervals of the leads stretched for their number.
pub fn compare_criteria(
    ablations: &[ComponentAblation],
    scores: &BTreeMap<String, BTreeMap<String, f64>>,
    criteria: &[String],
    seed: u64,
) -> Option<CriterionComparison> {
    let judged = |criterion: &&String| {
        let own = |ablation: &ComponentAblation| scores.get(&ablation.component)?.get(*criterion);
        ablations.iter().any(|ablation| own(ablation).is_some())
    };
    let criteria: Vec<&String> = criteria.iter().filter(judged).collect();
    let whole = |ablation: &&ComponentAblation| {
        let own = scores.get(&ablation.component);
        own.is_some_and(|own| criteria.iter().all(|criterion| own.contains_key(*criterion)))
    };
    let ablations: Vec<&ComponentAblation> = ablations.iter().filter(whole).collect();
    if ablations.len() < FEWEST || criteria.is_empty() {
        return None;
    }
    let evidence = AgreementEvidence::new(&ablations, scores, &criteria, seed);
    let mut rows: Vec<(usize, CriterionAgreement)> = Vec::new();
    for (place, criterion) in criteria.iter().enumerate() {
        let [loss, loss_within, flips] = Outcome::ALL.map(|of| evidence.interval(place, of));
        let criterion = (*criterion).clone();
        rows.extend(
            loss.map(|loss| (place, CriterionAgreement { criterion, loss, loss_within, flips })),
        );
    }
    rows.sort_by(|a, b| b.1.loss.value.total_cmp(&a.1.loss.value));
    let halves: Vec<(f64, f64)> =
        ablations.iter().map(|a| (a.half_changes[0], a.half_changes[1])).collect();
    let within = rows.iter().any(|(_, row)| row.loss_within.is_some());
    let places: Vec<usize> = rows.iter().map(|(place, _)| *place).collect();
    let verdict = |of| evidence.verdict(&places, &criteria, of);
    Some(CriterionComparison {
        components: ablations.len(),
        repeatability: spearman(&halves),
        overall: verdict(Outcome::Loss),
        within: within.then(|| verdict(Outcome::LossWithin)),
        criteria: rows.into_iter().map(|(_, row)| row).collect(),
    })
}

/// A measured figure that criteria are to predict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Loss,
    LossWithin,
    Flips,
}

impl Outcome {
    const ALL: [Outcome; 3] = [Outcome::Loss, Outcome::LossWithin, Outcome::Flips];
}

/// Correlations on all components and on draws of them.
struct AgreementEvidence {
    components: usize,
    /// By criterion and outcome.
    values: Vec<[Option<f64>; 3]>,
    /// By criterion, outcome and draw; NaN where a draw has none.
    draws: Vec<[Vec<f64>; 3]>,
}

impl AgreementEvidence {
    fn new(
        ablations: &[&ComponentAblation],
        scores: &BTreeMap<String, BTreeMap<String, f64>>,
        criteria: &[&String],
        seed: u64,
    ) -> AgreementEvidence {
        let couplings: Vec<&String> = ablations.iter().map(|own| &own.coupling).collect();
        let group =
            |at: usize| couplings.iter().position(|own| *own == couplings[at]).unwrap_or(at);
        let groups: Vec<usize> = (0..ablations.len()).map(group).collect();
        let score = |criterion: &String, at: usize| {
            let own = scores.get(&ablations[at].component).and_then(|own| own.get(criterion));
            own.copied().unwrap_or(f64::NAN)
        };
        let correlations = |criterion: &String, chosen: &[usize]| -> [Option<f64>; 3] {
            let pairs = |of: &dyn Fn(&ComponentAblation) -> f64| -> Vec<(f64, f64)> {
                chosen.iter().map(|at| (score(criterion, *at), of(ablations[*at]))).collect()
            };
            let own: Vec<usize> = chosen.iter().map(|at| groups[*at]).collect();
            let loss = pairs(&|ablation| ablation.loss_change.value);
            [
                spearman(&loss),
                spearman_within(&loss, &own),
                spearman(&pairs(&|ablation| ablation.flips as f64)),
            ]
        };
        let all: Vec<usize> = (0..ablations.len()).collect();
        let values = criteria.iter().map(|criterion| correlations(criterion, &all)).collect();
        let mut rng = stats::generator(seed, "criteria");
        let mut draws = vec![[const { Vec::new() }; 3]; criteria.len()];
        for _ in 0..RESAMPLES {
            let drawn: Vec<usize> =
                all.iter().map(|_| rng.random_range(0..ablations.len())).collect();
            for (own, criterion) in draws.iter_mut().zip(criteria) {
                let found = correlations(criterion, &drawn);
                own.iter_mut().zip(found).for_each(|(all, one)| all.push(one.unwrap_or(f64::NAN)));
            }
        }
        AgreementEvidence { components: ablations.len(), values, draws }
    }

    fn interval(&self, criterion: usize, of: Outcome) -> Option<ConfidenceInterval> {
        let value = self.values[criterion][of as usize]?;
        let draws = &self.draws[criterion][of as usize];
        stats::expanded_percentile_interval(value, draws, self.components)
    }

    /// The lead of one criterion over another, stretched for `others` comparisons.
    fn lead(
        &self,
        [one, other]: [usize; 2],
        of: Outcome,
        others: usize,
    ) -> Option<ConfidenceInterval> {
        let of = of as usize;
        let value = self.values[one][of]? - self.values[other][of]?;
        let pairs = self.draws[one][of].iter().zip(&self.draws[other][of]);
        let draws: Vec<f64> = pairs.map(|(a, b)| a - b).collect();
        let found = stats::expanded_percentile_interval(value, &draws, self.components)?;
        Some(stats::stretch_interval(found, stats::bonferroni_factor_at(0.95, others)))
    }

    fn verdict(&self, places: &[usize], criteria: &[&String], of: Outcome) -> CriterionVerdict {
        let mut order: Vec<usize> =
            places.iter().copied().filter(|p| self.values[*p][of as usize].is_some()).collect();
        let value = |place: &usize| self.values[*place][of as usize].unwrap_or(f64::NEG_INFINITY);
        order.sort_by(|a, b| value(b).total_cmp(&value(a)));
        let Some((ahead, others)) = order.split_first() else {
            return CriterionVerdict::NonePredicts;
        };
        if self.interval(*ahead, of).is_none_or(|own| own.low <= 0.0) {
            return CriterionVerdict::NonePredicts;
        }
        let near = |other: &&usize| {
            self.lead([*ahead, **other], of, others.len()).is_none_or(|lead| lead.low <= 0.0)
        };
        let near: Vec<String> =
            others.iter().filter(near).map(|place| criteria[*place].clone()).collect();
        let first = criteria[*ahead].clone();
        match near.is_empty() {
            true => CriterionVerdict::Best { criterion: first },
            false => {
                let criteria = std::iter::once(first).chain(near).collect();
                CriterionVerdict::Undecided { criteria }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ablations whose loss changes are 0, 1, 2, …, in couplings of eight.
    fn ablations(count: usize) -> Vec<ComponentAblation> {
        let one = |at: usize| ComponentAblation {
            component: format!("layer{}:{}", at / 8, at % 8),
            coupling: format!("layer{}", at / 8),
            samples: 100,
            loss_change: ConfidenceInterval { value: at as f64, low: 0.0, high: 99.0 },
            half_changes: [at as f64, at as f64 + 0.25],
            flips: at / 2,
            regressions: None,
            fixes: None,
        };
        (0..count).map(one).collect()
    }

    fn scores(
        ablations: &[ComponentAblation],
        of: &[(&str, &dyn Fn(usize) -> f64)],
    ) -> BTreeMap<String, BTreeMap<String, f64>> {
        let own = |(at, ablation): (usize, &ComponentAblation)| {
            let each = of.iter().map(|(name, score)| (name.to_string(), score(at)));
            (ablation.component.clone(), each.collect())
        };
        ablations.iter().enumerate().map(own).collect()
    }

    fn names(all: &[&str]) -> Vec<String> {
        all.iter().map(|name| name.to_string()).collect()
    }

    #[test]
    fn a_criterion_that_knows_everything_is_best_of_those_that_guess() {
        let ablations = ablations(40);
        let guess = |at: usize| (at * 7919 % 101) as f64;
        let scores = scores(&ablations, &[("knows", &|at| (at * at) as f64), ("guesses", &guess)]);
        let criteria = names(&["guesses", "knows", "absent"]);
        let found = compare_criteria(&ablations, &scores, &criteria, 0).unwrap();
        assert_eq!((found.components, found.criteria.len()), (40, 2));
        let first = &found.criteria[0];
        assert_eq!((first.criterion.as_str(), first.loss.value), ("knows", 1.0));
        assert!((first.loss_within.unwrap().value - 1.0).abs() < 1e-12);
        let best = CriterionVerdict::Best { criterion: "knows".into() };
        assert_eq!((&found.overall, found.within.as_ref()), (&best, Some(&best)));
        assert_eq!(found.repeatability, Some(1.0));
        assert_eq!(compare_criteria(&ablations, &scores, &criteria, 0).unwrap(), found);
    }

    #[test]
    fn criteria_that_say_nearly_the_same_are_not_told_apart() {
        let ablations = ablations(24);
        let near = |at: usize| at as f64 + [0.0, 3.0, -3.0][at % 3];
        let nearly = |at: usize| at as f64 + [3.0, -3.0, 0.0][at % 3];
        let scores = scores(&ablations, &[("one", &near), ("other", &nearly)]);
        let found = compare_criteria(&ablations, &scores, &names(&["one", "other"]), 0).unwrap();
        assert!(
            matches!(&found.overall, CriterionVerdict::Undecided { criteria } if criteria.len() == 2),
            "{:?}",
            found.overall
        );
    }

    #[test]
    fn guesses_predict_nothing_and_few_components_tell_nothing() {
        let guess = |at: usize| (at * 7919 % 101) as f64;
        let all = ablations(40);
        let of = scores(&all, &[("guesses", &guess)]);
        let found = compare_criteria(&all, &of, &names(&["guesses"]), 0).unwrap();
        assert_eq!(found.overall, CriterionVerdict::NonePredicts, "{:?}", found.criteria);
        let few = ablations(9);
        assert_eq!(compare_criteria(&few, &of, &names(&["guesses"]), 0), None);
    }
}
