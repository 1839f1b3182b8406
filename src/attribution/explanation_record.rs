//! The explanation of a variant from its experiments alone, as a record to which the rest is added.

use super::effects::{EffectAttribution, LEVEL, correct_multiple_tests};
use super::experiments::AblationStudy;
use super::shapley::GroupCoalition;
use paring_core::schema::{
    ExperimentSummary, Explanation, PrimaryMetric, Sha256Hex, UnusableCounts,
};

impl AblationStudy<'_> {
    /// Effects, totals and interactions; nothing yet of times, blame, forecasts and words.
    pub fn account(&self, variant: &str, variant_id: &Sha256Hex) -> Explanation {
        let (plan, table, explored) = (&self.plan, &self.table, &self.explored);
        let attribution = EffectAttribution { groups: &self.groups, plan, explored, table };
        let (mut effects, totals) = attribution.all(&table.aspects());
        let (main, mut interactions) = (table.truth.main(), attribution.interactions());
        correct_multiple_tests(&mut effects, &mut interactions, &main.metric());
        let main = PrimaryMetric {
            metric: main.metric(),
            unit: main.unit().into(),
            higher_is_better: main.higher_is_better(),
        };
        let experiments = ExperimentSummary {
            count: table.draws.iter().map(|draw| draw.len()).sum(),
            samples: table.truth.labels.len(),
            draws: explored.draws,
            exact: explored.exact,
            pairs: if explored.exact { 0 } else { explored.pairs },
            cut_short: explored.cut_short,
            replay_differs: 0,
            replay_identical: false,
        };
        Explanation {
            level_pct: 100.0 * LEVEL,
            groups: self.groups.clone(),
            totals,
            effects,
            interactions,
            unusable: self.unusable(),
            ..Explanation::new(variant, variant_id, main, experiments)
        }
    }

    fn unusable(&self) -> UnusableCounts {
        let count = |set| {
            let answers = self.table.answers(0, set);
            answers.map_or(0, |a| (0..a.classes.len()).filter(|s| !a.usable(*s)).count())
        };
        let all = GroupCoalition::full(self.groups.len());
        UnusableCounts { baseline: count(GroupCoalition::EMPTY), variant: count(all) }
    }
}
