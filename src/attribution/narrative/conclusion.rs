//! The recipe in numbers, and the change of quality, latency, memory and energy as a whole.

use super::metric_wording::{MetricWording, metric, place};
use super::sentence_writer::{Phrase, SentenceWriter, at};
use paring_core::number_format::plural;
use paring_core::schema::{ChangeCauses, Explanation, FieldFormat, MetricTotal, NarrativeTopic};

/// Says what was done.
pub(super) fn say_recipe(words: &mut SentenceWriter, found: &Explanation) {
    words.begin(NarrativeTopic::Recipe);
    let variant = at("/variant", FieldFormat::Text);
    let steps = at("/digest/steps", FieldFormat::Steps);
    words.say("variant", "{} is the baseline after: {}.", &[variant, steps]);
    let did: Vec<Phrase> = [removed(found), quantized(found)].into_iter().flatten().collect();
    let size = file_size(found);
    if !did.is_empty() {
        let did = Phrase::new("The recipe ", []).then(Phrase::joined(did, " and "));
        words.say_phrase("variant", did.then(Phrase::new(".", [])));
    }
    if let Some(size) = size {
        words.say_phrase("variant", size);
    }
}

fn total<'a>(found: &'a Explanation, metric: &str) -> Option<(String, &'a MetricTotal)> {
    let own = found.totals.iter().position(|t| t.metric == metric && t.of.is_none())?;
    Some((format!("/totals/{own}"), &found.totals[own]))
}

fn removed(found: &Explanation) -> Option<Phrase> {
    let count = found.digest.components_removed;
    let noun = plural(count, "component");
    let components = at("/digest/components_removed", FieldFormat::Count);
    let mut phrase = Phrase::new(format!("removes {{}} {noun}"), [components]);
    let shares = [("params", "parameters"), ("macs", "multiply-adds")];
    let shares = shares.into_iter().filter_map(|(metric, noun)| {
        let (path, total) = total(found, metric)?;
        let less = total.variant < total.baseline;
        less.then(|| Phrase::new(format!("{{}} of the {noun}"), [at(path, FieldFormat::Reduction)]))
    });
    let shares: Vec<Phrase> = shares.collect();
    if !shares.is_empty() {
        let inside = Phrase::joined(shares, ", ");
        phrase = phrase.then(Phrase::new(" (", [])).then(inside).then(Phrase::new(")", []));
    }
    (count > 0).then_some(phrase)
}

fn quantized(found: &Explanation) -> Option<Phrase> {
    let count = found.digest.layers_quantized;
    let layers = at("/digest/layers_quantized", FieldFormat::Count);
    (count > 0).then(|| Phrase::new(format!("quantizes {{}} {}", plural(count, "layer")), [layers]))
}

fn file_size(found: &Explanation) -> Option<Phrase> {
    let (path, total) = total(found, "file_bytes")?;
    let size = |part: &str| at(format!("{path}/{part}"), FieldFormat::Bytes);
    let sizes = [size("variant"), size("baseline")];
    (total.variant != total.baseline)
        .then(|| Phrase::new("The file has {}, the baseline's {}.", sizes))
}

/// Says what changed as a whole: quality, predictions, then what was measured on machines.
pub(super) fn say_conclusion(words: &mut SentenceWriter, found: &Explanation) {
    words.begin(NarrativeTopic::Conclusion);
    for change in &found.digest.causes {
        let Some((path, total)) = change.total.and_then(|position| {
            Some((format!("/totals/{position}"), found.totals.get(position)?))
        }) else {
            continue;
        };
        let main = change.metric == found.main.metric;
        let phrase = if main { quality(found, &path, total) } else { cost(change, &path, total) };
        words.say_phrase("variant", phrase.then(Phrase::new(".", [])));
        if main {
            say_flips(words, found);
        }
    }
}

fn quality(found: &Explanation, path: &str, total: &MetricTotal) -> Phrase {
    let voice = MetricWording::of(&found.main);
    let value = |part: &str| at(format!("{path}/{part}"), voice.formats.value);
    let samples = at(format!("{path}/samples"), FieldFormat::Count);
    let fields = [samples, metric(), value("variant"), value("baseline")];
    let values = "On {} report samples, {} is {}, the baseline's {}: ";
    let change = voice.compared(total.change, &format!("{path}/change"), ["lower", "higher"]);
    let worse = match (total.change.excludes_zero(), voice.worse(total.change.value)) {
        (true, worse) if !found.main.higher_is_better => {
            if worse {
                ", which is worse"
            } else {
                ", which is better"
            }
        }
        _ => "",
    };
    Phrase::new(values, fields).then(change).then(Phrase::new(worse, []))
}

/// A change of latency, memory or energy.
fn cost(change: &ChangeCauses, path: &str, total: &MetricTotal) -> Phrase {
    let voice = MetricWording::of_unit(&total.unit);
    let value = |part: &str| at(format!("{path}/{part}"), voice.formats.value);
    let compared = voice.compared(total.change, &format!("{path}/change"), ["less", "more"]);
    let subject = match change.metric.as_str() {
        "latency" => Phrase::new("An inference takes {}", [value("variant")]),
        _ => {
            let name = at(format!("{path}/metric"), FieldFormat::MetricNameFirst);
            Phrase::new("{} is {}", [name, value("variant")])
        }
    };
    let subject = subject.then(place(total.target.as_deref(), path));
    subject.then(Phrase::new(", the baseline's {}: ", [value("baseline")])).then(compared)
}

/// Regressions and fixes, or without labels the predictions that changed.
fn say_flips(words: &mut SentenceWriter, found: &Explanation) {
    let counts = found.flip_counts;
    if !found.effects.iter().any(|effect| effect.metric == "flips") && counts.changed == 0 {
        return;
    }
    let kinds = [
        ("changed", counts.changed, "prediction", " unlike the baseline's"),
        ("lost", counts.lost, "regression", " (right→wrong)"),
        ("won", counts.won, "fix", " (wrong→right)"),
        ("other", counts.other, "change", " from one wrong class to another"),
    ];
    let told = kinds.into_iter().filter(|(_, count, ..)| *count > 0);
    let told = told.map(|(part, count, noun, kind)| {
        let field = at(format!("/flip_counts/{part}"), FieldFormat::Count);
        Phrase::new(format!("{{}} {}{kind}", plural(count, noun)), [field])
    });
    let told: Vec<Phrase> = told.collect();
    if told.is_empty() {
        words.say("variant", "No predicted class differs from the baseline's.", &[]);
        return;
    }
    let all = Phrase::new("Predictions: ", []).then(Phrase::joined(told, ", "));
    words.say_phrase("variant", all.then(Phrase::new(".", [])));
}
