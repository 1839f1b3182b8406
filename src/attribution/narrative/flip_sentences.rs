//! Findings about samples: classes and slices, the groups and components behind regressions, and the
//! sample that is hit hardest.

use super::cause_sentences::{MOST_NAMED, action};
use super::metric_wording::{MetricWording, is_significant, metric};
use super::sentence_writer::{Field, Phrase, SentenceWriter, at};
use crate::attribution::effects::ROBUSTNESS;
use paring_core::number_format::plural;
use paring_core::schema::{Effect, Explanation, FieldFormat, GroupBlame, MetricTotal};

/// Says which classes and slices pay, and through which groups.
pub(super) fn say_classes_and_slices(words: &mut SentenceWriter, found: &Explanation) {
    for kind in ["class_", "slice_"] {
        let own = found.effects.iter().enumerate().filter(|(_, e)| {
            e.of.is_some() && e.metric.starts_with(kind) && is_significant(e, e.shapley)
        });
        let mut own: Vec<(usize, &Effect)> = own.collect();
        let size = |effect: &Effect| effect.shapley.map_or(0.0, |i| i.size());
        own.sort_by(|a, b| size(b.1).total_cmp(&size(a.1)));
        own.iter().take(MOST_NAMED).for_each(|effect| say_part(words, found, *effect));
    }
}

fn say_part(words: &mut SentenceWriter, found: &Explanation, (own, effect): (usize, &Effect)) {
    let Some(value) = effect.shapley else { return };
    // Accuracy and F1 are better when higher; what else slices have is the primary metric.
    let primary = effect.metric.strip_prefix("slice_") == Some(found.main.metric.as_str());
    let higher = if primary { found.main.higher_is_better } else { true };
    let voice = MetricWording::of_unit(&effect.unit).with_direction(higher);
    let path = format!("/effects/{own}");
    let name = Phrase::new("{}", [at(format!("{path}/metric"), FieldFormat::MetricName)]);
    let fields = [at(format!("{path}/of"), FieldFormat::Text), action(found, &effect.group)];
    let change = voice.worsening(value, &format!("{path}/shapley"), name);
    let sentence = Phrase::new("On {}, {} ", fields).then(change).then(Phrase::new(".", []));
    words.say_phrase(&effect.group, sentence);
}

/// Says which groups answer for changed predictions, and which few components.
pub(super) fn say_blame(words: &mut SentenceWriter, found: &Explanation) {
    let undone = |blame: &GroupBlame| blame.lost_alone.max(blame.changed_alone);
    // A single one of several says little about a group.
    let all = found.flip_counts.lost.max(found.flip_counts.changed);
    let guilty = found.blame.iter().enumerate();
    let guilty = guilty.filter(|(_, blame)| undone(blame) > usize::from(all > 1));
    let mut guilty: Vec<(usize, &GroupBlame)> = guilty.collect();
    guilty.sort_by_key(|(_, blame)| std::cmp::Reverse(undone(blame)));
    for (position, blame) in guilty.into_iter().take(MOST_NAMED) {
        match blame.lost_alone {
            0 => say_restored_predictions(words, found, position, blame),
            _ => say_undone_regressions(words, found, position, blame),
        }
    }
    say_components(words, found);
}

fn count(pointer: String) -> Field {
    at(pointer, FieldFormat::Count)
}

fn say_undone_regressions(
    words: &mut SentenceWriter,
    found: &Explanation,
    position: usize,
    blame: &GroupBlame,
) {
    let of = |part: &str| count(format!("/flip_counts/{part}"));
    let undone = |part: &str| count(format!("/blame/{position}/{part}"));
    let counts = found.flip_counts;
    let lost = plural(counts.lost, "regression");
    let fields = [action(found, &blame.group), undone("lost_alone"), of("lost")];
    let mut sentence = Phrase::new(format!("Leaving out {{}} undoes {{}} of {{}} {lost}"), fields);
    if blame.won_alone > 0 {
        let won = plural(counts.won, "fix");
        let fields = [undone("won_alone"), of("won")];
        sentence = sentence.then(Phrase::new(format!(" and {{}} of {{}} {won}"), fields));
    }
    words.say_phrase(&blame.group, sentence.then(Phrase::new(".", [])));
}

fn say_restored_predictions(
    words: &mut SentenceWriter,
    found: &Explanation,
    position: usize,
    blame: &GroupBlame,
) {
    let samples = plural(found.flip_counts.changed, "changed prediction");
    let fields = [
        action(found, &blame.group),
        count(format!("/blame/{position}/changed_alone")),
        count("/flip_counts/changed".into()),
    ];
    let template = format!("Leaving out {{}} undoes {{}} of {{}} {samples}.");
    words.say(&blame.group, &template, &fields);
}

/// Components that bring back more than one sample.
fn say_components(words: &mut SentenceWriter, found: &Explanation) {
    let several = found.components.iter().enumerate().filter(|(_, blame)| blame.back > 1);
    let mut several: Vec<_> = several.collect();
    several.sort_by_key(|(_, blame)| std::cmp::Reverse(blame.back));
    for (position, blame) in several.into_iter().take(MOST_NAMED) {
        let part =
            |name: &str, show: FieldFormat| at(format!("/components/{position}/{name}"), show);
        let fields = [
            part("coupling", FieldFormat::Text),
            part("indices", FieldFormat::List),
            part("back", FieldFormat::Count),
            part("lost", FieldFormat::Count),
            part("class", FieldFormat::Count),
            part("net", FieldFormat::Count),
        ];
        let (components, lost) =
            (plural(blame.components.len(), "component"), plural(blame.lost, "regression"));
        let template = format!(
            "Restoring {{}} {components} {{}} undoes {{}} of {{}} {lost} of class {{}} (net gain over all classes: {{}})."
        );
        words.say(&blame.group, &template, &fields);
    }
}

/// Says what disturbed inputs change: what is significant, and the rest in one sentence.
pub(super) fn say_robustness(words: &mut SentenceWriter, found: &Explanation) {
    let voice = MetricWording::of(&found.main);
    let own = found.totals.iter().enumerate().filter(|(_, t)| t.metric == ROBUSTNESS);
    let (clear, unclear): (Vec<_>, Vec<_>) = own.partition(|(_, t)| t.change.excludes_zero());
    for (position, total) in clear {
        let path = format!("/totals/{position}");
        let change = voice.compared(total.change, &format!("{path}/change"), ["lower", "higher"]);
        let begin = inputs_with(&path, total.is_unsound()).then(Phrase::new("{} is ", [metric()]));
        let begin = begin.then(change);
        let end = Phrase::new(", compared with the baseline on the same inputs.", []);
        words.say_phrase("variant", begin.then(end));
    }
    let of = |(position, total): &(usize, &MetricTotal)| {
        disturbance(&format!("/totals/{position}"), total.is_unsound())
    };
    if !unclear.is_empty() {
        let inputs = Phrase::joined(unclear.iter().map(of).collect(), ", ");
        let begin = Phrase::new("No significant change of {} on inputs with ", [metric()]);
        words.say_phrase("variant", begin.then(inputs).then(Phrase::new(".", [])));
    }
    let own = found.effects.iter().enumerate().filter(|(_, e)| e.metric == ROBUSTNESS);
    let own = own.filter(|(_, e)| is_significant(e, e.leave_one_out));
    for (position, effect) in own.take(MOST_NAMED) {
        let Some(value) = effect.leave_one_out else { continue };
        let path = format!("/effects/{position}");
        let name = Phrase::new("{}", [metric()]);
        let change = voice.worsening(value, &format!("{path}/leave_one_out"), name);
        let group = Phrase::new("{} leave-one-out ", [action(found, &effect.group)]);
        let begin = inputs_with(&path, effect.is_unsound()).then(group);
        words.say_phrase(&effect.group, begin.then(change).then(Phrase::new(".", [])));
    }
}

/// `On inputs with pgd_linf 0.1 (not sound), `.
fn inputs_with(path: &str, unsound: bool) -> Phrase {
    let begin = Phrase::new("On inputs with ", []).then(disturbance(path, unsound));
    begin.then(Phrase::new(", ", []))
}

/// The disturbance of a total or an effect, marked where its figure is not sound.
fn disturbance(path: &str, unsound: bool) -> Phrase {
    let template = if unsound { "{} (not sound)" } else { "{}" };
    Phrase::new(template, [at(format!("{path}/of"), FieldFormat::Text)])
}

/// Says which sample lost most, and how its neighbours fare.
pub(super) fn say_hardest_hit(words: &mut SentenceWriter, found: &Explanation) {
    let Some(hardest) = found.hits.first() else { return };
    let part = |name: &str, show: FieldFormat| at(format!("/hits/0/{name}"), show);
    let (sample, lost) =
        (part("sample", FieldFormat::Count), part("lost", FieldFormat::PointsSize));
    let (template, class) = match hardest.label {
        Some(_) => (
            "Sample {} of class {} is hit hardest: the probability of its class falls by {} points.",
            part("label", FieldFormat::Count),
        ),
        None => (
            "Sample {} is hit hardest: the probability of the baseline's class {} falls by {} points.",
            part("before", FieldFormat::Count),
        ),
    };
    words.say("variant", template, &[sample, class, lost]);
    if hardest.label.is_some() && hardest.region.is_some() {
        let fields = [
            part("region/neighbours", FieldFormat::Length),
            part("region/accuracy_after", FieldFormat::Percent),
            part("region/accuracy_before", FieldFormat::Percent),
        ];
        let template = "Of the {} samples nearest to it, {} are right; with the baseline {}.";
        words.say("variant", template, &fields);
    }
}
