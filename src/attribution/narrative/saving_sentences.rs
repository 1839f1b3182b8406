//! What a group bought on a machine, in words: time, memory, energy.

use super::sentence_writer::{Words, at};
use crate::pipeline::HERE;
use paring_core::schema::{Effect, Explanation, FieldFormat};

/// How a saving is said.
struct Saving {
    /// What a group that saves does.
    saves: &'static str,
    /// What one that does not does.
    costs: &'static str,
    /// What cannot be told from chance.
    nothing: &'static str,
    size: FieldFormat,
}

fn saving(metric: &str) -> Option<Saving> {
    let (saves, costs, nothing, size) = match metric {
        "latency" => ("bought", "costs", "saving of time", FieldFormat::MicrosecondsSize),
        "peak_heap_bytes" => {
            ("saves memory:", "costs memory:", "saving of memory", FieldFormat::BytesSize)
        }
        "energy_per_inference" => {
            ("saves energy:", "costs energy:", "saving of energy", FieldFormat::MicrojoulesSize)
        }
        _ => return None,
    };
    Some(Saving { saves, costs, nothing, size })
}

/// What a group bought in everything that was measured with and without it. Of the two kinds of
/// memory the allocator's is spoken of; the resident set holds the program too.
pub(super) fn bought(words: &mut Words, found: &Explanation, group: usize, id: &str) {
    for (position, effect) in found.effects.iter().enumerate().filter(|(_, e)| e.group == id) {
        if let Some(how) = saving(&effect.metric) {
            say(words, (position, effect), group, &how);
        }
    }
}

fn say(words: &mut Words, (position, effect): (usize, &Effect), group: usize, how: &Saving) {
    let (Some(saved), id) = (effect.leave_one_out, &effect.group) else { return };
    let path = format!("/effects/{position}");
    let label = at(format!("/groups/{group}/label"), FieldFormat::Text);
    let target = at(format!("{path}/target"), FieldFormat::Text);
    let place = if effect.target.as_deref() == Some(HERE) { "in" } else { "on" };
    let size = |part: &str| at(format!("{path}/leave_one_out/{part}"), how.size);
    if !saved.excludes_zero() {
        let template = format!("{{}}: no {} can be told from chance {place} {{}}", how.nothing);
        words.say(id, &template, &[label, target]);
        return;
    }
    let (does, low, high) = match saved.value < 0.0 {
        true => (how.saves, "high", "low"),
        false => (how.costs, "low", "high"),
    };
    let template = format!("{{}} {does} {{}} an inference {place} {{}}, between {{}} and {{}}");
    let template = match how.size {
        FieldFormat::BytesSize => template.replace(" an inference", ""),
        _ => template,
    };
    words.say(id, &template, &[label, size("value"), target, size(low), size(high)]);
}
