//! The `[robustness]` section: disturbances that the variants have to bear, if any.

use crate::evaluate::{AdversarialSearch, AttackPlan, RobustnessTest};
use paring_core::schema::InputDisturbance;
use schemars::JsonSchema;
use serde::Deserialize;

/// The section as typed; an empty one asks for the usual disturbances.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::study) struct RobustnessSection {
    /// Strengths of normal noise, in standard deviations of the input.
    #[serde(default)]
    noise: Option<Vec<f64>>,
    /// Strengths of a constant that is added, in standard deviations of the input.
    #[serde(default)]
    brightness: Option<Vec<f64>>,
    /// Shifts in entries along the last two axes of length 5 or more.
    #[serde(default)]
    shift: Option<Vec<f64>>,
    /// Shares of the area that are hidden, above 0 to 1.
    #[serde(default)]
    occlusion: Option<Vec<f64>>,
    /// Bits that inputs are rounded to, 1 to 16.
    #[serde(default)]
    quantized: Option<Vec<f64>>,
    /// A search for misclassified inputs by scores alone (SimBA).
    #[serde(default)]
    search: Option<SearchSection>,
    /// Attacks along gradients: FGSM, PGD, and transfer from the baseline.
    #[serde(default)]
    attack: Option<AttackSection>,
    /// Samples of the report part that are disturbed; default 1000.
    #[serde(default)]
    #[schemars(range(min = 1))]
    samples: Option<usize>,
    /// Seeds disturbances and search.
    #[serde(default)]
    seed: u64,
}

/// A search for misclassified inputs by scores alone (SimBA).
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct SearchSection {
    /// Change of one entry, in standard deviations of the input; default 0.5.
    #[serde(default)]
    step: Option<f64>,
    /// Inferences per sample; default 200.
    #[serde(default)]
    #[schemars(range(min = 2))]
    queries: Option<usize>,
    /// Samples that are searched; default 50.
    #[serde(default)]
    #[schemars(range(min = 1))]
    samples: Option<usize>,
}

/// Attacks along gradients as typed; an empty table asks for the usual ones.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct AttackSection {
    /// Bounds on the largest change of an entry, in ranges of the input.
    #[serde(default)]
    linf: Option<Vec<f64>>,
    /// Bounds on the root of the sum of squared changes, in ranges of the input.
    #[serde(default)]
    l2: Option<Vec<f64>>,
    /// Steps of a run of PGD; default 20.
    #[serde(default)]
    steps: Option<usize>,
    /// Runs, all but the first from random places; default 2.
    #[serde(default)]
    restarts: Option<usize>,
    /// Samples of the report part that are attacked; default 500.
    #[serde(default)]
    samples: Option<usize>,
    /// `[LOW, HIGH]` that inputs stay between; default: what the data show.
    #[serde(default)]
    range: Option<[f64; 2]>,
}

impl AttackSection {
    fn plan(self) -> Result<AttackPlan, String> {
        let usual = AttackPlan::default();
        let (linf, l2) = match (self.linf, self.l2) {
            (None, None) => (usual.linf, usual.l2),
            (linf, l2) => (linf.unwrap_or_default(), l2.unwrap_or_default()),
        };
        let plan = AttackPlan {
            linf,
            l2,
            steps: self.steps.unwrap_or(usual.steps),
            restarts: self.restarts.unwrap_or(usual.restarts),
            samples: self.samples.unwrap_or(usual.samples),
            range: self.range,
        };
        plan.checked().map_err(|problem| format!("{problem} under [robustness]"))
    }
}

/// Checks the section.
pub(in crate::study) fn stress(
    section: Option<RobustnessSection>,
) -> Result<Option<RobustnessTest>, String> {
    let Some(section) = section else { return Ok(None) };
    let usual = RobustnessTest::default();
    let given = [
        (InputDisturbance::Noise, section.noise),
        (InputDisturbance::Brightness, section.brightness),
        (InputDisturbance::Shift, section.shift),
        (InputDisturbance::Occlusion, section.occlusion),
        (InputDisturbance::Quantized, section.quantized),
    ];
    let attack = section.attack.map(AttackSection::plan).transpose()?;
    let silent = given.iter().all(|(_, list)| list.is_none())
        && section.search.is_none()
        && attack.is_none();
    let mut tests = Vec::new();
    for (how, strengths) in given {
        for strength in strengths.into_iter().flatten() {
            let fits = match how {
                InputDisturbance::Occlusion => strength > 0.0 && strength <= 1.0,
                InputDisturbance::Quantized => (1.0..=16.0).contains(&strength),
                InputDisturbance::Shift => strength >= 1.0 && strength.fract() == 0.0,
                _ => strength > 0.0 && strength.is_finite(),
            };
            if !fits {
                return Err(format!(
                    "`{how}` under [robustness] cannot have the strength {strength}"
                ));
            }
            tests.push((how, strength));
        }
    }
    let search = section.search.map(|given| {
        let usual = AdversarialSearch { step: 0.5, queries: 200, seed: section.seed };
        let step = given.step.unwrap_or(usual.step);
        let queries = given.queries.unwrap_or(usual.queries);
        (AdversarialSearch { step, queries, ..usual }, given.samples.unwrap_or(50))
    });
    if search.is_some_and(|(s, samples)| s.step <= 0.0 || s.queries < 2 || samples == 0) {
        return Err("`search` under [robustness] needs a step above 0, 2 queries, 1 sample".into());
    }
    let samples = section.samples.unwrap_or(usual.samples);
    if samples == 0 {
        return Err("`samples` under [robustness] must be 1 or more".into());
    }
    Ok(Some(match silent {
        true => RobustnessTest { samples, seed: section.seed, ..usual },
        false => RobustnessTest { tests, samples, search, attack, seed: section.seed },
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Result<Option<RobustnessTest>, String> {
        stress(Some(toml::from_str(text).unwrap()))
    }

    #[test]
    fn what_is_said_is_done_and_nothing_else() {
        assert_eq!(stress(None), Ok(None));
        assert_eq!(of(""), Ok(Some(RobustnessTest::default())));
        let found = of("noise = [0.1, 0.2]\nsamples = 5").unwrap().unwrap();
        assert_eq!((found.tests.len(), found.samples, found.search), (2, 5, None));
        let found = of("search = { queries = 20 }").unwrap().unwrap();
        assert_eq!((found.tests.len(), found.search.unwrap().0.queries), (0, 20));
        let found = of("attack = { linf = [0.1, 0.05] }").unwrap().unwrap();
        let plan = found.attack.unwrap();
        assert_eq!((plan.linf, plan.l2, found.tests.len()), (vec![0.05, 0.1], vec![], 0));
        assert_eq!(of("attack = {}").unwrap().unwrap().attack, Some(AttackPlan::default()));
        assert!(of("attack = { steps = 1 }").unwrap_err().starts_with("`steps` of `attack`"));
        assert!(of("shift = [0.5]").unwrap_err().starts_with("`shift` under [robustness]"));
        assert!(of("occlusion = [2.0]").is_err() && of("samples = 0").is_err());
        assert!(toml::from_str::<RobustnessSection>("fog = [1.0]").is_err());
    }
}
