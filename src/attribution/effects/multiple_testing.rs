//! The family of tests behind everything that a narrative may say, corrected together.

use paring_core::schema::{Effect, GroupInteraction};
use paring_core::stats::{benjamini_hochberg, holm};
use std::collections::BTreeMap;

/// Corrects the p-values of effects and interactions by Holm.
///
/// One family is all that sentences are made of: effects on the metric that counts most (`main`), on
/// every class and slice, on disturbed inputs, and interactions. Effects on a further metric are a
/// family of their own. Benjamini and Hochberg's correction goes over the groups, figure by figure.
pub fn correct_multiple_tests(
    effects: &mut [Effect],
    interactions: &mut [GroupInteraction],
    main: &str,
) {
    let mut families: BTreeMap<Option<String>, Vec<usize>> = BTreeMap::new();
    let mut figures: BTreeMap<(String, Option<String>), Vec<usize>> = BTreeMap::new();
    for (position, effect) in effects.iter().enumerate().filter(|(_, e)| e.p_value.is_some()) {
        let said = effect.metric == main || effect.of.is_some();
        families.entry((!said).then(|| effect.metric.clone())).or_default().push(position);
        let figure = (effect.metric.clone(), effect.of.clone());
        figures.entry(figure).or_default().push(position);
    }
    families.entry(None).or_default();
    for (further, positions) in families {
        let mut p: Vec<f64> = positions.iter().filter_map(|i| effects[*i].p_value).collect();
        if further.is_none() {
            p.extend(interactions.iter().map(|interaction| interaction.p_value));
        }
        let adjusted = holm(&p);
        positions.iter().zip(&adjusted).for_each(|(i, p)| effects[*i].holm = Some(*p));
        if further.is_none() {
            let own = adjusted.iter().skip(positions.len());
            interactions.iter_mut().zip(own).for_each(|(interaction, p)| interaction.holm = *p);
        }
    }
    for positions in figures.into_values() {
        let p: Vec<f64> = positions.iter().filter_map(|i| effects[*i].p_value).collect();
        let adjusted = benjamini_hochberg(&p);
        positions.iter().zip(adjusted).for_each(|(i, p)| effects[*i].benjamini_hochberg = Some(p));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use paring_core::schema::ConfidenceInterval;

    fn effect(metric: &str, of: Option<&str>, p: f64) -> Effect {
        let of = of.map(String::from);
        Effect { of, p_value: Some(p), ..Effect::unknown("g", metric, None, "share") }
    }

    #[test]
    fn what_may_be_said_is_one_family() {
        let mut effects = vec![
            effect("accuracy", None, 0.01),
            effect("class_accuracy", Some("class 1"), 0.02),
            effect("ece", None, 0.03),
        ];
        let value = ConfidenceInterval { value: 0.1, low: 0.05, high: 0.15 };
        let groups = ["a", "b"].map(String::from);
        let metric = "accuracy".to_string();
        let mut interactions =
            vec![GroupInteraction { groups, metric, value, p_value: 0.5, holm: 1.0 }];
        correct_multiple_tests(&mut effects, &mut interactions, "accuracy");
        let found: Vec<f64> = effects.iter().filter_map(|e| e.holm).collect();
        // Three are a family: 3 · 0.01, 2 · 0.02, 1 · 0.5; the fourth is its own.
        assert_eq!(found, [0.03, 0.04, 0.03]);
        assert_eq!(interactions[0].holm, 0.5);
        assert_eq!(effects[1].benjamini_hochberg, Some(0.02));
    }
}
