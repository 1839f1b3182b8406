//! report.md: a run in one screen for a pull request, everything else folded below it.

use super::explanation_sections::explanation_section;
use super::markdown_text::{code, folded, table, text};
use super::results_rows::{FIGURES, VERDICTS, figure_cells, verdict_cells};
use crate::report::ResultRow;
use crate::report::approval_rows::{APPROVALS, approval_rows};
use crate::report::gate::{REQUIREMENT_COLUMNS, requirement_rows};
use crate::report::html::findings::findings;
use crate::report::html::sections::summary_sentences;
use crate::report::html::verdict::recommended;
use crate::report::html::{ReportFinding, RunReport};
use paring_core::text::{printable_lines, shell_word};
use std::collections::BTreeSet;

/// Rows of the table that is not folded: with the sentences above it, one screen.
const SHOWN_ROWS: usize = 20;
/// Findings that are not folded.
const SHOWN_FINDINGS: usize = 3;
/// Letters of a whole report: GitHub takes 65,536 for a comment.
const MOST_LETTERS: usize = 60_000;

/// Runs as Markdown, one below the other; folded parts that would make it too long for a comment are
/// named instead.
pub fn report_md(runs: &[RunReport]) -> String {
    let room = MOST_LETTERS / runs.len().max(1);
    let sections: Vec<String> = runs.iter().map(|run| run_section(run, room)).collect();
    printable_lines(&sections.join("\n")).into_owned()
}

fn run_section(run: &RunReport, room: usize) -> String {
    let mut out = format!("## Compression of {}\n\n", code(&run.facts.study));
    for sentence in summary_sentences(run) {
        out += &format!("{}\n\n", text(&sentence));
    }
    let rows = ordered(run);
    let cells: Vec<Vec<String>> =
        rows.iter().take(SHOWN_ROWS).map(|row| verdict_cells(row)).collect();
    out += &table(&VERDICTS, &cells);
    if rows.len() > SHOWN_ROWS {
        out += &format!("\n{} more rows are folded below.\n", rows.len() - SHOWN_ROWS);
    }
    out += &requirements(run);
    let findings = findings(run);
    if !findings.is_empty() {
        out += "\n";
        out.extend(findings.iter().take(SHOWN_FINDINGS).map(finding));
    }
    let mut letters = out.chars().count();
    let mut left_out = Vec::new();
    for (title, body) in folded_parts(run, &rows, &findings) {
        let part = folded(&title, &body);
        let more = part.chars().count() + 1;
        if letters + more > room {
            left_out.push(title);
            continue;
        }
        letters += more;
        out += &format!("\n{part}");
    }
    if !left_out.is_empty() {
        let titles = text(&left_out.join("; "));
        out += &format!("\nToo long for a comment, see report.html: {titles}\n");
    }
    out
}

/// The requirements, and the variants by verdict; nothing without any.
fn requirements(run: &RunReport) -> String {
    let Some(record) = run.facts.gate(run.rows) else { return String::new() };
    let names =
        |names: &[String]| names.iter().map(|name| code(name)).collect::<Vec<_>>().join(", ");
    let rows = requirement_rows(&record).into_iter().map(|row| {
        vec![text(&row.label), names(&row.pass), names(&row.undecided), names(&row.fail)]
    });
    format!("\n{}", table(&REQUIREMENT_COLUMNS, &rows.collect::<Vec<_>>()))
}

/// Rows with the recommended one first, then every target's in the study's order.
fn ordered<'a>(run: &RunReport<'a>) -> Vec<&'a ResultRow> {
    let first = recommended(run);
    let is_first = |row: &&ResultRow| first.is_some_and(|first| std::ptr::eq(first, *row));
    let (mut rows, others): (Vec<_>, Vec<_>) = run.rows.iter().partition(is_first);
    rows.extend(others);
    rows
}

fn finding(found: &ReportFinding) -> String {
    format!("- **{}** {}\n", text(&found.headline), text(&found.evidence))
}

/// Everything below the screen: title and body of each part, what a reviewer asks for first in front.
fn folded_parts(
    run: &RunReport,
    rows: &[&ResultRow],
    findings: &[ReportFinding],
) -> Vec<(String, String)> {
    let rest = |from: usize| rows.get(from..).unwrap_or_default();
    let verdicts: Vec<Vec<String>> =
        rest(SHOWN_ROWS).iter().map(|row| verdict_cells(row)).collect();
    let figures: Vec<Vec<String>> = rows.iter().map(|row| figure_cells(row)).collect();
    let more_findings = findings.get(SHOWN_FINDINGS..).unwrap_or_default().iter().map(finding);
    let verdicts = if verdicts.is_empty() { String::new() } else { table(&VERDICTS, &verdicts) };
    let mut parts = vec![
        ("More verdicts".to_string(), verdicts),
        ("More findings".to_string(), more_findings.collect()),
        ("Latency, memory, energy, size".to_string(), table(&FIGURES, &figures)),
        ("Evidence".to_string(), evidence(run)),
        ("Approvals, in the ledger's order".to_string(), approvals(run)),
        ("Steps of each variant".to_string(), steps(run)),
    ];
    parts.extend(run.explanations.iter().map(|found| {
        let title = format!("{}: what each decision changed", found.variant);
        let scenarios = run.scenarios(&found.variant).join(" ");
        let scenarios = match scenarios.is_empty() {
            true => scenarios,
            false => format!("{}\n\n", text(&scenarios)),
        };
        (title, scenarios + &explanation_section(found))
    }));
    parts.retain(|(_, body)| !body.is_empty());
    parts
}

fn steps(run: &RunReport) -> String {
    let mut seen = BTreeSet::new();
    let line = |row: &ResultRow| {
        let steps = match row.variant.recipe.is_empty() {
            true => "as given".to_string(),
            false => row.variant.recipe.join("; "),
        };
        let refused = row.variant.refusals.iter();
        let refused =
            refused.map(|r| format!("  - not changed: {}: {}\n", code(&r.what), text(&r.reason)));
        format!("- {}: {}\n{}", code(&row.variant.name), text(&steps), refused.collect::<String>())
    };
    let each = run.rows.iter().filter(|row| seen.insert(row.variant.name.as_str()));
    each.map(line).collect()
}

fn approvals(run: &RunReport) -> String {
    let rows: Vec<Vec<String>> = approval_rows(run.ledger)
        .into_iter()
        .map(|cells| cells.iter().map(|cell| text(cell)).collect())
        .collect();
    if rows.is_empty() { String::new() } else { table(&APPROVALS, &rows) }
}

fn evidence(run: &RunReport) -> String {
    let facts = run.facts;
    format!(
        "- run {}, owner {}\n- data and splits {}\n- rules of timing {}\n- {} checks the run; report.html beside this file shows everything\n",
        code(&facts.run_id),
        text(run.owner),
        code(&facts.data_sha256),
        code(&facts.measurement_sha256),
        code(&format!("paring verify {}", shell_word(run.directory))),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::example_rows::example_row as row;

    fn markdown(rows: &[ResultRow]) -> String {
        report_md(&[RunReport::of_rows(rows)])
    }

    /// Lines that are seen before anything is unfolded.
    fn screen(text: &str) -> Vec<&str> {
        let mut inside = false;
        let mut lines = Vec::new();
        for line in text.lines() {
            let title = line.starts_with("<details>");
            inside = (inside || title) && line != "</details>";
            if title || !(inside || line.is_empty() || line == "</details>") {
                lines.push(line);
            }
        }
        lines
    }

    #[test]
    fn the_recommended_variant_comes_first_and_the_rest_is_folded() {
        let rows = [
            row("baseline", "host", None, 0.0),
            row("half", "host", Some(1.5), -0.2),
            row("quarter", "host", Some(1.2), 0.001),
            row("<b>|x", "pi4", Some(0.8), 0.0),
        ];
        insta::assert_snapshot!(screen(&markdown(&rows)).join("\n"), @r"
        ## Compression of `digits`
        Recommended: quarter. It is 1.200 times as fast as the baseline on host (99 % CI 1.190 to 1.210) with no significant change of accuracy: +0.1 points (95 % CI −0.9 to +1.1).
        Uncertain: quality stands on 200 report samples; no change has been attributed to a decision yet.
        Next: attribute the changes to single decisions: paring explain runs/a --variant quarter
        | variant | target | speed | speed-up (99 % CI) | quality | change (95 % CI) | file |
        | --- | --- | --- | --- | --- | --- | --- |
        | `quarter` | `host` | **faster** | 1.200 (1.190 to 1.210) | no significant change | accuracy +0.1 points (−0.9 to +1.1) | 618 B |
        | `baseline` | `host` | baseline | not measured here | accuracy 90.0 % |  | 618 B |
        | `half` | `host` | **faster** | 1.500 (1.490 to 1.510) | **worse** | accuracy −20.0 points (−21.0 to −19.0) | 618 B |
        | `<b>\|x` | `pi4` | **slower** | 0.800 (0.790 to 0.810) | no significant change | accuracy 0.0 points (−1.0 to +1.0) | 618 B |
        - **half was pruned without recovery and lost quality.** accuracy changed by −20.0 points (95 % CI −21.0 to −19.0).
        <details><summary>Latency, memory, energy, size</summary>
        <details><summary>Evidence</summary>
        <details><summary>Steps of each variant</summary>
        ");
    }

    #[test]
    fn many_rows_stay_on_one_screen_and_in_one_comment() {
        let rows: Vec<ResultRow> = (0..200)
            .map(|at| row(&format!("variant-{at}"), "host", Some(1.0 + at as f64 / 100.0), 0.0))
            .collect();
        let text = markdown(&rows);
        assert!(screen(&text).len() <= 40, "{:#?}", screen(&text));
        assert!(text.chars().count() < 65_536, "{}", text.chars().count());
        assert!(text.contains("Too long for a comment, see report.html"));
        assert_eq!(text.matches("<details>").count(), text.matches("</details>").count());
    }
}
