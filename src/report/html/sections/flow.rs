//! Flow: what the layers of a variant pass on, beside the baseline, and where attention heads look.

use crate::report::html::numbers::signed;
use crate::report::html::page::{CellTone, PageSection, PageTable, PageTableCell, VariantPanel};
use crate::report::html::run_report::RunReport;
use paring_core::schema::{ActivationStatistics, AttentionHeadStatistics, LayerFlow};
use paring_core::text::shell_word;

/// Layers of a variant that its table lists.
const MOST_LAYERS: usize = 300;
/// Variants whose layers stand in the page.
const MOST_VARIANTS: usize = 60;
/// Likeness to the baseline below which a layer's cell is marked.
const UNLIKE: f64 = 0.8;

/// The section; empty before `paring explain` ran.
pub fn section(run: &RunReport) -> PageSection {
    let mut section = PageSection::new("flow", "Flow");
    let explained: Vec<_> = run.explanations.iter().filter(|e| !e.flow.is_empty()).collect();
    if explained.is_empty() {
        section.say(format!(
            "Not looked at yet: paring explain {} compares what each layer passes on with the baseline.",
            shell_word(run.directory)
        ));
        return section;
    }
    section.say("What each layer passes on, on the same samples as the baseline. Likeness is linear CKA (1: the same representation, whatever the number of channels); effective rank is the number of dimensions in use; zeros are exact zeros. These are descriptions of one set of samples, without intervals.");
    for found in explained.iter().take(MOST_VARIANTS) {
        let panel = VariantPanel {
            name: found.variant.clone(),
            summary: format!("{}: {}", found.variant, headline(&found.flow)),
            open: false,
        };
        section.panel(panel, |section| {
            section.table(flow_table(&found.flow));
            if found.flow.len() > MOST_LAYERS {
                section.say(format!(
                    "The first {MOST_LAYERS} of {} layers; explain.json has all.",
                    found.flow.len()
                ));
            }
            let heads = heads_table(&found.flow);
            if heads.rows.is_empty() {
                section.say("No attention heads: no layer is a softmax that a matrix product reads.");
            } else {
                section.table(heads);
                section.say("Recorded of a head are the entropy of where each place looks and how far away that is, both as means. Where single places look instead is not recorded.");
            }
        });
    }
    if explained.len() > MOST_VARIANTS {
        section.say(format!(
            "The first {MOST_VARIANTS} of {} explained variants; explain.json has all.",
            explained.len()
        ));
    }
    section
}

/// The layer whose output is least like the baseline's.
fn headline(flow: &[LayerFlow]) -> String {
    let known = flow.iter().filter_map(|layer| Some((layer, layer.similarity?)));
    let gone = flow.iter().filter(|layer| layer.after.is_none()).count();
    let gone = match gone {
        0 => String::new(),
        1 => "; 1 layer is gone".to_string(),
        many => format!("; {many} layers are gone"),
    };
    known.min_by(|a, b| a.1.total_cmp(&b.1)).map_or_else(
        || format!("likeness of no layer is known{gone}"),
        |(layer, likeness)| {
            format!("{} is least like the baseline's, {likeness:.3}{gone}", layer.layer)
        },
    )
}

fn flow_table(flow: &[LayerFlow]) -> PageTable {
    let header = [
        "layer",
        "likeness to the baseline",
        "effective rank, baseline",
        "variant",
        "zeros, baseline",
        "variant",
        "channels that never vary, baseline",
        "variant",
    ];
    let mut table = PageTable::new("Flow layer by layer", &header).searchable();
    for layer in flow.iter().take(MOST_LAYERS) {
        let after = layer.after.as_ref();
        let likeness = match (layer.similarity, after) {
            (_, None) => PageTableCell::text("gone"),
            (None, _) => PageTableCell::text("unknown: an output never varies"),
            (Some(likeness), _) => {
                let tone = if likeness < UNLIKE { CellTone::Worse } else { CellTone::Plain };
                PageTableCell::number(format!("{likeness:.3}")).with_bar(likeness).toned(tone)
            }
        };
        let rank: fn(&ActivationStatistics) -> String =
            |own| format!("{:.1} of {}", own.effective_rank, own.channels);
        let zeros: fn(&ActivationStatistics) -> String =
            |own| format!("{:.1} %", 100.0 * own.zeros);
        let dead: fn(&ActivationStatistics) -> String = |own| format!("{:.1} %", 100.0 * own.dead);
        let pairs = [rank, zeros, dead].into_iter().flat_map(|show| {
            let variant = after.map_or_else(
                || PageTableCell::text("gone"),
                |own| PageTableCell::number(show(own)),
            );
            [PageTableCell::number(show(&layer.before)), variant]
        });
        let first = [PageTableCell::text(&layer.layer), likeness];
        table.row("", first.into_iter().chain(pairs).collect());
    }
    table
}

fn heads_table(flow: &[LayerFlow]) -> PageTable {
    let header = [
        "attention",
        "head",
        "entropy, baseline (nats)",
        "variant",
        "change",
        "distance, baseline (places)",
        "variant",
        "change",
    ];
    let caption = "Attention heads: how widely and how far each looks";
    let mut table = PageTable::new(caption, &header).searchable();
    for layer in flow.iter().take(MOST_LAYERS) {
        let after = layer.after.as_ref();
        // Removed heads move the others up; without the same number none is told apart.
        let same = after.filter(|own| own.heads.len() == layer.before.heads.len());
        for (index, head) in layer.before.heads.iter().enumerate() {
            let now = same.and_then(|own| own.heads.get(index));
            let why = match after {
                None => "gone",
                Some(_) => "not told apart: the number of heads changed",
            };
            let of = |value: fn(&AttentionHeadStatistics) -> f64| {
                let before = PageTableCell::number(format!("{:.2}", value(head)));
                match now {
                    None => [before, PageTableCell::text(why), PageTableCell::text("")],
                    Some(now) => [
                        before,
                        PageTableCell::number(format!("{:.2}", value(now))),
                        PageTableCell::number(signed(value(now) - value(head), 2)),
                    ],
                }
            };
            let names =
                [PageTableCell::text(&layer.layer), PageTableCell::number((index + 1).to_string())];
            let figures = of(|h| h.entropy).into_iter().chain(of(|h| h.distance));
            table.row("", names.into_iter().chain(figures).collect());
        }
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statistics(heads: &[(f64, f64)]) -> ActivationStatistics {
        let heads = heads.iter();
        let heads = heads.map(|(entropy, distance)| AttentionHeadStatistics {
            entropy: *entropy,
            distance: *distance,
        });
        ActivationStatistics {
            channels: 8,
            rows: 64,
            mean: 0.0,
            deviation: 1.0,
            zeros: 0.25,
            dead: 0.0,
            effective_rank: 3.5,
            heads: heads.collect(),
        }
    }

    fn flow(layer: &str, similarity: Option<f64>, after: Option<&[(f64, f64)]>) -> LayerFlow {
        LayerFlow {
            layer: layer.into(),
            tensor: layer.into(),
            before: statistics(&[(1.5, 2.0), (0.5, 4.0)]),
            after: after.map(statistics),
            similarity,
        }
    }

    #[test]
    fn heads_are_compared_only_where_none_was_removed() {
        let all = [
            flow("a", Some(0.9), Some(&[(1.0, 2.5), (0.5, 4.0)])),
            flow("b", Some(0.4), Some(&[(1.0, 2.5)])),
            flow("c", None, None),
        ];
        let cells = |row: usize| -> Vec<String> {
            heads_table(&all).rows[row].cells.iter().map(|cell| cell.text.clone()).collect()
        };
        assert_eq!(cells(0), ["a", "1", "1.50", "1.00", "−0.50", "2.00", "2.50", "+0.50"]);
        assert_eq!(cells(2)[3], "not told apart: the number of heads changed");
        assert_eq!(cells(4)[3], "gone");
        assert_eq!(headline(&all), "b is least like the baseline's, 0.400; 1 layer is gone");
        let likeness: Vec<CellTone> =
            flow_table(&all).rows.iter().map(|row| row.cells[1].tone).collect();
        assert_eq!(likeness, [CellTone::Plain, CellTone::Worse, CellTone::Plain]);
    }
}
