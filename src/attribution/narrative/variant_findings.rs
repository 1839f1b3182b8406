//! Findings about a variant as a whole: interactions, causes of flips,
//! the path of predictions to a machine, robustness, feature flow through the
//! layers, and the samples hit hardest.

use super::metric_wording::{MetricWording, is_significant, metric};
use super::sentence_writer::{SentenceWriter, at, interval};
use crate::attribution::effects::{LEVEL, ROBUSTNESS};
use paring_core::schema::{Explanation, FieldFormat, LayerFlow};

/// The most groups that are named for lost samples; the record has all, and components that
/// bring back a single sample too.
const GUILTY: usize = 3;

pub(super) fn say_findings(words: &mut SentenceWriter, found: &Explanation, voice: &MetricWording) {
    together(words, found, voice);
    blamed(words, found);
    on_the_way(words, found, voice);
    disturbed(words, found, voice);
    flowing(words, found);
    hit(words, found);
    forecast_record(words, found);
}

/// The field of a group's label.
fn label(found: &Explanation, id: &str) -> (String, FieldFormat) {
    let own = found.groups.iter().position(|g| g.id == id).unwrap_or(0);
    at(format!("/groups/{own}/label"), FieldFormat::Text)
}

fn together(words: &mut SentenceWriter, found: &Explanation, voice: &MetricWording) {
    for (position, interaction) in found.interactions.iter().enumerate() {
        if interaction.holm > 1.0 - LEVEL || !interaction.value.excludes_zero() {
            continue;
        }
        let [i, j] = [0, 1].map(|which: usize| label(found, &interaction.groups[which]));
        let about = match voice.worse(interaction.value.value) {
            true => "{} and {} cost more {} together than each on top of the rest",
            false => "{} and {} cost less {} together than each on top of the rest",
        };
        let template = format!("{about}: {{}}{}, between {{}} and {{}}", voice.unit);
        let values = interval(&format!("/interactions/{position}/value"), voice.change);
        let fields = [i, j, metric()].into_iter().chain(values);
        words.say("variant", &template, &fields.collect::<Vec<_>>());
    }
}

fn blamed(words: &mut SentenceWriter, found: &Explanation) {
    let count = |part: &str| at(format!("/flip_counts/{part}"), FieldFormat::Count);
    let flips = found.effects.iter().any(|e| e.metric == "flips");
    let changed = found.flip_counts.changed > 0;
    if changed {
        words.say("variant", "samples whose class is not the baseline's: {}", &[count("changed")]);
    } else if flips {
        let fields = [count("lost"), count("won"), count("other")];
        words.say(
            "variant",
            "samples lost, right before and wrong now: {}; won, wrong before and right now: {}; changed from one wrong class to another: {}",
            &fields,
        );
    }
    let guilty = found.blame.iter().enumerate().filter(|(_, b)| b.lost_alone > 0);
    for (position, blame) in guilty.take(GUILTY) {
        let fields = [
            label(found, &blame.group),
            at(format!("/blame/{position}/lost_alone"), FieldFormat::Count),
            count("lost"),
            at(format!("/blame/{position}/won_alone"), FieldFormat::Count),
        ];
        let template = "without {}, lost samples that are right again: {} of {}; won samples that are wrong again: {}";
        words.say(&blame.group, template, &fields);
    }
    let guilty = found.blame.iter().enumerate().filter(|(_, b)| b.changed_alone > 0);
    for (position, blame) in guilty.take(GUILTY) {
        let fields = [
            label(found, &blame.group),
            at(format!("/blame/{position}/changed_alone"), FieldFormat::Count),
            count("changed"),
        ];
        let template = "without {}, samples that get the baseline's class again: {} of {}";
        words.say(&blame.group, template, &fields);
    }
    let several = found.components.iter().enumerate().filter(|(_, b)| b.back > 1);
    for (position, blame) in several {
        let path = format!("/components/{position}");
        let part = |name: &str, show: FieldFormat| at(format!("{path}/{name}"), show);
        let fields = [
            part("indices", FieldFormat::List),
            part("coupling", FieldFormat::Text),
            part("back", FieldFormat::Count),
            part("lost", FieldFormat::Count),
            part("class", FieldFormat::Count),
            part("net", FieldFormat::Count),
        ];
        let template = "components {} of {} answer for {} of the {} lost samples of class {}: restored, they are right again (right answers in all: {} more)";
        words.say(&blame.group, template, &fields);
    }
}

fn on_the_way(words: &mut SentenceWriter, found: &Explanation, voice: &MetricWording) {
    for (position, link) in found.links.iter().enumerate() {
        let path = format!("/links/{position}");
        let place = |which: usize| at(format!("{path}/between/{which}"), FieldFormat::Text);
        let cause = at(format!("{path}/cause"), FieldFormat::Text);
        let (about, named) = match link.cause.as_str() {
            "all" => ("the whole way from {} to {}", vec![place(0), place(1)]),
            _ => ("{}, from {} to {}", vec![cause, place(0), place(1)]),
        };
        let flips = link.flips.map(|_| {
            let part = |name: &str| at(format!("{path}/{name}"), FieldFormat::Count);
            ["flips", "samples"].map(part).to_vec()
        });
        let changes = if flips.is_some() { "{} of {} answers change, " } else { "" };
        let template =
            format!("{about}: {changes}{{}} by {{}}{}, between {{}} and {{}}", voice.unit);
        let fields = named.into_iter().chain(flips.into_iter().flatten()).chain([metric()]);
        let fields = fields.chain(interval(&format!("{path}/change"), voice.change));
        words.say("variant", &template, &fields.collect::<Vec<_>>());
    }
}

fn disturbed(words: &mut SentenceWriter, found: &Explanation, voice: &MetricWording) {
    let own = found.totals.iter().enumerate().filter(|(_, t)| t.metric == ROBUSTNESS);
    for (position, total) in own.filter(|(_, t)| t.change.excludes_zero()) {
        let path = format!("/totals/{position}");
        let about = if voice.worse(total.change.value) { "worse" } else { "better" };
        let template = format!(
            "on inputs with {{}}, {{}} is {about} than the baseline's on the same inputs by {{}}{}, between {{}} and {{}}",
            voice.unit
        );
        let fields = [at(format!("{path}/of"), FieldFormat::Text), metric()].into_iter();
        let fields = fields.chain(interval(&format!("{path}/change"), voice.change));
        words.say("variant", &template, &fields.collect::<Vec<_>>());
    }
    let own = found.effects.iter().enumerate().filter(|(_, e)| e.metric == ROBUSTNESS);
    for (position, effect) in own.filter(|(_, e)| is_significant(e, e.leave_one_out)) {
        let path = format!("/effects/{position}");
        let template = format!(
            "on inputs with {{}}, {{}} on top of all others changes {{}} by {{}}{}, between {{}} and {{}}",
            voice.unit
        );
        let of = at(format!("{path}/of"), FieldFormat::Text);
        let fields = [of, label(found, &effect.group), metric()].into_iter();
        let fields = fields.chain(interval(&format!("{path}/leave_one_out"), voice.change));
        words.say(&effect.group, &template, &fields.collect::<Vec<_>>());
    }
}

/// The layer whose output is least like the baseline's, and those with more channels that never vary.
fn flowing(words: &mut SentenceWriter, found: &Explanation) {
    let alike = |l: &LayerFlow| l.similarity.filter(|s| s.is_finite());
    let compared = found.flow.iter().enumerate().filter_map(|(p, l)| Some((p, alike(l)?)));
    let least = compared.min_by(|a, b| a.1.total_cmp(&b.1));
    let part = |position: usize, name: &str, show: FieldFormat| {
        at(format!("/flow/{position}/{name}"), show)
    };
    if let Some((position, _)) = least {
        let fields = [
            part(position, "layer", FieldFormat::Text),
            part(position, "similarity", FieldFormat::Number),
            part(position, "before/effective_rank", FieldFormat::Number),
            part(position, "after/effective_rank", FieldFormat::Number),
        ];
        let template = "of all layers, what flows out of {} is least like the baseline's (linear CKA {}); its effective rank was {} and is {}";
        words.say("variant", template, &fields);
    }
    let more = |l: &LayerFlow| l.after.as_ref().is_some_and(|after| after.dead > l.before.dead);
    for (position, _) in found.flow.iter().enumerate().filter(|(_, l)| more(l)) {
        let fields = [
            part(position, "layer", FieldFormat::Text),
            part(position, "after/dead", FieldFormat::Percent),
            part(position, "before/dead", FieldFormat::Percent),
        ];
        let template = "in {}, {} of the remaining channels never vary on the samples looked at; before it were {}";
        words.say("variant", template, &fields);
    }
}

/// The sample that lost most, and its neighbours.
fn hit(words: &mut SentenceWriter, found: &Explanation) {
    let Some(hardest) = found.hits.first() else { return };
    if hardest.label.is_none() {
        let fields = [
            at("/hits/0/sample", FieldFormat::Count),
            at("/hits/0/before", FieldFormat::Count),
            at("/hits/0/lost", FieldFormat::PointsSize),
        ];
        let template = "hit hardest is sample {}: the probability of the baseline's class {} fell by {} points";
        words.say("variant", template, &fields);
        return;
    }
    let fields = [
        at("/hits/0/sample", FieldFormat::Count),
        at("/hits/0/label", FieldFormat::Count),
        at("/hits/0/lost", FieldFormat::PointsSize),
    ];
    let template =
        "hit hardest is sample {} of class {}: the probability of its class fell by {} points";
    words.say("variant", template, &fields);
    if hardest.region.is_some() {
        let fields = [
            at("/hits/0/region/neighbours", FieldFormat::Length),
            at("/hits/0/region/accuracy_after", FieldFormat::Percent),
            at("/hits/0/region/accuracy_before", FieldFormat::Percent),
        ];
        let template =
            "of the {} samples nearest to it, {} are answered rightly; before it were {}";
        words.say("variant", template, &fields);
    }
}

fn forecast_record(words: &mut SentenceWriter, found: &Explanation) {
    if found.track.count == 0 {
        return;
    }
    let fields = ["covered", "count"].map(|part| at(format!("/track/{part}"), FieldFormat::Count));
    words.say("variant", "of the forecasts so far, {} of {} held", &fields);
}
