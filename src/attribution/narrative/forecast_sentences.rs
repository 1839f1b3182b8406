//! Forecasts against outcomes: how many held, and the largest miss.

use super::cause_sentences::action;
use super::sentence_writer::{Field, Phrase, SentenceWriter, at};
use paring_core::number_format::plural;
use paring_core::schema::{Explanation, FieldFormat, ForecastOutcome, NarrativeTopic};

pub(super) fn say_forecasts(words: &mut SentenceWriter, found: &Explanation) {
    words.begin(NarrativeTopic::Forecasts);
    let tally = &found.digest.forecasts;
    if tally.count == 0 {
        return;
    }
    let part = |name: &str| at(format!("/digest/forecasts/{name}"), FieldFormat::Count);
    let fields = [part("held"), part("count"), part("level_pct")];
    let noun = plural(tally.count, "forecast");
    let mut sentence = Phrase::new(
        format!("{{}} of {{}} {noun} of single decisions held within the {{}} % interval"),
        fields,
    );
    let miss = tally.largest_miss.and_then(|own| Some((own, found.forecasts.get(own)?)));
    if let Some((own, outcome)) = miss {
        sentence = sentence.then(largest_miss(found, own, outcome));
    }
    words.say_phrase("variant", sentence.then(Phrase::new(".", [])));
    if found.track.count > tally.count {
        let part = |name: &str| at(format!("/track/{name}"), FieldFormat::Count);
        let template = "Over all runs on record, {} of {} held.";
        words.say("variant", template, &[part("covered"), part("count")]);
    }
}

fn largest_miss(found: &Explanation, own: usize, outcome: &ForecastOutcome) -> Phrase {
    let metric = outcome.expected.metric.as_str();
    let share = metric == found.main.metric && found.main.unit == "share";
    let (show, unit) = match metric {
        "latency" => (FieldFormat::TimeChange, ""),
        "file_bytes" => (FieldFormat::BytesChange, ""),
        _ if share => (FieldFormat::Points, " points"),
        _ => (FieldFormat::Signed, ""),
    };
    let part = |name: &str| at(format!("/forecasts/{own}/{name}"), show);
    let name = at(format!("/forecasts/{own}/expected/metric"), FieldFormat::MetricName);
    let fields: [Field; 6] = [
        action(found, &outcome.group),
        name,
        part("expected/delta"),
        part("expected/low"),
        part("expected/high"),
        part("observed/value"),
    ];
    let template = format!(
        "; the largest miss: {{}} was expected to change {{}} by {{}}{unit} ({{}} to {{}}), it changed by {{}}{unit}"
    );
    Phrase::new(template, fields)
}
