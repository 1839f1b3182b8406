//! One explanation as Markdown: paragraphs, then the tables behind them.

use super::markdown_text::{self, code};
use crate::report::explanation_rows::{changed, header, missing, paragraphs, rows};
use crate::report::terminal::{flow_lines, hits_lines};
use paring_core::schema::{
    ActivationStatistics, DeploymentStage, Explanation, LayerChange, LayerFlow, NarrativeTopic,
};
use paring_core::text::printable;

/// Samples hit hardest that are listed.
const SHOWN_HITS: usize = 10;

/// The effect of each group of decisions on a variant, with all tables.
pub(super) fn explanation_section(found: &Explanation) -> String {
    let mut text = narrative(found);
    let unit = if found.main.unit == "share" { " in points" } else { "" };
    text += &format!(
        "Change of {}{unit} by group of decisions, 95 % CI in brackets; savings are leave-one-out:\n\n",
        markdown_text::text(&found.main.metric)
    );
    text += &table(&header(found), &rows(found));
    text += &tables(found);
    if !found.notes.is_empty() {
        text += "\nNotes by people:\n\n";
    }
    for note in &found.notes {
        let on = note.on.as_ref().map_or(String::new(), |on| format!(", on {}", code(on)));
        for line in note.text.lines() {
            text += &format!("> {}\n", markdown_text::text(line));
        }
        text += &format!(">\n> {}{on}\n\n", markdown_text::text(&note.by));
    }
    text.truncate(text.trim_end().len());
    text
}

fn item(line: &str) -> String {
    format!("- {}\n", markdown_text::text(line.trim_start()))
}

/// A paragraph a topic; caveats as a list.
fn narrative(found: &Explanation) -> String {
    let paragraph = |(topic, sentences): &(NarrativeTopic, Vec<&str>)| match topic {
        NarrativeTopic::Caveats => {
            let each = sentences.iter().map(|sentence| item(sentence));
            format!("Caveats:\n\n{}\n", each.collect::<String>())
        }
        _ => format!("{}\n\n", markdown_text::text(&sentences.join(" "))),
    };
    paragraphs(found).iter().map(paragraph).collect()
}

/// Everything that goes into tables beside the groups.
fn tables(found: &Explanation) -> String {
    let mut text = String::new();
    let mut section = |title: &str, header: &[&str], rows: Vec<Vec<String>>| {
        if !rows.is_empty() {
            let header: Vec<String> = header.iter().map(|name| (*name).to_string()).collect();
            text += &format!("\n{title}:\n\n{}", table(&header, &rows));
        }
    };
    let change = format!("change of {}", found.main.metric);
    let links = found.links.iter().map(|l| link(found, l)).collect();
    let header = ["cause", "from", "to", "predictions that differ", &change, "largest difference"];
    section("Way from the baseline to each machine", &header, links);
    let layers = found.layers.iter().map(layer).collect();
    let header = ["layer", "target", "before, µs", "after, µs", "touched by"];
    section("Time by layer and module", &header, layers);
    let flow = found.flow.iter().map(flow).collect();
    let header = ["layer", "channels", "effective rank", "dead channels", "linear CKA"];
    section("Feature flow: the output of each layer before and after", &header, flow);
    let lines = hits_lines(&found.hits, SHOWN_HITS);
    if !lines.is_empty() {
        let cut = match found.hits.len() > SHOWN_HITS {
            true => format!(", the first {SHOWN_HITS} of {}", found.hits.len()),
            false => String::new(),
        };
        text += &format!("\nSamples hit hardest{cut}:\n\n");
        text.extend(lines.iter().map(|line| item(line)));
    }
    if found.flow.iter().any(|l| !l.before.heads.is_empty()) {
        text += "\nAttention heads:\n\n";
        // Indented lines are code whatever they hold.
        text.extend(
            flow_lines(&found.flow).iter().map(|line| format!("    {}\n", printable(line))),
        );
    }
    text
}

fn link(found: &Explanation, link: &DeploymentStage) -> Vec<String> {
    let flips = link.flips.map_or_else(missing, |flips| format!("{flips} of {}", link.samples));
    let change = link.change.map_or_else(missing, |change| changed(found, change));
    let cause = if link.cause == "all" { "all of it" } else { &link.cause };
    let difference = link.largest_difference.map_or(String::new(), |d| format!("{d:.1e}"));
    let [from, to] = link.between.clone();
    vec![cause.to_string(), from, to, flips, change, difference]
}

fn flow(layer: &LayerFlow) -> Vec<String> {
    let two = |of: &dyn Fn(&ActivationStatistics) -> String| match &layer.after {
        Some(after) => format!("{} → {}", of(&layer.before), of(after)),
        None => of(&layer.before),
    };
    vec![
        layer.layer.clone(),
        two(&|f| f.channels.to_string()),
        two(&|f| format!("{:.1}", f.effective_rank)),
        two(&|f| format!("{:.0} %", 100.0 * f.dead)),
        layer.similarity.map_or_else(missing, |s| format!("{s:.3}")),
    ]
}

fn layer(layer: &LayerChange) -> Vec<String> {
    let us = |ns: f64| format!("{:.1}", ns / 1e3);
    let name = if layer.scope == "module" {
        format!("{} (all)", layer.layer)
    } else {
        layer.layer.clone()
    };
    let target = layer.target.clone();
    vec![name, target, us(layer.before_ns), us(layer.after_ns), layer.groups.join(", ")]
}

/// A table of texts.
fn table(header: &[String], rows: &[Vec<String>]) -> String {
    let escaped = |cells: &[String]| -> Vec<String> {
        cells.iter().map(|cell| markdown_text::text(cell)).collect()
    };
    let header = escaped(header);
    let header: Vec<&str> = header.iter().map(String::as_str).collect();
    let rows: Vec<Vec<String>> = rows.iter().map(|row| escaped(row)).collect();
    markdown_text::table(&header, &rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attribution::{example_explanation, example_without_effect, narrate};
    use insta::assert_snapshot;
    use paring_core::schema::LedgerNote;

    fn example() -> String {
        let mut found = example_explanation();
        found.notes = vec![LedgerNote {
            text: "label 675 is wrong".into(),
            by: "a reviewer".into(),
            on: Some("half-int8".into()),
        }];
        narrate(&mut found);
        explanation_section(&found)
    }

    /// Words between the paragraphs of [`example`] and its tables.
    const TABLES: &str = "Change of accuracy in points";

    #[test]
    fn paragraphs_come_first() {
        assert_snapshot!(example().split_once(TABLES).unwrap().0, @"
        half-int8 is the baseline after: prune channels, ratio 0.5, criterion l1; then quantize int8, per tensor, minmax. The recipe removes 48 components (75.0 % of the parameters, 62.5 % of the multiply-adds) and quantizes 1 layer. The file has 157.0 KiB, the baseline's 616.0 KiB.

        On 400 report samples, accuracy is 94.8 %, the baseline's 99.2 %: 4.50 points lower (95 % CI 2.50 to 6.80). Predictions: 20 regressions (right→wrong), 2 fixes (wrong→right), 1 change from one wrong class to another. An inference takes 102.3 µs in this process, the baseline's 191.2 µs: 88.9 µs less (95 % CI 85.1 to 91.3 µs).

        Pruning stem costs 4.20 points of accuracy (95 % CI 2.30 to 6.40). Over all calibration resamples: no significant change (−4.00 points, 95 % CI −7.00 to +0.30). Pruning res1.skip saves 23.1 µs per inference in this process (95 % CI 20.1 to 25.0 µs). Pruning stem saves 8.3 µs per inference in this process (95 % CI 7.9 to 8.8 µs). Savings are leave-one-out and need not add up to the whole. No significant effect: 2 of 3 groups on accuracy, 1 of 3 groups on latency in this process.

        On class 3, pruning stem costs 30.00 points of accuracy (95 % CI 18.00 to 45.00). Leaving out pruning stem undoes 17 of 20 regressions and 1 of 2 fixes. Restoring stem components 4, 9 undoes 10 of 12 regressions of class 3 (net gain over all classes: 11). Sample 675 of class 3 is hit hardest: the probability of its class falls by 92.04 points. Of the 10 samples nearest to it, 40.0 % are right; with the baseline 100.0 %.

        From float baseline to variant without quantization (graph rewrite): accuracy is 4.50 points lower (95 % CI 2.50 to 6.80), 23 of 400 predictions differ. No significant change of accuracy on the way to variant simulated in float (1 of 400 predictions differ), variant on this machine (0 of 400 predictions differ).

        1 of 2 forecasts of single decisions held within the 80 % interval; the largest miss: pruning stem was expected to change accuracy by −0.20 points (−1.00 to +0.80), it changed by −5.00 points. Over all runs on record, 25 of 30 held.

        These figures stand on 40 variants with only some of the decisions (every combination of groups), each evaluated on 400 report samples, over 5 calibration resamples.

        Caveats:

        - Times in this process are those of this machine as it runs now; `--measure` times in fresh processes, also on boards.
        - The machine was quiet in only 40.0 % of the timing rounds.
        ");
    }

    #[test]
    fn tables_stand_below() {
        assert_snapshot!(example().split_once(TABLES).unwrap().1, @"
         by group of decisions, 95 % CI in brackets; savings are leave-one-out:

        | group | Shapley value | alone | leave-one-out | over resamples | p (Holm) | saves in this process, µs |
        | --- | --- | --- | --- | --- | --- | --- |
        | prune channels of stem | −4.20 [−6.40, −2.30] | −4.20 [−6.40, −2.30] | −4.20 [−6.40, −2.30] | −4.00 [−7.00, +0.30] | 0.001 | 8.3 [7.9, 8.8] |
        | prune channels of res1.skip | −0.30 [−1.20, +0.40] | −0.30 [−1.20, +0.40] | −0.30 [−1.20, +0.40] | — | 0.800 | 23.1 [20.1, 25.0] |
        | quantize int8 of head | 0.00 | 0.00 | 0.00 | — | 1.000 | −0.2 [−0.9, 0.4] |
        | not attributable to one group | — | — | — | — | — | 57.7 |

        Way from the baseline to each machine:

        | cause | from | to | predictions that differ | change of accuracy | largest difference |
        | --- | --- | --- | --- | --- | --- |
        | graph rewrite | float baseline | variant without quantization | 23 of 400 | −4.50 [−6.80, −2.50] |  |
        | quantization | variant without quantization | variant simulated in float | 1 of 400 | 0.00 [−0.50, +0.50] |  |
        | engine | variant simulated in float | variant on this machine | 0 of 400 | 0.00 |  |

        Time by layer and module:

        | layer | target | before, µs | after, µs | touched by |
        | --- | --- | --- | --- | --- |
        | stem | this process | 12.6 | 6.4 | 0:stem |

        Samples hit hardest:

        - sample 675 of class 3: 3 → 8, its probability fell by 0.920; of its 10 neighbours 40 % are right, before 100 %

        Notes by people:

        > label 675 is wrong
        >
        > a reviewer, on `half-int8`
        ");
    }

    #[test]
    fn a_variant_without_effect_is_short() {
        let mut found = example_without_effect();
        narrate(&mut found);
        assert_snapshot!(explanation_section(&found), @"
        nhwc is the baseline after: engine conv_nhwc.

        On 400 report samples, accuracy is 99.2 %, the baseline's 99.2 %: no significant change (0.00 points, 95 % CI −1.21 to +1.21). No predicted class differs from the baseline's.

        Engine options conv_nhwc is the only group of decisions, so every change is due to it.

        These figures stand on 2 variants with only some of the decisions (every combination of groups), each evaluated on 400 report samples, over 1 calibration resample.

        Caveats:

        - Other calibration samples may lead to other effects: none were tried (`--replicates`).

        Change of accuracy in points by group of decisions, 95 % CI in brackets; savings are leave-one-out:

        | group | Shapley value | alone | leave-one-out | over resamples | p (Holm) |
        | --- | --- | --- | --- | --- | --- |
        | engine options conv_nhwc | 0.00 [−1.21, +1.21] | — | — | — | 1.000 |
        ");
    }
}
