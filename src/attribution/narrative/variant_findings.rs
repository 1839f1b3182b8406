//! Findings about a variant as a whole: interactions, the way of predictions to a machine, and feature
//! flow through the layers.

use super::cause_sentences::{MOST_NAMED, action, action_first};
use super::metric_wording::{MetricWording, metric};
use super::sentence_writer::{Phrase, SentenceWriter, at};
use crate::attribution::effects::LEVEL;
use paring_core::schema::{DeploymentStage, Explanation, FieldFormat, LayerFlow};

/// Says which pairs of groups do together what they do not do apart.
pub(super) fn say_interactions(words: &mut SentenceWriter, found: &Explanation) {
    let voice = MetricWording::of(&found.main);
    let own = found.interactions.iter().enumerate();
    let clear = own.filter(|(_, i)| i.holm <= 1.0 - LEVEL && i.value.excludes_zero());
    let mut clear: Vec<_> = clear.collect();
    clear.sort_by(|a, b| b.1.value.size().total_cmp(&a.1.value.size()));
    for (position, interaction) in clear.into_iter().take(MOST_NAMED) {
        let [first, second] = &interaction.groups;
        let pointer = format!("/interactions/{position}/value");
        let verb = if voice.worse(interaction.value.value) { "more" } else { "less" };
        let fields = [action_first(found, first), action(found, second)];
        let begin = Phrase::new("{} and {} together cost ", fields).then(voice.size_of(&pointer));
        let than = Phrase::new(format!(" {verb} {{}} than their effects apart"), [metric()]);
        let end = voice.bounds_of(&pointer).then(Phrase::new(".", []));
        words.say_phrase("variant", begin.then(than).then(end));
    }
}

/// Says what changes predictions on the way to a machine: stretches with a significant change of the
/// primary metric, and all others in one sentence.
pub(super) fn say_way(words: &mut SentenceWriter, found: &Explanation) {
    let voice = MetricWording::of(&found.main);
    let clear = |link: &DeploymentStage| link.change.is_some_and(|c| c.excludes_zero());
    let links = || found.links.iter().enumerate();
    for (position, link) in links().filter(|(_, link)| clear(link)) {
        let Some(change) = link.change else { continue };
        let pointer = format!("/links/{position}/change");
        let change = voice.compared(change, &pointer, ["lower", "higher"]);
        let begin = stretch(position, link).then(Phrase::new(": {} is ", [metric()]));
        let end = differing(position, link, [", ", "."]);
        words.say_phrase("variant", begin.then(change).then(end));
    }
    let rest = links().filter(|(_, link)| link.change.is_some() && !clear(link));
    let rest: Vec<Phrase> = rest
        .map(|(position, link)| {
            Phrase::new("{}", [at(format!("/links/{position}/between/1"), FieldFormat::Text)])
                .then(differing(position, link, [" (", ")"]))
        })
        .collect();
    if !rest.is_empty() {
        let begin = Phrase::new("No significant change of {} on the way to ", [metric()]);
        let all = Phrase::joined(rest, ", ");
        words.say_phrase("variant", begin.then(all).then(Phrase::new(".", [])));
    }
}

/// `From float baseline to variant on pi4, device`: one stretch, or the whole way.
fn stretch(position: usize, link: &DeploymentStage) -> Phrase {
    let place = |which: usize| at(format!("/links/{position}/between/{which}"), FieldFormat::Text);
    let cause = at(format!("/links/{position}/cause"), FieldFormat::Text);
    match link.cause.as_str() {
        "all" => Phrase::new("From {} to {}", [place(0), place(1)]),
        _ => Phrase::new("From {} to {} ({})", [place(0), place(1), cause]),
    }
}

/// `4 of 396 predictions differ`, where predictions are classes, between two texts.
fn differing(position: usize, link: &DeploymentStage, [before, after]: [&str; 2]) -> Phrase {
    let part = |name: &str| at(format!("/links/{position}/{name}"), FieldFormat::Count);
    match link.flips {
        Some(_) => {
            let template = format!("{before}{{}} of {{}} predictions differ{after}");
            Phrase::new(template, [part("flips"), part("samples")])
        }
        None => Phrase::new(if after == "." { after } else { "" }, []),
    }
}

/// Says which layer's output changed most, and where most channels ceased to vary.
pub(super) fn say_flow(words: &mut SentenceWriter, found: &Explanation) {
    let alike = |layer: &LayerFlow| layer.similarity.filter(|s| s.is_finite());
    let compared = found.flow.iter().enumerate().filter_map(|(p, l)| Some((p, alike(l)?)));
    let part = |position: usize, name: &str, show: FieldFormat| {
        at(format!("/flow/{position}/{name}"), show)
    };
    if let Some((position, _)) = compared.min_by(|a, b| a.1.total_cmp(&b.1)) {
        let fields = [
            part(position, "layer", FieldFormat::Text),
            part(position, "similarity", FieldFormat::Number),
            part(position, "after/effective_rank", FieldFormat::Number),
            part(position, "before/effective_rank", FieldFormat::Number),
        ];
        let template = "Of all layers, {} differs most in its output: linear CKA {} with the baseline's, effective rank {} instead of {}.";
        words.say("variant", template, &fields);
    }
    let more = |layer: &LayerFlow| Some(layer.after.as_ref()?.dead - layer.before.dead);
    let rising = found.flow.iter().enumerate().filter_map(|(p, l)| Some((p, more(l)?)));
    let most = rising.filter(|(_, rise)| *rise > 0.0).max_by(|a, b| a.1.total_cmp(&b.1));
    if let Some((position, _)) = most {
        let fields = [
            part(position, "layer", FieldFormat::Text),
            part(position, "after/dead", FieldFormat::Percent),
            part(position, "before/dead", FieldFormat::Percent),
        ];
        let template = "Dead channels (constant over the samples) rise most in {}: {} of its channels, {} in the baseline.";
        words.say("variant", template, &fields);
    }
}
