//! Verdicts on the select split as the report split would give them: with the same estimates, and intervals
//! that are as wide as so many samples make them.

use super::deciding_count::verdict_of;
use paring_core::schema::{ConfidenceInterval, GateCell, GateVerdict, RequiredBound, Requirement};

/// The reach of each requirement's interval towards its bound at the start of a search, by which later
/// distances are measured.
#[derive(Clone, Debug, PartialEq)]
pub struct RequirementReach(Vec<f64>);

/// A cell's interval, scaled by `factor` on both sides where it stands on samples.
fn scaled(cell: &GateCell, factor: f64) -> Option<ConfidenceInterval> {
    let ConfidenceInterval { value, low, high } = cell.observed?;
    let factor = if cell.level.is_some() { factor } else { 1.0 };
    Some(ConfidenceInterval {
        value,
        low: value - factor * (value - low),
        high: value + factor * (high - value),
    })
}

fn bound(cell: &GateCell, requirements: &[Requirement]) -> Option<RequiredBound> {
    requirements.get(cell.requirement)?.bound()
}

impl RequirementReach {
    /// The reaches of cells at the start.
    pub fn of(cells: &[GateCell], requirements: &[Requirement], factor: f64) -> RequirementReach {
        let reach = |cell: &GateCell| {
            let found = scaled(cell, factor).zip(bound(cell, requirements));
            found.map_or(1.0, |(interval, bound)| match bound {
                RequiredBound::AtMost(_) => interval.high - interval.value,
                RequiredBound::AtLeast(_) => interval.value - interval.low,
            })
        };
        RequirementReach(cells.iter().map(reach).map(|r| if r > 0.0 { r } else { 1.0 }).collect())
    }
}

/// The sum over cells of how far the interval's end is beyond the bound, each in reaches, and true where all
/// of them pass. Intervals are scaled by `factor`, the root of select samples over report samples.
pub fn shortfall(
    cells: &[GateCell],
    requirements: &[Requirement],
    reach: &RequirementReach,
    factor: f64,
) -> (f64, bool) {
    let (mut sum, mut all_pass) = (0.0, true);
    for (cell, reach) in cells.iter().zip(&reach.0) {
        let Some((interval, bound)) = scaled(cell, factor).zip(bound(cell, requirements)) else {
            all_pass = false;
            continue;
        };
        let beyond = match bound {
            RequiredBound::AtMost(most) => interval.high - most,
            RequiredBound::AtLeast(least) => least - interval.low,
        };
        sum += beyond.max(0.0) / reach;
        all_pass &= verdict_of(interval, bound) == GateVerdict::Pass;
    }
    (sum, all_pass)
}

#[cfg(test)]
mod tests {
    use super::*;
    use paring_core::schema::{CountedUnit, DecidingCount, Metric, RequiredFigure};

    #[test]
    fn fewer_samples_are_scaled_to_as_many_as_will_be_reported() {
        let drop = RequiredFigure::QualityLoss(Metric::Accuracy);
        let requirement = Requirement::new(drop, RequiredBound::AtMost(0.05));
        let cell = |value: f64, reach: f64| GateCell {
            variant: "half".into(),
            requirement: 0,
            label: requirement.to_string(),
            part: None,
            target: None,
            setting: None,
            verdict: GateVerdict::Undecided,
            observed: Some(ConfidenceInterval { value, low: value - reach, high: value + reach }),
            level: Some(0.95),
            bound: 0.05,
            reason: None,
            deciding: Some(DecidingCount {
                unit: CountedUnit::Samples,
                at_hand: 100,
                needed: None,
            }),
        };
        let all = std::slice::from_ref(&requirement);
        // 100 samples reach 0.04; 400 reach half of that: 0.02 + 0.02 keeps 0.05, 0.02 + 0.04 does not.
        let half = (100.0f64 / 400.0).sqrt();
        let start = [cell(0.06, 0.04)];
        let reach = RequirementReach::of(&start, all, half);
        // 0.06 + 0.02 is 0.03 beyond, one and a half reaches of 0.02.
        let (beyond, passes) = shortfall(&start, all, &reach, half);
        assert!((beyond - 1.5).abs() < 1e-9 && !passes);
        assert_eq!(shortfall(&[cell(0.02, 0.04)], all, &reach, half), (0.0, true));
        assert!(!shortfall(&[cell(0.02, 0.04)], all, &reach, 1.0).1);
        let missing = GateCell { observed: None, ..cell(0.0, 0.0) };
        assert_eq!(shortfall(&[missing], all, &reach, half), (0.0, false));
    }
}
