//! Requirements that the data of a study cannot decide, told before anything is made: with so few samples
//! even the best answers leave the bound inside the interval.

use paring_agent::measure::MIN_BLOCKS;
use paring_core::schema::{
    CountedUnit, DecidingCount, Metric, RequiredBound, RequiredClass, RequiredFigure, Requirement,
    TaskKind,
};
use paring_core::stats::{SamplingDesign, bonett_price_interval, wilson_interval};
use std::collections::BTreeMap;

/// Half of a 95 % interval in standard errors.
const Z: f64 = 1.959_963_984_540_054;

/// Numbers of report samples.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReportSampleCounts {
    /// All.
    pub all: u64,
    /// By class, where samples have one.
    pub classes: BTreeMap<i64, u64>,
    /// By column and value.
    pub slices: BTreeMap<(String, String), u64>,
}

/// A requirement that cannot be decided in favour of any variant.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct UndecidableRequirement {
    /// The requirement in words.
    pub label: String,
    /// The class or slice, where it is about several.
    pub part: Option<String>,
    /// The number at hand, and the fewest that it needs.
    pub deciding: DecidingCount,
    /// True where a variant could still pass by answering better than the baseline.
    pub unless_better: bool,
}

/// The requirements that no variant can pass with so many samples, and so many `blocks`.
pub fn undecidable(
    requirements: &[Requirement],
    kind: TaskKind,
    counts: &ReportSampleCounts,
    blocks: u32,
) -> Vec<UndecidableRequirement> {
    let each = requirements.iter().flat_map(|requirement| {
        let Some(bound) = requirement.bound() else { return vec![] };
        match requirement.metric {
            RequiredFigure::Energy => vec![],
            figure if figure.is_measured() => {
                too_few_blocks(requirement, blocks).into_iter().collect()
            }
            figure => parts(requirement, counts)
                .into_iter()
                .filter_map(|(part, samples)| {
                    let goal = best_case(figure, bound, kind, requirement.class.is_some())?;
                    let deciding = goal.too_few(samples)?;
                    let label = requirement.to_string();
                    let unless_better = matches!(goal, BestCase::NoChange(_));
                    Some(UndecidableRequirement { label, part, deciding, unless_better })
                })
                .collect(),
        }
    });
    each.collect()
}

fn too_few_blocks(requirement: &Requirement, blocks: u32) -> Option<UndecidableRequirement> {
    ((blocks as usize) < MIN_BLOCKS).then(|| UndecidableRequirement {
        label: requirement.to_string(),
        part: None,
        deciding: DecidingCount {
            unit: CountedUnit::Blocks,
            at_hand: u64::from(blocks),
            needed: Some(MIN_BLOCKS as u64),
        },
        unless_better: false,
    })
}

/// Samples of each part that a requirement is about; parts have a name where there are several.
fn parts(requirement: &Requirement, counts: &ReportSampleCounts) -> Vec<(Option<String>, u64)> {
    let of_class = |class: i64, samples: u64| match requirement.metric.metric() {
        Some(Metric::Specificity) => (class, counts.all - samples.min(counts.all)),
        _ => (class, samples),
    };
    match (requirement.class, &requirement.slice) {
        (Some(RequiredClass::One(class)), _) => {
            let own = counts.classes.get(&class).map(|samples| of_class(class, *samples));
            own.map(|(_, samples)| (None, samples)).into_iter().collect()
        }
        (Some(RequiredClass::Every), _) => {
            let each = counts.classes.iter().map(|(class, samples)| of_class(*class, *samples));
            each.map(|(class, samples)| (Some(format!("class {class}")), samples)).collect()
        }
        (None, Some(slice)) => {
            let own = counts.slices.iter().filter(|((column, value), _)| {
                *column == slice.column && slice.value.as_ref().is_none_or(|own| own == value)
            });
            let named = slice.value.is_none();
            own.map(|((column, value), samples)| {
                (named.then(|| format!("{column} = {value}")), *samples)
            })
            .collect()
        }
        (None, None) => vec![(None, counts.all)],
    }
}

/// The best that a variant's answers can be.
#[derive(Clone, Copy, Debug, PartialEq)]
enum BestCase {
    /// All are right, and so large a share has to be shown.
    AllRight(f64),
    /// None differs from the baseline's, and a loss above this has to be excluded.
    NoChange(f64),
}

/// The best case of a proportion; `None` of other figures, whose intervals hang on the answers.
fn best_case(
    figure: RequiredFigure,
    bound: RequiredBound,
    kind: TaskKind,
    of_class: bool,
) -> Option<BestCase> {
    use Metric::{
        Accuracy, Agreement, FalseNegativeRate, Precision, Recall, Sensitivity, Specificity, Top,
    };
    let metric = figure.metric().filter(|_| !figure.is_robust())?;
    let whole = !matches!(kind, TaskKind::Segmentation | TaskKind::Sequence);
    let is_proportion = match metric {
        Recall | Sensitivity | Specificity | FalseNegativeRate => of_class && whole,
        Precision => false,
        Accuracy | Agreement | Top(_) => whole,
        _ => false,
    };
    match (figure.is_loss(), bound) {
        _ if !is_proportion => None,
        (true, RequiredBound::AtMost(most)) => Some(BestCase::NoChange(most)),
        (false, RequiredBound::AtLeast(least)) if metric != FalseNegativeRate => {
            Some(BestCase::AllRight(least))
        }
        (false, RequiredBound::AtMost(most)) if metric == FalseNegativeRate => {
            Some(BestCase::AllRight(1.0 - most))
        }
        _ => None,
    }
}

impl BestCase {
    /// The number of samples that it takes, where there are fewer.
    fn too_few(self, samples: u64) -> Option<DecidingCount> {
        let (shown, needed) = match self {
            BestCase::AllRight(least) => {
                let all = wilson_interval(samples as usize, samples as usize)?;
                // Wilson's lower bound of n of n is n / (n + z²).
                (all.low >= least, (Z * Z * least / (1.0 - least)).ceil())
            }
            BestCase::NoChange(most) => {
                let none = vec![0.0; samples as usize];
                let none = bonett_price_interval(&none, SamplingDesign::Independent)?;
                // Bonett and Price's upper bound of no change is z · √2 / (n + 2).
                (none.high <= most, (Z * 2.0f64.sqrt() / most - 2.0).ceil())
            }
        };
        let needed = (needed.is_finite() && needed > 0.0 && needed < 1e9).then_some(needed as u64);
        let unit = CountedUnit::Samples;
        (!shown).then_some(DecidingCount { unit, at_hand: samples, needed })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(all: u64) -> ReportSampleCounts {
        ReportSampleCounts { all, classes: [(0, all - 40), (1, 40)].into(), slices: [].into() }
    }

    fn found(
        requirement: &Requirement,
        counts: &ReportSampleCounts,
        blocks: u32,
    ) -> Vec<(Option<String>, Option<u64>)> {
        let all = std::slice::from_ref(requirement);
        let found = undecidable(all, TaskKind::Classification, counts, blocks);
        found.into_iter().map(|own| (own.part, own.deciding.needed)).collect()
    }

    #[test]
    fn the_fewest_samples_are_those_of_the_best_answers() {
        // z² · 0.98 / 0.02 = 188.23: 189 right answers of 189 show 98 %, 188 do not.
        let bound = RequiredBound::AtLeast(0.98);
        let accuracy = Requirement::new(RequiredFigure::Quality(Metric::Accuracy), bound);
        assert_eq!(found(&accuracy, &counts(188), 10), [(None, Some(189))]);
        assert_eq!(found(&accuracy, &counts(189), 10), []);
        // z · √2 / 0.01 − 2 = 275.18: 276 unchanged answers exclude a loss above one point.
        let bound = RequiredBound::AtMost(0.01);
        let drop = Requirement::new(RequiredFigure::QualityLoss(Metric::Accuracy), bound);
        assert_eq!(found(&drop, &counts(275), 10), [(None, Some(276))]);
        assert_eq!(found(&drop, &counts(276), 10), []);
        let never = Requirement { max: Some(0.0), ..drop };
        assert_eq!(found(&never, &counts(5_000), 10), [(None, None)]);
    }

    #[test]
    fn every_class_counts_its_own_samples() {
        // 40 of 40: 40 / (40 + z²) = 0.912; 0.95 takes 73.
        let recall = Requirement {
            class: Some(RequiredClass::Every),
            ..Requirement::new(
                RequiredFigure::Quality(Metric::Recall),
                RequiredBound::AtLeast(0.95),
            )
        };
        let one = [(Some("class 1".to_string()), Some(73))];
        assert_eq!(found(&recall, &counts(500), 10), one);
        let miss = Requirement {
            class: Some(RequiredClass::One(1)),
            ..Requirement::new(
                RequiredFigure::Quality(Metric::FalseNegativeRate),
                RequiredBound::AtMost(0.05),
            )
        };
        assert_eq!(found(&miss, &counts(500), 10), [(None, Some(73))]);
    }

    #[test]
    fn few_blocks_decide_no_latency() {
        let bound = RequiredBound::AtMost(1.0);
        let latency = Requirement::new(RequiredFigure::LatencyP50, bound);
        assert_eq!(found(&latency, &counts(500), 3), [(None, Some(MIN_BLOCKS as u64))]);
        assert_eq!(found(&latency, &counts(500), 10), []);
        let energy = Requirement::new(RequiredFigure::Energy, bound);
        assert_eq!(found(&energy, &counts(500), 3), []);
    }
}
