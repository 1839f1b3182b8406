//! robustness.csv: one row a variant, disturbance and strength; of attacks also one a class and slice.

use super::named_cell::interval_cells;
use crate::report::report_error::ReportError;
use paring_core::schema::{AttackFacts, AttackGradientSource, InputRangeSource, RobustnessScore};
use paring_data::CsvTable;

const HEADER: [&str; 26] = [
    "variant",
    "disturbance",
    "strength",
    "metric",
    "samples",
    "value",
    "value_low",
    "value_high",
    "drop",
    "drop_low",
    "drop_high",
    "change",
    "change_low",
    "change_high",
    "excess",
    "excess_low",
    "excess_high",
    "queries_p50",
    "of",
    "steps",
    "restarts",
    "gradients",
    "without_own",
    "range",
    "sound",
    "unsound",
];

/// One row a variant, disturbance and strength, behind that of an attack its classes and slices.
///
/// # Errors
/// [`ReportError`] where the encoder fails, which a buffer in memory does not.
pub fn robustness_csv(rows: &[(&str, &RobustnessScore)]) -> Result<Vec<u8>, ReportError> {
    let mut writer = CsvTable::default();
    writer.row(HEADER)?;
    for (variant, score) in rows {
        let what = [
            (*variant).to_string(),
            score.disturbance.to_string(),
            score.strength.to_string(),
            score.metric.to_string(),
            score.samples.to_string(),
        ];
        let intervals =
            [Some(score.value), Some(score.drop), score.change, score.excess].map(interval_cells);
        let queries = score.queries.map(|q| q.to_string()).unwrap_or_default();
        let facts = attack_cells(score.attack.as_ref(), "");
        let own = what.iter().chain(intervals.iter().flatten()).chain([&queries]).chain(&facts);
        writer.row(own)?;
        for part in score.attack.iter().flat_map(|attack| &attack.parts) {
            let samples = part.samples.to_string();
            let what = what.iter().take(4).chain([&samples]);
            let intervals = [Some(part.value), None, None, None].map(interval_cells);
            let facts = attack_cells(score.attack.as_ref(), &part.of);
            let none = String::new();
            writer.row(what.chain(intervals.iter().flatten()).chain([&none]).chain(&facts))?;
        }
    }
    writer.finish().map_err(ReportError::Buffer)
}

/// The columns that attacks have beyond those of other disturbances.
fn attack_cells(attack: Option<&AttackFacts>, of: &str) -> [String; 8] {
    let Some(attack) = attack else { return Default::default() };
    let gradients = match attack.gradients {
        AttackGradientSource::Own => "own",
        AttackGradientSource::StraightThrough => "straight_through",
        AttackGradientSource::Baseline => "baseline",
    };
    let range = match attack.range {
        InputRangeSource::Declared => "declared",
        InputRangeSource::Observed => "observed",
    };
    [
        of.to_string(),
        attack.steps.to_string(),
        attack.restarts.to_string(),
        gradients.to_string(),
        attack.without_own.clone().unwrap_or_default(),
        range.to_string(),
        attack.unsound.is_empty().to_string(),
        attack.unsound.join("; "),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::example_rows::noise_score;
    use crate::report::terminal::robustness_lines;
    use paring_core::schema::{AttackedPart, ConfidenceInterval, InputDisturbance};

    fn of(value: f64) -> ConfidenceInterval {
        ConfidenceInterval { value, low: value - 0.125, high: value + 0.125 }
    }

    #[test]
    fn what_there_is_not_is_empty() {
        let score = noise_score();
        let text = String::from_utf8(robustness_csv(&[("baseline", &score)]).unwrap()).unwrap();
        assert_eq!(
            text.lines().nth(1),
            Some(
                "baseline,noise,0.5,accuracy,8,0.500000,0.375000,0.625000,-0.250000,-0.375000,-0.125000,,,,,,,,,,,,,,,"
            )
        );
        assert_eq!(
            robustness_lines(std::slice::from_ref(&score))[0],
            "  noise 0.5        accuracy 50.00 % [37.50, 62.50], drop −25.00 points [−37.50, −12.50], 8 samples"
        );
        let worse = RobustnessScore { excess: Some(of(-0.25)), ..score };
        assert!(
            robustness_lines(&[worse])[0].contains("loses +25.00 points [+12.50, +37.50] more")
        );
    }

    #[test]
    fn attacks_say_how_they_were_made_and_what_is_not_sound() {
        let attack = AttackFacts {
            steps: 20,
            restarts: 2,
            gradients: AttackGradientSource::Own,
            without_own: None,
            range: InputRangeSource::Observed,
            unsound: vec!["it leaves 9 of 9 samples right, a single step 2".into()],
            parts: vec![AttackedPart { of: "class 1".into(), samples: 3, value: of(0.25) }],
        };
        let attacked = RobustnessScore {
            disturbance: InputDisturbance::PgdLinf,
            attack: Some(attack),
            ..noise_score()
        };
        let text = String::from_utf8(robustness_csv(&[("baseline", &attacked)]).unwrap()).unwrap();
        let rows: Vec<&str> = text.lines().skip(1).collect();
        assert!(
            rows[0].ends_with(
                ",,20,2,own,,observed,false,\"it leaves 9 of 9 samples right, a single step 2\""
            ),
            "{text}"
        );
        assert!(
            rows[1].starts_with("baseline,pgd_linf,0.5,accuracy,3,0.250000,0.125000,0.375000,,"),
            "{text}"
        );
        let line = &robustness_lines(&[attacked])[0];
        assert!(
            line.ends_with("8 samples; not sound: it leaves 9 of 9 samples right, a single step 2"),
            "{line}"
        );
    }
}
