//! Sentences on what a group saves on a machine: time, memory, energy.

use super::sentence_writer::{SentenceWriter, at};
use crate::pipeline::HERE;
use paring_core::schema::{Effect, Explanation, FieldFormat};

/// Wording of a saving.
struct SavingWording {
    /// The verb of a group that saves.
    saves: &'static str,
    /// The verb of one that costs.
    costs: &'static str,
    /// The noun of a saving that is not significant.
    nothing: &'static str,
    size: FieldFormat,
}

fn saving(metric: &str) -> Option<SavingWording> {
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
    Some(SavingWording { saves, costs, nothing, size })
}

/// Says what a group saves of everything that was measured with and without it. Of the two kinds of
/// memory the allocator's is spoken of; the resident set holds the program too.
pub(super) fn say_savings(words: &mut SentenceWriter, found: &Explanation, group: usize, id: &str) {
    for (position, effect) in found.effects.iter().enumerate().filter(|(_, e)| e.group == id) {
        if let Some(how) = saving(&effect.metric) {
            say(words, (position, effect), group, &how);
        }
    }
}

fn say(
    words: &mut SentenceWriter,
    (position, effect): (usize, &Effect),
    group: usize,
    how: &SavingWording,
) {
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
