//! The groups of decisions behind each change: the largest that are significant, and all others in one
//! sentence.

use super::digest::effect_value;
use super::metric_wording::{MetricWording, metric, place};
use super::sentence_writer::{Field, Phrase, SentenceWriter, at};
use paring_core::schema::{
    ChangeCauses, ConfidenceInterval, Effect, Explanation, FieldFormat, NarrativeTopic,
};

/// The most groups that are named for one change; the tables have all.
pub(super) const MOST_NAMED: usize = 3;

pub(super) fn say_causes(words: &mut SentenceWriter, found: &Explanation) {
    words.begin(NarrativeTopic::Causes);
    if let [only] = found.groups.as_slice() {
        let template = "{} is the only group of decisions, so every change is due to it.";
        words.say(&only.id, template, &[action_first(found, &only.id)]);
        return;
    }
    for (position, change) in found.digest.causes.iter().enumerate() {
        say_largest(words, found, (position, change));
    }
    say_not_significant(words, found);
}

/// The field of a group's action.
pub(super) fn action(found: &Explanation, id: &str) -> Field {
    named(found, id, FieldFormat::Action)
}

/// Likewise, at the beginning of a sentence.
pub(super) fn action_first(found: &Explanation, id: &str) -> Field {
    named(found, id, FieldFormat::ActionFirst)
}

fn named(found: &Explanation, id: &str, show: FieldFormat) -> Field {
    let own = found.groups.iter().position(|g| g.id == id).unwrap_or(0);
    at(format!("/groups/{own}/label"), show)
}

fn say_largest(
    words: &mut SentenceWriter,
    found: &Explanation,
    (position, change): (usize, &ChangeCauses),
) {
    if change.significant.len() > MOST_NAMED {
        let count = at(format!("/digest/causes/{position}/significant"), FieldFormat::Length);
        let begin = Phrase::new("{} groups of decisions have a significant effect on ", [count]);
        let of = subject(position, change);
        words.say_phrase(
            "variant",
            begin.then(of).then(Phrase::new("; the three largest follow.", [])),
        );
    }
    for own in change.significant.iter().take(MOST_NAMED) {
        let Some(effect) = found.effects.get(*own) else { continue };
        match change.metric == found.main.metric {
            true => say_quality(words, found, (*own, effect)),
            false => say_saving(words, found, (*own, effect)),
        }
    }
    if change.metric == "latency" && change.significant.len() > 1 {
        words.say("variant", "Savings are leave-one-out and need not add up to the whole.", &[]);
    }
}

fn say_quality(words: &mut SentenceWriter, found: &Explanation, (own, effect): (usize, &Effect)) {
    let voice = MetricWording::of(&found.main);
    let Some(value) = effect_value(found, effect) else { return };
    let pointer = format!("/effects/{own}/shapley");
    let group = action_first(found, &effect.group);
    let change = voice.worsening(value, &pointer, Phrase::new("{}", [metric()]));
    let sentence = Phrase::new("{} ", [group]).then(change).then(Phrase::new(".", []));
    words.say_phrase(&effect.group, sentence);
    if effect.survives == Some(false) {
        let all = voice.no_change(&format!("/effects/{own}/together"));
        let sentence = match effect.together.is_some_and(ConfidenceInterval::excludes_zero) {
            true => Phrase::new("Not every calibration resample agrees on its sign.", []),
            false => Phrase::new("Over all calibration resamples: ", [])
                .then(all)
                .then(Phrase::new(".", [])),
        };
        words.say_phrase(&effect.group, sentence);
    }
}

fn say_saving(words: &mut SentenceWriter, found: &Explanation, (own, effect): (usize, &Effect)) {
    let Some(value) = effect.leave_one_out else { return };
    let voice = MetricWording::of_unit(&effect.unit);
    let pointer = format!("/effects/{own}/leave_one_out");
    let verb = if value.value < 0.0 { "saves" } else { "costs" };
    let what = match effect.metric.as_str() {
        "peak_heap_bytes" => " of peak heap memory",
        "energy_per_inference" => " of energy per inference",
        _ => " per inference",
    };
    let sentence = Phrase::new(format!("{{}} {verb} "), [action_first(found, &effect.group)])
        .then(voice.size_of(&pointer))
        .then(Phrase::new(what, []))
        .then(place(effect.target.as_deref(), &format!("/effects/{own}")))
        .then(voice.bounds_of(&pointer))
        .then(Phrase::new(".", []));
    words.say_phrase(&effect.group, sentence);
}

/// `accuracy`, `latency on pi4`.
fn subject(position: usize, change: &ChangeCauses) -> Phrase {
    let pointer = format!("/digest/causes/{position}");
    let name = at(format!("{pointer}/metric"), FieldFormat::MetricName);
    Phrase::new("{}", [name]).then(place(change.target.as_deref(), &pointer))
}

/// All groups that cannot be told from noise, in one sentence.
fn say_not_significant(words: &mut SentenceWriter, found: &Explanation) {
    let groups = at("/groups", FieldFormat::Length);
    let unclear = found.digest.causes.iter().enumerate();
    let unclear = unclear.filter(|(_, change)| !change.not_significant.is_empty());
    let clauses: Vec<Phrase> = unclear
        .map(|(position, change)| {
            let pointer = format!("/digest/causes/{position}/not_significant");
            let on = Phrase::new(" on ", []).then(subject(position, change));
            match change.not_significant.len() == found.groups.len() {
                true => Phrase::new("all {} groups of decisions", [groups.clone()]).then(on),
                false => {
                    let count = at(pointer, FieldFormat::Length);
                    Phrase::new("{} of {} groups", [count, groups.clone()]).then(on)
                }
            }
        })
        .collect();
    if !clauses.is_empty() {
        let all = Phrase::new("No significant effect: ", []).then(Phrase::joined(clauses, ", "));
        words.say_phrase("variant", all.then(Phrase::new(".", [])));
    }
}
