//! Figures of quality out of an evaluation: metrics and losses, of classes, slices and disturbed inputs.

use super::observation::{Doubt, Observation, QUALITY_LEVEL, complement, negated};
use paring_core::schema::{
    ClassScore, ConfidenceInterval, Evaluation, Metric, MetricScore, RequiredClass, RequiredFigure,
    RequiredSlice, Requirement, RobustnessScore, SliceScore,
};
use paring_core::stats::{bonferroni_factor_at, zou_donner_difference};
use std::collections::BTreeSet;

/// Every figure that a requirement is about; one without a value where there is none.
pub(super) fn quality_observations(
    requirement: &Requirement,
    evaluation: &Evaluation,
) -> Vec<Observation> {
    let figure = requirement.metric;
    let found: Vec<Observation> = match (requirement.class, &requirement.slice) {
        _ if figure == RequiredFigure::SliceSpread => {
            spreads(requirement.slice.as_ref(), evaluation)
        }
        _ if figure.is_robust() => robust(requirement, evaluation),
        (Some(class), _) => of_classes(figure, class, evaluation),
        (None, Some(slice)) => of_slices(figure, slice, evaluation),
        (None, None) => vec![whole(figure, evaluation)],
    };
    match found.is_empty() {
        true => vec![Observation::missing("the evaluation has no such part")],
        false => found,
    }
}

/// The value or the loss of a metric's score.
fn figure_of(figure: RequiredFigure, score: &MetricScore) -> Result<ConfidenceInterval, String> {
    match figure.is_loss() {
        true => loss(figure, score.change),
        false => Ok(score.value),
    }
}

/// A loss, above zero for worse, of a change.
fn loss(
    figure: RequiredFigure,
    change: Option<ConfidenceInterval>,
) -> Result<ConfidenceInterval, String> {
    let change =
        change.ok_or_else(|| "its change against the baseline is not known".to_string())?;
    let higher_is_better = figure.metric().is_none_or(Metric::higher_is_better);
    Ok(if higher_is_better { negated(change) } else { change })
}

fn observed(interval: Result<ConfidenceInterval, String>, samples: u64) -> Observation {
    match interval {
        Ok(interval) => Observation::of_samples(interval, samples),
        Err(reason) => Observation::missing(reason),
    }
}

fn whole(figure: RequiredFigure, evaluation: &Evaluation) -> Observation {
    let Some(metric) = figure.metric() else {
        return Observation::missing("it is no metric of quality");
    };
    match evaluation.metrics.get(&metric) {
        Some(score) => observed(figure_of(figure, score), evaluation.samples as u64),
        None => {
            let reason = evaluation.missing.get(&metric).map(|reason| reason.0.clone());
            Observation::missing(reason.unwrap_or_else(|| format!("{metric} was not evaluated")))
        }
    }
}

fn of_classes(
    figure: RequiredFigure,
    class: RequiredClass,
    evaluation: &Evaluation,
) -> Vec<Observation> {
    let wanted = |own: &&ClassScore| match class {
        RequiredClass::Every => own.samples > 0,
        RequiredClass::One(class) => own.class == class,
    };
    let all: u64 = evaluation.classes.iter().map(|own| own.samples).sum();
    let each = evaluation.classes.iter().filter(wanted).map(|own| {
        let found = of_class(figure, own, all);
        match class {
            RequiredClass::Every => found.of_part(format!("class {}", own.class)),
            RequiredClass::One(_) => found,
        }
    });
    each.collect()
}

/// A rate of one class, of `all` samples.
fn of_class(figure: RequiredFigure, class: &ClassScore, all: u64) -> Observation {
    let (score, samples) = match figure.metric() {
        Some(Metric::Precision) => (class.precision, class.predicted),
        Some(Metric::Specificity) => (class.specificity, all - class.samples.min(all)),
        _ => (class.recall, class.samples),
    };
    let Some(score) = score else {
        return Observation::missing("it has no value for this class");
    };
    let missed = figure.metric() == Some(Metric::FalseNegativeRate);
    // Of the rate that is missed, a rise is a drop of the recall.
    let interval = match (missed, figure.is_loss()) {
        (true, true) => score
            .change
            .map(negated)
            .ok_or_else(|| "its change against the baseline is not known".to_string()),
        (true, false) => Ok(complement(score.value)),
        (false, _) => figure_of(figure, &score),
    };
    observed(interval, samples)
}

fn of_slices(
    figure: RequiredFigure,
    slice: &RequiredSlice,
    evaluation: &Evaluation,
) -> Vec<Observation> {
    let wanted = |own: &&SliceScore| {
        own.column == slice.column && slice.value.as_ref().is_none_or(|value| *value == own.value)
    };
    let each = evaluation.slices.iter().filter(wanted).map(|own| {
        let score = figure.metric().and_then(|metric| own.metrics.get(&metric));
        let found = match score {
            Some(score) => observed(figure_of(figure, score), own.samples as u64),
            None => Observation::missing("it has no value for this slice"),
        };
        match slice.value {
            None => found.of_part(format!("{} = {}", own.column, own.value)),
            Some(_) => found,
        }
    });
    each.collect()
}

/// The spread of the primary metric over the slices of each column.
fn spreads(slice: Option<&RequiredSlice>, evaluation: &Evaluation) -> Vec<Observation> {
    let columns: BTreeSet<&str> = evaluation.slices.iter().map(|s| s.column.as_str()).collect();
    let wanted = |column: &&str| slice.is_none_or(|slice| slice.column == **column);
    let each = columns.into_iter().filter(wanted).map(|column| {
        let found = spread(column, evaluation);
        match slice {
            None => found.of_part(column),
            Some(_) => found,
        }
    });
    each.collect()
}

/// The spread over the slices of a column. Of any two slices the difference lies in the interval that
/// theirs give; the spread keeps a bound where all differences keep it, and breaks it where any does, in
/// intervals that cover together.
///
/// Source: Zou & Donner 2008 for a difference, Bonferroni's inequality for all of them.
fn spread(column: &str, evaluation: &Evaluation) -> Observation {
    let own = evaluation.slices.iter().filter(|slice| slice.column == column);
    let scored: Vec<(ConfidenceInterval, u64)> = own
        .filter_map(|slice| {
            Some((slice.metrics.get(&evaluation.primary)?.value, slice.samples as u64))
        })
        .collect();
    let pairs = scored.len() * scored.len().saturating_sub(1) / 2;
    if pairs == 0 {
        return Observation::missing("fewer than two slices have a value");
    }
    let stretch = bonferroni_factor_at(QUALITY_LEVEL, pairs);
    let (mut value, mut low, mut high) = (0.0f64, 0.0f64, 0.0f64);
    for (position, (a, _)) in scored.iter().enumerate() {
        for (b, _) in &scored[position + 1..] {
            let (less, more) = if a.value <= b.value { (a, b) } else { (b, a) };
            let found = zou_donner_difference(*less, *more);
            value = value.max(found.value);
            high = high.max(found.high);
            low = low.max(found.value - stretch * (found.value - found.low));
        }
    }
    let fewest = scored.iter().map(|(_, samples)| *samples).min().unwrap_or(0);
    Observation::of_samples(ConfidenceInterval { value, low, high }, fewest)
}

/// Scores on disturbed inputs.
fn robust(requirement: &Requirement, evaluation: &Evaluation) -> Vec<Observation> {
    let figure = requirement.metric;
    let wanted = |own: &&RobustnessScore| {
        Some(own.metric) == figure.metric()
            && requirement.disturbance.is_none_or(|how| how == own.disturbance)
            && requirement.strength.is_none_or(|strength| strength == own.strength)
    };
    let named = requirement.disturbance.is_some() && requirement.strength.is_some();
    let each = evaluation.robustness.iter().filter(wanted).map(|own| {
        let interval = match figure.is_loss() {
            true => loss(figure, own.change),
            false => Ok(own.value),
        };
        let unsound = own.attack.as_ref().filter(|attack| !attack.unsound.is_empty());
        let found = Observation {
            doubt: unsound.map(|attack| Doubt {
                reason: format!("not sound: {}", attack.unsound.join("; ")),
                more_would_do: false,
            }),
            ..observed(interval, own.samples as u64)
        };
        match named {
            true => found,
            false => found.of_part(format!("{} {}", own.disturbance, own.strength)),
        }
    });
    each.collect()
}
