//! What an explanation says in plain words: what was done and why, what was expected, what happened,
//! on whom, what it bought, and how sure all that is.
//!
//! No sentence says more than its interval: an effect is called one only where its interval leaves 0
//! out and the corrected test agrees.

use super::words::Words;
use super::{HERE, LEVEL};
use crate::record::{Effect, Explanation, Sentence, Show, Total};
use serde_json::{Value, json};

/// Slices and classes with fewer samples are called few.
const FEW: usize = 20;
/// So many groups that answer for most lost samples are named; the record has all.
const GUILTY: usize = 3;
/// A machine that was quiet less often was busy.
const QUIET: f64 = 0.5;

fn at(pointer: String, show: Show) -> (String, Show) {
    (pointer, show)
}

/// The value and the bounds of an interval at a pointer.
fn interval(pointer: &str, show: Show) -> [(String, Show); 3] {
    ["value", "low", "high"].map(|part| at(format!("{pointer}/{part}"), show))
}

/// Everything there is to say about a variant, in order.
pub fn narrative(found: &Explanation) -> Vec<Sentence> {
    let record: Value = json!(found);
    let mut words = Words::new(record);
    whole(&mut words, found);
    let mut order: Vec<usize> = (0..found.groups.len()).collect();
    let size = |g: &usize| {
        let effect = accuracy(found, *g).map(|(_, e)| e);
        effect.and_then(|e| e.shapley).map_or(0.0, |i| i.size())
    };
    order.sort_by(|a, b| size(b).total_cmp(&size(a)));
    order.iter().for_each(|group| of_group(&mut words, found, *group));
    together(&mut words, found);
    blamed(&mut words, found);
    on_the_way(&mut words, found);
    foreseen(&mut words, found);
    caveats(&mut words, found);
    words.sentences()
}

/// Position and content of a group's effect on accuracy as a whole.
fn accuracy(found: &Explanation, group: usize) -> Option<(usize, &Effect)> {
    let id = &found.groups.get(group)?.id;
    let mut own = found.effects.iter().enumerate();
    own.find(|(_, e)| e.group == *id && e.metric == "accuracy" && e.of.is_none())
}

/// Whether an effect may be called one.
fn shown(effect: &Effect) -> bool {
    let clear = effect.shapley.is_some_and(|i| i.excludes_zero());
    clear && effect.holm.is_some_and(|p| p <= 1.0 - LEVEL)
}

fn whole(words: &mut Words, found: &Explanation) {
    let total = |metric: &str| {
        let mut all = found.totals.iter().enumerate();
        all.find(|(_, t): &(usize, &Total)| t.metric == metric && t.of.is_none())
    };
    if let Some((position, total)) = total("accuracy") {
        let path = format!("/totals/{position}");
        let clear = total.change.excludes_zero();
        let template = match clear {
            true => {
                "{} answers {} of {} report samples rightly, the baseline {}: a change of {} points, between {} and {}"
            }
            false => {
                "{} answers {} of {} report samples rightly, the baseline {}: a change cannot be told from none ({} points, between {} and {})"
            }
        };
        let [value, low, high] = interval(&format!("{path}/change"), Show::Points);
        let fields = [
            at("/variant".into(), Show::Text),
            at(format!("{path}/variant"), Show::Percent),
            at(format!("{path}/samples"), Show::Count),
            at(format!("{path}/baseline"), Show::Percent),
            value,
            low,
            high,
        ];
        words.say("variant", template, &fields);
    }
    if let Some((position, _)) = total("latency") {
        let path = format!("/totals/{position}");
        let fields = [
            at(format!("{path}/baseline"), Show::Microseconds),
            at(format!("{path}/variant"), Show::Microseconds),
            at(format!("{path}/target"), Show::Text),
        ];
        words.say("variant", "an inference takes {} before and {} after, in {}", &fields);
    }
    let experiments = |part: &str| at(format!("/experiments/{part}"), Show::Count);
    let fields = [experiments("count"), experiments("draws")];
    words.say(
        "variant",
        "this stands on {} variants made with only some of the decisions; draws of calibration samples: {}",
        &fields,
    );
}

fn of_group(words: &mut Words, found: &Explanation, group: usize) {
    let Some((position, effect)) = accuracy(found, group) else { return };
    let (id, path) = (found.groups[group].id.clone(), format!("/effects/{position}"));
    let label = at(format!("/groups/{group}/label"), Show::Text);
    if let Some(shapley) = effect.shapley {
        let [value, low, high] = interval(&format!("{path}/shapley"), Show::Points);
        let fields = [label.clone(), value, low, high];
        let template = match (shown(effect), shapley.value < 0.0) {
            (true, true) => "{} cost accuracy: {} points, between {} and {}",
            (true, false) => "{} won accuracy: {} points, between {} and {}",
            (false, _) => {
                "{}: no effect on accuracy can be told from chance ({} points, between {} and {})"
            }
        };
        words.say(&id, template, &fields);
    }
    if effect.survives == Some(false) {
        let [_, low, high] = interval(&format!("{path}/together"), Show::Points);
        let template = "{}: its effect does not survive other draws of calibration samples, over which it lies between {} and {} points";
        words.say(&id, template, &[label.clone(), low, high]);
    }
    expectation(words, found, group, &id);
    on_whom(words, found, group, &id);
    bought(words, found, group, &id);
}

/// What was expected of a group alone, and what came.
fn expectation(words: &mut Words, found: &Explanation, group: usize, id: &str) {
    let own = found.forecasts.iter().position(|f| f.group == id);
    let Some(own) = own else { return };
    let [_, low, high] = interval(&format!("/forecasts/{own}/expected"), Show::Points);
    let expected = at(format!("/forecasts/{own}/expected/delta"), Show::Points);
    let observed = at(format!("/forecasts/{own}/observed/value"), Show::Points);
    let template = match (found.forecasts[own].covered, found.forecasts[own].compatible) {
        (true, _) => {
            "{} was expected to change accuracy by {} points (between {} and {}) alone, and did so by {}"
        }
        (false, true) => {
            "{} was expected to change accuracy by {} points (between {} and {}) alone; {} were observed, outside of these bounds but within what so few samples can tell"
        }
        (false, false) => {
            "{} was expected to change accuracy by {} points (between {} and {}) alone; {} were observed, which the forecast did not foresee"
        }
    };
    let label = at(format!("/groups/{group}/label"), Show::Text);
    words.say(id, template, &[label, expected, low, high, observed]);
}

/// Classes and slices on which a group has an effect.
fn on_whom(words: &mut Words, found: &Explanation, group: usize, id: &str) {
    let own = found.effects.iter().enumerate();
    let own = own.filter(|(_, e)| e.group == id && e.of.is_some() && shown(e));
    for (position, effect) in own {
        let path = format!("/effects/{position}");
        let [value, low, high] = interval(&format!("{path}/shapley"), Show::Points);
        let fields = [
            at(format!("/groups/{group}/label"), Show::Text),
            at(format!("{path}/of"), Show::Text),
            value,
            low,
            high,
        ];
        let less = effect.shapley.is_some_and(|i| i.value < 0.0);
        let template = match less {
            true => "{} cost {} accuracy: {} points, between {} and {}",
            false => "{} won {} accuracy: {} points, between {} and {}",
        };
        words.say(id, template, &fields);
    }
}

/// What a group bought in time.
fn bought(words: &mut Words, found: &Explanation, group: usize, id: &str) {
    let own = found.effects.iter().enumerate();
    for (position, effect) in own.filter(|(_, e)| e.group == id && e.metric == "latency") {
        let Some(saved) = effect.leave_one_out else { continue };
        let path = format!("/effects/{position}");
        let label = at(format!("/groups/{group}/label"), Show::Text);
        let target = at(format!("{path}/target"), Show::Text);
        let size = |part: &str| at(format!("{path}/leave_one_out/{part}"), Show::MicrosecondsSize);
        if !saved.excludes_zero() {
            let template = "{}: no saving of time can be told from chance in {}";
            words.say(id, template, &[label, target]);
            continue;
        }
        let (template, low, high) = match saved.value < 0.0 {
            true => ("{} bought {} an inference in {}, between {} and {}", "high", "low"),
            false => ("{} costs {} an inference in {}, between {} and {}", "low", "high"),
        };
        words.say(id, template, &[label, size("value"), target, size(low), size(high)]);
    }
}

fn together(words: &mut Words, found: &Explanation) {
    for (position, interaction) in found.interactions.iter().enumerate() {
        if interaction.holm > 1.0 - LEVEL || !interaction.value.excludes_zero() {
            continue;
        }
        let label = |which: usize| {
            let id = &interaction.groups[which];
            let own = found.groups.iter().position(|g| g.id == *id).unwrap_or(0);
            at(format!("/groups/{own}/label"), Show::Text)
        };
        let [value, low, high] = interval(&format!("/interactions/{position}/value"), Show::Points);
        let template = match interaction.value.value < 0.0 {
            true => {
                "{} and {} cost more together than each on top of the rest: {} points, between {} and {}"
            }
            false => {
                "{} and {} cost less together than each on top of the rest: {} points, between {} and {}"
            }
        };
        words.say("variant", template, &[label(0), label(1), value, low, high]);
    }
}

fn blamed(words: &mut Words, found: &Explanation) {
    let count = |part: &str| at(format!("/flip_counts/{part}"), Show::Count);
    let fields = [count("lost"), count("won"), count("other")];
    words.say(
        "variant",
        "{} samples that were right are wrong, {} that were wrong are right, {} changed from one wrong class to another",
        &fields,
    );
    let guilty = found.blame.iter().enumerate().filter(|(_, b)| b.lost_alone > 0);
    for (position, blame) in guilty.take(GUILTY) {
        let own = found.groups.iter().position(|g| g.id == blame.group).unwrap_or(0);
        let fields = [
            at(format!("/groups/{own}/label"), Show::Text),
            at(format!("/blame/{position}/lost_alone"), Show::Count),
            count("lost"),
            at(format!("/blame/{position}/won_alone"), Show::Count),
        ];
        let template = "without {}, {} of the {} lost samples are right again, and {} of those won are wrong again";
        words.say(&blame.group, template, &fields);
    }
    for (position, blame) in found.components.iter().enumerate() {
        let path = format!("/components/{position}");
        let part = |name: &str, show: Show| at(format!("{path}/{name}"), show);
        let fields = [
            part("indices", Show::List),
            part("coupling", Show::Text),
            part("back", Show::Count),
            part("lost", Show::Count),
            part("class", Show::Count),
            part("net", Show::Count),
        ];
        let template = "components {} of {} answer for {} of the {} lost samples of class {}: restored, they are right again (right answers in all: {} more)";
        words.say(&blame.group, template, &fields);
    }
}

fn on_the_way(words: &mut Words, found: &Explanation) {
    for position in 0..found.links.len() {
        let path = format!("/links/{position}");
        let [value, low, high] = interval(&format!("{path}/accuracy"), Show::Points);
        let fields = [
            at(format!("{path}/cause"), Show::Text),
            at(format!("{path}/flips"), Show::Count),
            at(format!("{path}/samples"), Show::Count),
            value,
            low,
            high,
        ];
        let template = "{}: {} of {} answers change, accuracy by {} points, between {} and {}";
        words.say("variant", template, &fields);
    }
}

fn foreseen(words: &mut Words, found: &Explanation) {
    if found.track.count == 0 {
        return;
    }
    let fields = ["covered", "count"].map(|part| at(format!("/track/{part}"), Show::Count));
    words.say("variant", "of the forecasts of accuracy so far, {} of {} held", &fields);
}

/// What the data themselves warn of.
fn caveats(words: &mut Words, found: &Explanation) {
    if found.experiments.cut_short {
        let fields = ["pairs", "draws"].map(|part| at(format!("/experiments/{part}"), Show::Count));
        let template = "the budget ended early (pairs of orders: {}, draws: {}): more minutes narrow the Shapley values";
        words.say("caveat", template, &fields);
    }
    if found.experiments.replay_differs > 0 {
        let field = at("/experiments/replay_differs".into(), Show::Count);
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
    for (position, total) in found.totals.iter().enumerate() {
        if total.samples.is_some_and(|samples| samples < FEW) {
            let path = format!("/totals/{position}");
            let fields =
                [at(format!("{path}/of"), Show::Text), at(format!("{path}/samples"), Show::Count)];
            words.say("caveat", "{} has only {} report samples: its figures are wide", &fields);
        }
    }
    let timed = found.effects.iter().any(|e| e.target.as_deref() == Some(HERE));
    if timed {
        let template =
            "times are of this process on this machine, not of fresh processes and not of a board";
        words.say("caveat", template, &[]);
    }
    if found.quiet_share.is_some_and(|share| share < QUIET) {
        let field = at("/quiet_share".into(), Show::Percent);
        words.say("caveat", "the machine was quiet in only {} of the timing rounds", &[field]);
    }
}
