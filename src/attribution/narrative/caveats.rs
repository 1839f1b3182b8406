//! Caveats: the limits of an explanation's figures, one sentence each.

use super::sentence_writer::{SentenceWriter, at};
use crate::attribution::effects::FEW;
use crate::pipeline::HERE;
use paring_core::number_format::plural;
use paring_core::schema::{Effect, Explanation, FieldFormat, NarrativeTopic};

/// A machine that was quiet less often was busy.
const QUIET: f64 = 0.5;

pub(super) fn say_caveats(words: &mut SentenceWriter, found: &Explanation) {
    words.begin(NarrativeTopic::Caveats);
    experiments(words, found);
    answers(words, found);
    attacks(words, found);
    machines(words, found);
}

fn experiments(words: &mut SentenceWriter, found: &Explanation) {
    let field = |part: &str| at(format!("/experiments/{part}"), FieldFormat::Count);
    if found.experiments.cut_short {
        let pairs = plural(found.experiments.pairs, "pair");
        let draws = plural(found.experiments.draws, "calibration resample");
        let template = format!(
            "The budget ended early, after {{}} {pairs} of orders and {{}} {draws}; more `--minutes` narrow the Shapley values."
        );
        words.say("caveat", &template, &[field("pairs"), field("draws")]);
    }
    if found.experiments.replay_differs > 0 {
        let differ = match found.experiments.replay_differs {
            1 => "prediction differs",
            _ => "predictions differ",
        };
        let template =
            format!("Replaying all decisions does not reproduce the run's variant: {{}} {differ}.");
        words.say("caveat", &template, &[field("replay_differs")]);
    }
    if found.experiments.draws < 2 {
        let template = "Other calibration samples may lead to other effects: none were tried (`--replicates`).";
        words.say("caveat", template, &[]);
    }
}

fn answers(words: &mut SentenceWriter, found: &Explanation) {
    if found.unusable.variant + found.unusable.baseline > 0 {
        let fields = [
            at("/unusable/variant", FieldFormat::Count),
            at("/experiments/samples", FieldFormat::Count),
            at("/unusable/baseline", FieldFormat::Count),
        ];
        let template = "Outputs are not numbers on {} of {} report samples ({} with the baseline): these count as wrong and are left out of means.";
        words.say("caveat", template, &fields);
    }
    for (position, total) in found.totals.iter().enumerate() {
        if total.samples.is_some_and(|samples| samples < FEW) {
            let path = format!("/totals/{position}");
            let of = match total.of {
                Some(_) => at(format!("{path}/of"), FieldFormat::Text),
                None => at(format!("{path}/metric"), FieldFormat::MetricNameFirst),
            };
            let samples = at(format!("{path}/samples"), FieldFormat::Count);
            let template = "{} has only {} report samples: its intervals are wide.";
            words.say("caveat", template, &[of, samples]);
        }
    }
}

/// Says of which attacks figures are not sound, with a reason each: of the variant where it has one, else
/// of a model behind an effect.
fn attacks(words: &mut SentenceWriter, found: &Explanation) {
    for (position, total) in found.totals.iter().enumerate() {
        let same = |e: &(usize, &Effect)| e.1.metric == total.metric && e.1.of == total.of;
        let marked = found.effects.iter().enumerate().filter(|(_, e)| e.is_unsound());
        let marked: Vec<(usize, &Effect)> = marked.filter(same).collect();
        let (what, reason) = match (total.is_unsound(), marked.first()) {
            (true, _) => ("Figures", format!("/totals/{position}/unsound/0")),
            (false, Some((own, _))) => ("Effects", format!("/effects/{own}/unsound/0")),
            (false, None) => continue,
        };
        let of = at(format!("/totals/{position}/of"), FieldFormat::Text);
        let template = format!("{what} on inputs with {{}} are not sound: {{}}.");
        words.say("caveat", &template, &[of, at(reason, FieldFormat::Text)]);
    }
}

fn machines(words: &mut SentenceWriter, found: &Explanation) {
    for position in 0..found.unreached.len() {
        let part = |name: &str| at(format!("/unreached/{position}/{name}"), FieldFormat::Text);
        words.say("caveat", "{} was not asked: {}.", &[part("target"), part("reason")]);
    }
    for position in 0..found.emulated.len() {
        let target = at(format!("/emulated/{position}"), FieldFormat::Text);
        words.say("caveat", "{} is emulated: its times and memory are no board's.", &[target]);
    }
    let timed = found.effects.iter().any(|e| e.target.as_deref() == Some(HERE));
    if timed {
        let template = "Times in this process are those of this machine as it runs now; `--measure` times in fresh processes, also on boards.";
        words.say("caveat", template, &[]);
    }
    if found.quiet_share.is_some_and(|share| share < QUIET) {
        let field = at("/quiet_share", FieldFormat::Percent);
        words.say("caveat", "The machine was quiet in only {} of the timing rounds.", &[field]);
    }
}
