//! An explanation in a terminal: five lines a variant; the whole is in report.md.

use super::layout::text_table::{COLUMNS, shortened_inside};
use crate::report::explanation_rows::place;
use paring_core::number_format::counted;
use paring_core::schema::{
    ChangeCauses, Effect, Explanation, FieldFormat, MetricTotal, NarrativeTopic, UnitFormats,
};
use serde::Serialize;
use serde_json::json;

/// Characters of a group's action on a line.
const LONGEST_ACTION: usize = 36;
/// Groups that are named on a line.
const MOST_NAMED: usize = 3;

/// The recipe, quality, latency, and the groups behind the change of each, in at most five lines.
pub fn explanation_text(found: &Explanation) -> String {
    let causes = &found.digest.causes;
    let quality = causes.iter().find(|change| change.metric == found.main.metric);
    // A measurement in fresh processes counts for more than times in this one, which come first.
    let latency = causes.iter().rfind(|change| change.metric == "latency");
    let told: Vec<&ChangeCauses> = quality.into_iter().chain(latency).collect();
    let lines = told.iter().flat_map(|change| {
        let cause = causes_line(found, change);
        change_line(found, change).into_iter().chain(cause)
    });
    std::iter::once(recipe_line(found)).chain(lines).collect::<Vec<_>>().join("\n")
}

/// Caveats about machines, which all variants share: boards that were not asked, and emulated ones.
pub fn machine_caveats(explanations: &[Explanation]) -> Vec<String> {
    let sentences = explanations.iter().flat_map(|found| &found.narrative);
    let of_machines = sentences.filter(|sentence| {
        let about =
            |pointer: &str| pointer.starts_with("/unreached") || pointer.starts_with("/emulated");
        sentence.topic == NarrativeTopic::Caveats
            && sentence.fields.iter().any(|f| about(&f.pointer))
    });
    let mut lines: Vec<String> = Vec::new();
    for sentence in of_machines {
        if !lines.contains(&sentence.text) {
            lines.push(sentence.text.clone());
        }
    }
    lines
}

/// Work that a call left undone, in one line.
pub fn undone_line(undone: &[String]) -> String {
    format!("not done, more --minutes are needed: {}", undone.join("; "))
}

fn shown(format: FieldFormat, value: impl Serialize) -> String {
    format.of(&json!(value)).unwrap_or_default()
}

/// `pruned-0.5: 212 components removed (74.8 % of the parameters); forecasts: 7 of 8 held`.
fn recipe_line(found: &Explanation) -> String {
    let digest = &found.digest;
    let mut did = Vec::new();
    if digest.components_removed > 0 {
        let params = found.totals.iter().find(|t| t.metric == "params" && t.of.is_none());
        let share = params.and_then(|total| FieldFormat::Reduction.of(&json!(total)));
        let share = share.map_or_else(String::new, |share| format!(" ({share} of parameters)"));
        did.push(format!("{} removed{share}", counted(digest.components_removed, "component")));
    }
    if digest.layers_quantized > 0 {
        did.push(format!("{} quantized", counted(digest.layers_quantized, "layer")));
    }
    if did.is_empty() {
        did.push(digest.steps.join("; "));
    }
    let forecasts = match digest.forecasts.count {
        0 => String::new(),
        count => format!("; forecasts: {} of {count} held", digest.forecasts.held),
    };
    fitting([
        format!("{}: {}{forecasts}", found.variant, did.join(", ")),
        format!("{}: {}", found.variant, did.join(", ")),
    ])
}

fn change_line(found: &Explanation, change: &ChangeCauses) -> Option<String> {
    let total: &MetricTotal = found.totals.get(change.total?)?;
    let formats = UnitFormats::of(&total.unit);
    let name = shown(FieldFormat::MetricName, &total.metric);
    let value = shown(formats.value, total.variant);
    let place = place(total.target.as_deref());
    let range = shown(formats.range, total.change);
    let unit = formats.suffix;
    let [told, bare] = match total.change.excludes_zero() {
        true => {
            let size = shown(formats.size, total.change.value);
            let words = if total.target.is_some() { ["less", "more"] } else { ["lower", "higher"] };
            let direction = words[usize::from(total.change.value > 0.0)];
            let level = found.level_pct;
            [
                format!("{size}{unit} {direction} ({level:.0} % CI {range})"),
                format!("{size}{unit} {direction} ({range})"),
            ]
        }
        false => {
            let size = shown(formats.change, total.change.value);
            let level = found.level_pct;
            [
                format!("no significant change ({size}{unit}, {level:.0} % CI {range})"),
                format!("no significant change ({range})"),
            ]
        }
    };
    Some(fitting([format!("  {name} {value}{place}, {told}"), format!("  {name} {value}, {bare}")]))
}

/// The largest significant groups, as many as fit on the line, and how many are not significant.
fn causes_line(found: &Explanation, change: &ChangeCauses) -> Option<String> {
    let groups = found.groups.len();
    if groups < 2 || (change.significant.is_empty() && change.not_significant.is_empty()) {
        return None;
    }
    if change.significant.is_empty() {
        return Some(format!("    none of the {groups} groups of decisions is significant"));
    }
    let effects = change.significant.iter().filter_map(|own| found.effects.get(*own));
    let parts: Vec<String> = effects.filter_map(|effect| part(found, effect)).collect();
    let rest = match change.not_significant.len() {
        0 => String::new(),
        unclear => format!("; {unclear} of {groups} groups not significant"),
    };
    let line = |count: usize, rest: &str| {
        let more = if count < parts.len() { ", …" } else { "" };
        format!("    {}{more}{rest}", parts[..count].join(", "))
    };
    let most = parts.len().min(MOST_NAMED);
    let mut lines = (1..=most).rev().map(|count| line(count, &rest)).chain([line(1, "")]);
    lines.find(|line| line.chars().count() <= COLUMNS).or_else(|| Some(line(1, "")))
}

/// `pruning stem costs 3.20 points (1.10 to 5.30)`, `pruning stem saves 8.3 µs (7.9 to 8.8 µs)`.
fn part(found: &Explanation, effect: &Effect) -> Option<String> {
    let main = effect.metric == found.main.metric;
    let interval = if main { effect.shapley } else { effect.leave_one_out }?;
    let value = interval.value;
    let formats = UnitFormats::of(&effect.unit);
    let group = found.groups.iter().find(|group| group.id == effect.group)?;
    let worse = (value > 0.0) != (main && found.main.higher_is_better);
    let verb = match (main, worse) {
        (_, true) => "costs",
        (true, false) => "gains",
        (false, false) => "saves",
    };
    let action = shown(FieldFormat::Action, &group.label);
    let action = shortened_inside(&action, LONGEST_ACTION);
    let (size, range) = (shown(formats.size, value), shown(formats.range, interval));
    Some(format!("{action} {verb} {size}{} ({range})", formats.suffix))
}

/// The first line that fits, the last one where none does.
fn fitting<const N: usize>(lines: [String; N]) -> String {
    let fits = lines.iter().find(|line| line.chars().count() <= COLUMNS);
    fits.or(lines.last()).cloned().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attribution::{example_explanation, example_without_effect, narrate};
    use insta::assert_snapshot;

    /// The lines, of which each fits a terminal.
    fn told(mut found: Explanation) -> String {
        narrate(&mut found);
        let text = explanation_text(&found);
        assert!(text.lines().count() <= 5, "{text}");
        assert!(text.lines().all(|line| line.chars().count() <= COLUMNS), "{text}");
        text
    }

    #[test]
    fn five_lines_say_what_changed_and_why() {
        assert_snapshot!(told(example_explanation()), @"
        half-int8: 48 components removed (75.0 % of parameters), 1 layer quantized
          accuracy 94.8 %, 4.50 points lower (95 % CI 2.50 to 6.80)
            pruning stem costs 4.20 points (2.30 to 6.40); 2 of 3 groups not significant
          latency 102.3 µs in this process, 88.9 µs less (95 % CI 85.1 to 91.3 µs)
            pruning res1.skip saves 23.1 µs (20.1 to 25.0 µs), …
        ");
    }

    #[test]
    fn no_effect_is_one_line() {
        assert_snapshot!(told(example_without_effect()), @"
        nhwc: engine conv_nhwc
          accuracy 99.2 %, no significant change (0.00 points, 95 % CI −1.21 to +1.21)
        ");
    }

    #[test]
    fn what_does_not_fit_is_left_to_the_report() {
        let mut found = example_explanation();
        for (number, group) in found.groups.iter_mut().enumerate() {
            group.label =
                format!("prune channels of encoder.layers.{number}.attention.projection.dense");
        }
        for effect in &mut found.effects {
            effect.holm = Some(0.001);
            effect.leave_one_out =
                effect.leave_one_out.map(|i| paring_core::schema::ConfidenceInterval {
                    low: i.value - 1.0,
                    high: i.value + 1.0,
                    ..i
                });
        }
        assert_snapshot!(told(found), @"
        half-int8: 48 components removed (75.0 % of parameters), 1 layer quantized
          accuracy 94.8 %, 4.50 points lower (95 % CI 2.50 to 6.80)
            pruning encoder.la….projection.dense costs 4.20 points (2.30 to 6.40)
          latency 102.3 µs in this process, 88.9 µs less (95 % CI 85.1 to 91.3 µs)
            pruning encoder.la….projection.dense saves 23.1 µs (23.1 to 23.1 µs), …
        ");
    }
}
