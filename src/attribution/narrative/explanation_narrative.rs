//! The explanation in plain words, paragraph by paragraph: the recipe, the conclusion, the decisions that
//! carry it, samples, details, forecasts, certainty and caveats.
//!
//! No sentence says more than its interval: an effect is called one only where its interval leaves 0
//! out and the corrected test agrees. What is not significant is one sentence for all groups.

use super::cause_sentences::say_causes;
use super::caveats::say_caveats;
use super::conclusion::{say_conclusion, say_recipe};
use super::digest::digest;
use super::flip_sentences::{say_blame, say_classes_and_slices, say_hardest_hit, say_robustness};
use super::forecast_sentences::say_forecasts;
use super::sentence_writer::{SentenceWriter, at};
use super::variant_findings::{say_flow, say_interactions, say_way};
use paring_core::number_format::plural;
use paring_core::schema::{Explanation, FieldFormat, NarrativeTopic};
use serde_json::json;

/// Adds the digest of everything else in the explanation, and from both its sentences.
pub fn narrate(found: &mut Explanation) {
    found.digest = digest(found);
    found.narrative = Vec::new();
    let mut words = SentenceWriter::new(json!(found));
    say_recipe(&mut words, found);
    say_conclusion(&mut words, found);
    say_causes(&mut words, found);
    say_interactions(&mut words, found);
    words.begin(NarrativeTopic::Samples);
    say_classes_and_slices(&mut words, found);
    say_blame(&mut words, found);
    say_hardest_hit(&mut words, found);
    words.begin(NarrativeTopic::Details);
    say_way(&mut words, found);
    say_robustness(&mut words, found);
    say_flow(&mut words, found);
    say_forecasts(&mut words, found);
    say_certainty(&mut words, found);
    say_caveats(&mut words, found);
    found.narrative = words.sentences();
}

/// Says how many experiments the figures stand on.
fn say_certainty(words: &mut SentenceWriter, found: &Explanation) {
    words.begin(NarrativeTopic::Certainty);
    let part = |name: &str| at(format!("/experiments/{name}"), FieldFormat::Count);
    let draws = plural(found.experiments.draws, "calibration resample");
    let sets =
        if found.experiments.exact { "every combination" } else { "a sample of the combinations" };
    let template = format!(
        "These figures stand on {{}} variants with only some of the decisions ({sets} of groups), each evaluated on {{}} report samples, over {{}} {draws}."
    );
    words.say("variant", &template, &[part("count"), part("samples"), part("draws")]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attribution::{example_explanation, example_without_effect};
    use insta::assert_snapshot;
    use paring_core::schema::ConfidenceInterval;

    /// The sentences, a line each, a blank line between paragraphs; each was held against the record.
    fn told(mut found: Explanation) -> String {
        narrate(&mut found);
        let record = json!(found);
        let mut text = String::new();
        for (position, sentence) in found.narrative.iter().enumerate() {
            assert!(sentence.holds(&record), "{}", sentence.text);
            let before = position.checked_sub(1).map(|before| found.narrative[before].topic);
            let blank = before.is_some_and(|before| before != sentence.topic);
            text += &format!("{}{}\n", if blank { "\n" } else { "" }, sentence.text);
        }
        text
    }

    #[test]
    fn a_change_is_told_with_its_causes() {
        assert_snapshot!(told(example_explanation()), @"
        half-int8 is the baseline after: prune channels, ratio 0.5, criterion l1; then quantize int8, per tensor, minmax.
        The recipe removes 48 components (75.0 % of the parameters, 62.5 % of the multiply-adds) and quantizes 1 layer.
        The file has 157.0 KiB, the baseline's 616.0 KiB.

        On 400 report samples, accuracy is 94.8 %, the baseline's 99.2 %: 4.50 points lower (95 % CI 2.50 to 6.80).
        Predictions: 20 regressions (right→wrong), 2 fixes (wrong→right), 1 change from one wrong class to another.
        An inference takes 102.3 µs in this process, the baseline's 191.2 µs: 88.9 µs less (95 % CI 85.1 to 91.3 µs).

        Pruning stem costs 4.20 points of accuracy (95 % CI 2.30 to 6.40).
        Over all calibration resamples: no significant change (−4.00 points, 95 % CI −7.00 to +0.30).
        Pruning res1.skip saves 23.1 µs per inference in this process (95 % CI 20.1 to 25.0 µs).
        Pruning stem saves 8.3 µs per inference in this process (95 % CI 7.9 to 8.8 µs).
        Savings are leave-one-out and need not add up to the whole.
        No significant effect: 2 of 3 groups on accuracy, 1 of 3 groups on latency in this process.

        On class 3, pruning stem costs 30.00 points of accuracy (95 % CI 18.00 to 45.00).
        Leaving out pruning stem undoes 17 of 20 regressions and 1 of 2 fixes.
        Restoring stem components 4, 9 undoes 10 of 12 regressions of class 3 (net gain over all classes: 11).
        Sample 675 of class 3 is hit hardest: the probability of its class falls by 92.04 points.
        Of the 10 samples nearest to it, 40.0 % are right; with the baseline 100.0 %.

        From float baseline to variant without quantization (graph rewrite): accuracy is 4.50 points lower (95 % CI 2.50 to 6.80), 23 of 400 predictions differ.
        No significant change of accuracy on the way to variant simulated in float (1 of 400 predictions differ), variant on this machine (0 of 400 predictions differ).

        1 of 2 forecasts of single decisions held within the 80 % interval; the largest miss: pruning stem was expected to change accuracy by −0.20 points (−1.00 to +0.80), it changed by −5.00 points.
        Over all runs on record, 25 of 30 held.

        These figures stand on 40 variants with only some of the decisions (every combination of groups), each evaluated on 400 report samples, over 5 calibration resamples.

        Times in this process are those of this machine as it runs now; `--measure` times in fresh processes, also on boards.
        The machine was quiet in only 40.0 % of the timing rounds.
        ");
    }

    #[test]
    fn a_variant_without_effect_takes_few_words() {
        assert_snapshot!(told(example_without_effect()), @"
        nhwc is the baseline after: engine conv_nhwc.

        On 400 report samples, accuracy is 99.2 %, the baseline's 99.2 %: no significant change (0.00 points, 95 % CI −1.21 to +1.21).
        No predicted class differs from the baseline's.

        Engine options conv_nhwc is the only group of decisions, so every change is due to it.

        These figures stand on 2 variants with only some of the decisions (every combination of groups), each evaluated on 400 report samples, over 1 calibration resample.

        Other calibration samples may lead to other effects: none were tried (`--replicates`).
        ");
    }

    fn negated(of: ConfidenceInterval) -> ConfidenceInterval {
        ConfidenceInterval { value: -of.value, low: -of.high, high: -of.low }
    }

    /// The example with the share of wrong answers, of which less is better, for its accuracy.
    fn with_error_for_accuracy() -> Explanation {
        let mut found = example_explanation();
        found.main.metric = "mse".into();
        found.main.unit = "number".into();
        found.main.higher_is_better = false;
        for total in found.totals.iter_mut().filter(|total| total.metric == "accuracy") {
            total.metric = "mse".into();
            total.unit = "number".into();
            (total.baseline, total.variant) = (1.0 - total.baseline, 1.0 - total.variant);
            total.change = negated(total.change);
        }
        for effect in found.effects.iter_mut().filter(|effect| effect.metric == "accuracy") {
            effect.metric = "mse".into();
            effect.unit = "number".into();
            effect.shapley = effect.shapley.map(negated);
            effect.together = effect.together.map(negated);
        }
        for stage in &mut found.links {
            stage.change = stage.change.map(negated);
        }
        found
    }

    #[test]
    fn what_is_better_lower_and_what_limits_the_figures_are_told() {
        let mut found = with_error_for_accuracy();
        found.forecasts.clear();
        found.experiments.cut_short = true;
        found.experiments.exact = false;
        found.experiments.pairs = 1;
        found.experiments.replay_differs = 2;
        found.unusable.variant = 3;
        found.emulated = vec!["pi4".into()];
        assert_snapshot!(told(found), @"
        half-int8 is the baseline after: prune channels, ratio 0.5, criterion l1; then quantize int8, per tensor, minmax.
        The recipe removes 48 components (75.0 % of the parameters, 62.5 % of the multiply-adds) and quantizes 1 layer.
        The file has 157.0 KiB, the baseline's 616.0 KiB.

        On 400 report samples, mse is 0.05250, the baseline's 0.007500: 0.04500 higher (95 % CI 0.02500 to 0.06800), which is worse.
        Predictions: 20 regressions (right→wrong), 2 fixes (wrong→right), 1 change from one wrong class to another.
        An inference takes 102.3 µs in this process, the baseline's 191.2 µs: 88.9 µs less (95 % CI 85.1 to 91.3 µs).

        Pruning stem makes mse worse by 0.04200 (95 % CI 0.02300 to 0.06400).
        Over all calibration resamples: no significant change (+0.04000, 95 % CI −0.003000 to +0.07000).
        Pruning res1.skip saves 23.1 µs per inference in this process (95 % CI 20.1 to 25.0 µs).
        Pruning stem saves 8.3 µs per inference in this process (95 % CI 7.9 to 8.8 µs).
        Savings are leave-one-out and need not add up to the whole.
        No significant effect: 2 of 3 groups on mse, 1 of 3 groups on latency in this process.

        On class 3, pruning stem costs 30.00 points of accuracy (95 % CI 18.00 to 45.00).
        Leaving out pruning stem undoes 17 of 20 regressions and 1 of 2 fixes.
        Restoring stem components 4, 9 undoes 10 of 12 regressions of class 3 (net gain over all classes: 11).
        Sample 675 of class 3 is hit hardest: the probability of its class falls by 92.04 points.
        Of the 10 samples nearest to it, 40.0 % are right; with the baseline 100.0 %.

        From float baseline to variant without quantization (graph rewrite): mse is 0.04500 higher (95 % CI 0.02500 to 0.06800), 23 of 400 predictions differ.
        No significant change of mse on the way to variant simulated in float (1 of 400 predictions differ), variant on this machine (0 of 400 predictions differ).

        These figures stand on 40 variants with only some of the decisions (a sample of the combinations of groups), each evaluated on 400 report samples, over 5 calibration resamples.

        The budget ended early, after 1 pair of orders and 5 calibration resamples; more `--minutes` narrow the Shapley values.
        Replaying all decisions does not reproduce the run's variant: 2 predictions differ.
        Outputs are not numbers on 3 of 400 report samples (0 with the baseline): these count as wrong and are left out of means.
        pi4 is emulated: its times and memory are no board's.
        Times in this process are those of this machine as it runs now; `--measure` times in fresh processes, also on boards.
        The machine was quiet in only 40.0 % of the timing rounds.
        ");
    }
}
