//! Validity of blocks and of figures.

use paring_core::schema::{
    BlockConditions, ConditionRules, ConfidenceInterval, LatencySummary, MissingReason,
    SpeedSummary, SpeedVerdict,
};

/// Fewer blocks than this give no verdict.
pub const MIN_BLOCKS: usize = 9;
/// A difference smaller than this is of no practical importance.
pub const PRACTICAL_MARGIN: f64 = 0.003;

/// Conditions that make a block invalid; empty where it counts.
pub(crate) fn bad_conditions(rules: &ConditionRules, seen: &BlockConditions) -> Vec<String> {
    let mut reasons = seen.throttled.clone();
    if let (Some(most), Some(highest)) = (rules.most_mc, seen.highest_mc)
        && highest > most
    {
        let degrees = |t: paring_core::units::MilliCelsius| t.0 as f64 / 1000.0;
        reasons.push(format!("{:.1} °C, the rules allow {:.1}", degrees(highest), degrees(most)));
    }
    if let (Some(most), Some(others)) = (rules.most_others, seen.others)
        && others > most.processors()
    {
        reasons.push(format!(
            "other programs used {others:.2} processors, the rules allow {:.2}",
            most.processors()
        ));
    }
    reasons
}

/// The verdict of a speed-up's interval.
pub(crate) fn speed_verdict(speedup: ConfidenceInterval, blocks: usize) -> SpeedVerdict {
    if blocks < MIN_BLOCKS {
        SpeedVerdict::CannotTell
    } else if speedup.low > 1.0 + PRACTICAL_MARGIN {
        SpeedVerdict::Faster
    } else if speedup.high < 1.0 - PRACTICAL_MARGIN {
        SpeedVerdict::Slower
    } else {
        SpeedVerdict::CannotTell
    }
}

/// Reasons not to trust figures; `needed` blocks of each kind were asked for.
pub(crate) fn invalid_reasons(
    latency: &Result<LatencySummary, MissingReason>,
    speed: &Result<SpeedSummary, MissingReason>,
    baseline: bool,
    needed: usize,
) -> Vec<String> {
    let too_few = |kind: &str, blocks: usize| match blocks {
        few if few < needed.min(MIN_BLOCKS) => {
            Some(format!("only {few} of {needed} {kind} blocks saw a quiet machine"))
        }
        few if few < MIN_BLOCKS => {
            Some(format!("{few} {kind} blocks, a verdict needs {MIN_BLOCKS}"))
        }
        _ => None,
    };
    let mut reasons: Vec<String> = Vec::new();
    match latency {
        Ok(found) if found.contended => {
            reasons.push("latency of a contended machine: it was hardly ever quiet".into());
        }
        Ok(found) => reasons.extend(too_few("solo", found.blocks)),
        Err(MissingReason(why)) => reasons.push(why.clone()),
    }
    match speed {
        Ok(found) => reasons.extend(too_few("paired", found.blocks)),
        Err(MissingReason(why)) if !baseline && !reasons.contains(why) => reasons.push(why.clone()),
        Err(_) => {}
    }
    if latency.as_ref().is_ok_and(|found| !found.outputs_agree) {
        reasons.push("outputs differ between blocks".into());
    }
    reasons
}

#[cfg(test)]
mod tests {
    use super::*;
    use paring_core::schema::ProcessorLoad;
    use paring_core::units::MilliCelsius;

    #[test]
    fn bad_conditions_are_named() {
        let rules = ConditionRules {
            most_mc: Some(MilliCelsius(80_000)),
            most_others: Some(ProcessorLoad(50)),
            ..ConditionRules::default()
        };
        let fine = BlockConditions {
            highest_mc: Some(MilliCelsius(80_000)),
            others: Some(0.5),
            ..BlockConditions::default()
        };
        assert_eq!(bad_conditions(&rules, &fine), [""; 0]);
        let bad = BlockConditions {
            highest_mc: Some(MilliCelsius(81_250)),
            others: Some(1.2),
            throttled: vec!["throttled (get_throttled)".into()],
            ..BlockConditions::default()
        };
        let expected = [
            "throttled (get_throttled)",
            "81.2 °C, the rules allow 80.0",
            "other programs used 1.20 processors, the rules allow 0.50",
        ];
        assert_eq!(bad_conditions(&rules, &bad), expected);
        assert_eq!(bad_conditions(&ConditionRules::default(), &bad).len(), 1);
    }
}
