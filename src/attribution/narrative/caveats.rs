//! Caveats of the data, in words.

use super::sentence_writer::{SentenceWriter, at};
use crate::attribution::effects::FEW;
use crate::pipeline::HERE;
use paring_core::schema::{Explanation, FieldFormat};

/// A machine that was quiet less often was busy.
const QUIET: f64 = 0.5;

pub(super) fn caveats(words: &mut SentenceWriter, found: &Explanation) {
    experiments(words, found);
    answers(words, found);
    machines(words, found);
}

fn experiments(words: &mut SentenceWriter, found: &Explanation) {
    if found.experiments.cut_short {
        let fields =
            ["pairs", "draws"].map(|part| at(format!("/experiments/{part}"), FieldFormat::Count));
        let template = "the budget ended early (pairs of orders: {}, draws: {}): more minutes narrow the Shapley values";
        words.say("caveat", template, &fields);
    }
    if found.experiments.replay_differs > 0 {
        let field = at("/experiments/replay_differs", FieldFormat::Count);
        let template =
            "the replay of all decisions answers {} samples otherwise than the run's variant";
        words.say("caveat", template, &[field]);
    }
    if found.experiments.draws < 2 {
        words.say(
            "caveat",
            "one draw of calibration samples says nothing of what others would have led to",
            &[],
        );
    }
}

fn answers(words: &mut SentenceWriter, found: &Explanation) {
    if found.unusable.variant + found.unusable.baseline > 0 {
        let fields = [
            at("/unusable/variant", FieldFormat::Count),
            at("/experiments/samples", FieldFormat::Count),
            at("/unusable/baseline", FieldFormat::Count),
        ];
        let template = "outputs that are no numbers: {} of {} report samples, {} of the baseline; they count as wrong for shares of right answers and are left out of means";
        words.say("caveat", template, &fields);
    }
    for (position, total) in found.totals.iter().enumerate() {
        if total.samples.is_some_and(|samples| samples < FEW) {
            let path = format!("/totals/{position}");
            let samples = at(format!("{path}/samples"), FieldFormat::Count);
            let template = "{} has only {} report samples: its figures are wide";
            match total.of {
                Some(_) => {
                    let of = at(format!("{path}/of"), FieldFormat::Text);
                    words.say("caveat", template, &[of, samples]);
                }
                None => {
                    let of = at(format!("{path}/metric"), FieldFormat::Text);
                    words.say("caveat", template, &[of, samples]);
                }
            }
        }
    }
}

fn machines(words: &mut SentenceWriter, found: &Explanation) {
    for position in 0..found.unreached.len() {
        let part = |name: &str| at(format!("/unreached/{position}/{name}"), FieldFormat::Text);
        words.say("caveat", "{} was not asked: {}", &[part("target"), part("reason")]);
    }
    for position in 0..found.emulated.len() {
        let target = at(format!("/emulated/{position}"), FieldFormat::Text);
        words.say("caveat", "{} is emulated: times and memory there are no board's", &[target]);
    }
    let timed = found.effects.iter().any(|e| e.target.as_deref() == Some(HERE));
    if timed {
        let template = "times in this process are of this machine as it runs now, not of fresh processes and not of a board";
        words.say("caveat", template, &[]);
    }
    if found.quiet_share.is_some_and(|share| share < QUIET) {
        let field = at("/quiet_share", FieldFormat::Percent);
        words.say("caveat", "the machine was quiet in only {} of the timing rounds", &[field]);
    }
}
