//! The explanation in plain words: decisions and reasons, forecasts, effects on accuracy,
//! classes and slices, savings, and the certainty of each.
//!
//! No sentence says more than its interval: an effect is called one only where its interval leaves 0
//! out and the corrected test agrees.

use super::caveats::caveats;
use super::metric_wording::{MetricWording, is_significant, metric};
use super::saving_sentences::say_savings;
use super::sentence_writer::{SentenceWriter, at, interval};
use super::variant_findings::say_findings;
use crate::pipeline::HERE;
use paring_core::schema::{Effect, Explanation, FieldFormat, NarrativeSentence};
use serde_json::{Value, json};

/// Everything there is to say about a variant, in order.
pub fn narrative(found: &Explanation) -> Vec<NarrativeSentence> {
    let record: Value = json!(found);
    let mut words = SentenceWriter::new(record);
    let voice = MetricWording::of(&found.main);
    whole(&mut words, found, &voice);
    let mut order: Vec<usize> = (0..found.groups.len()).collect();
    let size = |g: &usize| {
        let effect = main_effect(found, *g).map(|(_, e)| e);
        effect.and_then(|e| e.shapley).map_or(0.0, |i| i.size())
    };
    order.sort_by(|a, b| size(b).total_cmp(&size(a)));
    order.iter().for_each(|group| of_group(&mut words, found, *group, &voice));
    say_findings(&mut words, found, &voice);
    caveats(&mut words, found);
    words.sentences()
}

/// Position and content of a group's effect on what counts most, as a whole.
fn main_effect(found: &Explanation, group: usize) -> Option<(usize, &Effect)> {
    let id = &found.groups.get(group)?.id;
    let mut own = found.effects.iter().enumerate();
    own.find(|(_, e)| e.group == *id && e.metric == found.main.metric && e.of.is_none())
}

fn whole(words: &mut SentenceWriter, found: &Explanation, voice: &MetricWording) {
    let mut totals = found.totals.iter().enumerate();
    let own = totals.find(|(_, t)| t.metric == found.main.metric && t.of.is_none());
    if let Some((position, total)) = own {
        let path = format!("/totals/{position}");
        let subject = match voice.accuracy {
            true => "{} answers {} of {} report samples rightly, the baseline {}",
            false => "{}: {} is {} on {} report samples, the baseline's {}",
        };
        let change = match total.change.excludes_zero() {
            true => format!("a change of {{}}{}, between {{}} and {{}}", voice.unit),
            false => format!(
                "a change cannot be told from none ({{}}{}, between {{}} and {{}})",
                voice.unit
            ),
        };
        let named = (!voice.accuracy).then(metric);
        let values = [
            at(format!("{path}/variant"), voice.value),
            at(format!("{path}/samples"), FieldFormat::Count),
            at(format!("{path}/baseline"), voice.value),
        ];
        let fields = [at("/variant", FieldFormat::Text)].into_iter().chain(named).chain(values);
        let fields = fields.chain(interval(&format!("{path}/change"), voice.change));
        words.say("variant", &format!("{subject}: {change}"), &fields.collect::<Vec<_>>());
    }
    let mut totals = found.totals.iter().enumerate();
    if let Some((position, t)) = totals.find(|(_, t)| t.metric == "latency" && t.of.is_none()) {
        let path = format!("/totals/{position}");
        let fields = [
            at(format!("{path}/baseline"), FieldFormat::Microseconds),
            at(format!("{path}/variant"), FieldFormat::Microseconds),
            at(format!("{path}/target"), FieldFormat::Text),
        ];
        let place = if t.target.as_deref() == Some(HERE) { "in" } else { "on" };
        let template = format!("an inference takes {{}} before and {{}} after, {place} {{}}");
        words.say("variant", &template, &fields);
    }
    let experiments = |part: &str| at(format!("/experiments/{part}"), FieldFormat::Count);
    let fields = [experiments("count"), experiments("draws")];
    words.say(
        "variant",
        "this stands on {} variants made with only some of the decisions; draws of calibration samples: {}",
        &fields,
    );
}

fn of_group(words: &mut SentenceWriter, found: &Explanation, group: usize, voice: &MetricWording) {
    let Some((position, effect)) = main_effect(found, group) else { return };
    let (id, path) = (found.groups[group].id.clone(), format!("/effects/{position}"));
    let label = at(format!("/groups/{group}/label"), FieldFormat::Text);
    let unit = voice.unit;
    if let Some(shapley) = effect.shapley {
        let fields = [label.clone(), metric()].into_iter();
        let fields = fields.chain(interval(&format!("{path}/shapley"), voice.change));
        let template = match is_significant(effect, Some(shapley)) {
            true => {
                let about = voice.about(voice.worse(shapley.value));
                format!("{about}: {{}}{unit}, between {{}} and {{}}")
            }
            false => {
                // An interval by itself may leave 0 out; of so many, one would by chance.
                let many = if shapley.excludes_zero() { " among so many tests" } else { "" };
                format!(
                    "{{}}: no effect on {{}} can be told from chance{many} ({{}}{unit}, between {{}} and {{}})"
                )
            }
        };
        words.say(&id, &template, &fields.collect::<Vec<_>>());
    }
    if effect.survives == Some(false) && is_significant(effect, effect.shapley) {
        let [_, low, high] = interval(&format!("{path}/together"), voice.change);
        let template = format!(
            "{{}}: its effect does not survive other draws of calibration samples, over which it lies between {{}} and {{}}{unit}"
        );
        words.say(&id, &template, &[label.clone(), low, high]);
    }
    expectation(words, found, group, &id);
    class_and_slice_effects(words, found, group, &id);
    say_savings(words, found, group, &id);
}

/// Forecast and outcome of a group alone: of the primary metric, and of others where
/// the forecast did not hold.
fn expectation(words: &mut SentenceWriter, found: &Explanation, group: usize, id: &str) {
    let own = found.forecasts.iter().enumerate().filter(|(_, f)| f.group == id);
    for (position, outcome) in own {
        let main = outcome.expected.metric == found.main.metric;
        if !main && outcome.compatible {
            continue;
        }
        let (show, unit) = match outcome.expected.metric.as_str() {
            "latency" => (FieldFormat::MicrosecondsChange, ""),
            "file_bytes" => (FieldFormat::BytesChange, ""),
            _ if main && found.main.unit == "share" => (FieldFormat::Points, " points"),
            _ => (FieldFormat::Signed, ""),
        };
        let path = format!("/forecasts/{position}");
        let [_, low, high] = interval(&format!("{path}/expected"), show);
        let metric = at(format!("{path}/expected/metric"), FieldFormat::Text);
        let expected = at(format!("{path}/expected/delta"), show);
        let observed = at(format!("{path}/observed/value"), show);
        let came = match (outcome.covered, outcome.compatible) {
            (true, _) => "as observed:",
            (false, true) => {
                "outside of which, but within the uncertainty of what was observed, came"
            }
            (false, false) => "outside of which came",
        };
        let template = format!(
            "{{}} alone was expected to change {{}} by {{}}{unit}, between {{}} and {{}}, {came} {{}}"
        );
        let label = at(format!("/groups/{group}/label"), FieldFormat::Text);
        words.say(id, &template, &[label, metric, expected, low, high, observed]);
    }
}

/// Classes and slices on which a group has an effect.
fn class_and_slice_effects(
    words: &mut SentenceWriter,
    found: &Explanation,
    group: usize,
    id: &str,
) {
    let own = found.effects.iter().enumerate().filter(|(_, e)| e.group == id && e.of.is_some());
    for (position, effect) in own.filter(|(_, e)| is_significant(e, e.shapley)) {
        let path = format!("/effects/{position}");
        let share = effect.unit == "share";
        let (show, unit) =
            if share { (FieldFormat::Points, " points") } else { (FieldFormat::Signed, "") };
        let metric = effect.metric.as_str();
        // Shares of right answers and F1 are better when higher; what else slices have is the metric
        // that counts most.
        let own = metric.strip_prefix("slice_") == Some(found.main.metric.as_str());
        let higher = if own { found.main.higher_is_better } else { true };
        let worse = effect.shapley.is_some_and(|i| (i.value < 0.0) == higher);
        let right = matches!(metric, "class_accuracy" | "slice_accuracy");
        let label = at(format!("/groups/{group}/label"), FieldFormat::Text);
        let of = at(format!("{path}/of"), FieldFormat::Text);
        let name = at(format!("{path}/metric"), FieldFormat::Text);
        let (about, names) = match (right, worse) {
            (true, true) => ("{} cost {} accuracy", vec![label, of]),
            (true, false) => ("{} won {} accuracy", vec![label, of]),
            (false, true) => ("{} made {} of {} worse", vec![label, name, of]),
            (false, false) => ("{} made {} of {} better", vec![label, name, of]),
        };
        let template = format!("{about}: {{}}{unit}, between {{}} and {{}}");
        let fields = names.into_iter().chain(interval(&format!("{path}/shapley"), show));
        words.say(id, &template, &fields.collect::<Vec<_>>());
    }
}
