//! Samples whose class changed, with their inputs drawn where these look like an image or a signal.

use crate::report::html::numbers::{count, signed};
use crate::report::html::page::{PageSection, PageTable, PageTableCell, SampleCard, cut_caption};
use crate::report::html::records::ChangedSample;
use crate::report::html::run_report::RunReport;
use paring_core::schema::{DecisionGroup, Explanation, FlipKind};

/// Cards of one kind that a variant has.
const MOST_CARDS: usize = 12;
/// Samples that a table lists.
const MOST_ROWS: usize = 50;

/// Regressions and fixes of a variant, then the samples whose class lost most probability.
pub(super) fn sample_blocks(run: &RunReport, variant: &str, section: &mut PageSection) {
    if run.samples.redacted {
        section.say("Single samples are not shown: the report is redacted.");
        return;
    }
    let explanation = run.explanation(variant);
    let none = vec![];
    let changed = run.samples.changed.get(variant).unwrap_or(&none);
    let drawn = changed.iter().any(|sample| picture(run, sample).is_some());
    if let (Err(why), false) = (&run.samples.drawings, changed.is_empty()) {
        section.say(format!("Inputs are not drawn: {}.", why.0));
    } else if !changed.is_empty() && !drawn {
        section.say("Inputs are not drawn: none of them looks like an image or a signal.");
    }
    for (kind, one, many) in [
        (
            FlipKind::RightToWrong,
            "regression (right before, wrong now)",
            "regressions (right before, wrong now)",
        ),
        (
            FlipKind::WrongToRight,
            "fix (wrong before, right now)",
            "fixes (wrong before, right now)",
        ),
        (
            FlipKind::WrongToWrong,
            "change from one wrong class to another",
            "changes from one wrong class to another",
        ),
        (FlipKind::Changed, "change without a label", "changes without labels"),
    ] {
        let own: Vec<&ChangedSample> = changed.iter().filter(|s| s.kind == kind).collect();
        if own.is_empty() {
            continue;
        }
        let words = if own.len() == 1 { one } else { many };
        let sampled = match own.len() > MOST_CARDS {
            true => format!("; the {MOST_CARDS} that lost most are shown"),
            false => String::new(),
        };
        section.head(format!("{} {words}{sampled}", own.len()));
        let cards = own.into_iter().take(MOST_CARDS);
        section.samples(cards.map(|sample| card(run, explanation, sample)).collect());
    }
    if let Some(found) = explanation {
        section.table(hits_table(found));
    }
}

fn picture<'a>(
    run: &'a RunReport,
    sample: &ChangedSample,
) -> Option<&'a crate::report::html::records::SampleDrawing> {
    run.samples.drawings.as_ref().ok()?.get(&sample.sample).filter(|found| !found.inputs.is_empty())
}

fn card(run: &RunReport, explanation: Option<&Explanation>, sample: &ChangedSample) -> SampleCard {
    let class = |of: Option<i64>| of.map_or_else(|| "none".to_string(), |class| class.to_string());
    let label = sample.label.map_or_else(String::new, |label| format!(", label {label}"));
    let mut lines = vec![format!("{} → {}", class(sample.before), class(sample.after))];
    if let Some(lost) = sample.lost {
        lines.push(format!("probability {} points", signed(-100.0 * lost, 1)));
    }
    lines.extend(cause(explanation, sample.sample));
    let inputs = picture(run, sample).map_or(&[][..], |found| found.inputs.as_slice());
    SampleCard::new(format!("Sample {}{label}", sample.sample), lines, inputs)
}

/// The groups of decisions that, left undone, put the sample back.
fn cause(explanation: Option<&Explanation>, sample: usize) -> Option<String> {
    let explanation = explanation?;
    let flip = explanation.flips.iter().find(|flip| flip.sample == sample)?;
    let label = |id: &String| {
        let own = explanation.groups.iter().find(|group: &&DecisionGroup| group.id == *id);
        own.map_or_else(|| id.clone(), |group| group.label.clone())
    };
    match flip.groups.as_slice() {
        [] => Some("no group alone puts it back".into()),
        [one] => Some(format!("because of: {}", label(one))),
        many => Some(format!(
            "because of {}: {}",
            count(many.len(), "group"),
            many.iter().map(label).collect::<Vec<_>>().join(", ")
        )),
    }
}

fn hits_table(found: &Explanation) -> PageTable {
    let header =
        ["sample", "label", "baseline's class", "variant's class", "probability lost (points)"];
    let words = "Samples whose class lost most probability, flipped or not";
    let mut table = PageTable::new(&cut_caption(words, MOST_ROWS, found.hits.len()), &header);
    let class = |of: Option<i64>| {
        of.map_or_else(|| PageTableCell::text("none"), |c| PageTableCell::number(c.to_string()))
    };
    for hit in found.hits.iter().take(MOST_ROWS) {
        table.row(
            "",
            vec![
                PageTableCell::number(hit.sample.to_string()),
                class(hit.label),
                class(hit.before),
                class(hit.after),
                PageTableCell::number(format!("{:.1}", 100.0 * hit.lost)),
            ],
        );
    }
    table
}
