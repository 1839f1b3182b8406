//! The gate's verdicts as JUnit XML, which CI systems show: a suite a variant, a case a verdict.

use super::cell_text::{explanation, observed, subject};
use askama::Template;
use paring_core::schema::{GateCell, GateRecord, GateVerdict};
use paring_core::text::printable_lines;

/// The file.
#[derive(Template)]
#[template(path = "gate_junit.xml")]
struct JunitReport {
    suites: Vec<JunitSuite>,
    tests: usize,
    failures: usize,
    skipped: usize,
}

/// A variant.
struct JunitSuite {
    name: String,
    cases: Vec<JunitCase>,
}

/// A verdict.
struct JunitCase {
    name: String,
    message: String,
    outcome: CaseOutcome,
}

/// The outcome of a case.
#[derive(Clone, Copy, PartialEq)]
enum CaseOutcome {
    Passed,
    /// With the verdict's name.
    Failed(GateVerdict),
    Skipped,
}

impl JunitSuite {
    fn failures(&self) -> usize {
        self.cases.iter().filter(|case| matches!(case.outcome, CaseOutcome::Failed(_))).count()
    }

    fn skipped(&self) -> usize {
        self.cases.iter().filter(|case| case.outcome == CaseOutcome::Skipped).count()
    }
}

/// The record as JUnit XML. Undecided verdicts are failures, or, where they are allowed, skipped cases.
///
/// # Errors
/// [`askama::Error`] of the template.
pub fn gate_junit(record: &GateRecord, allow_undecided: bool) -> Result<String, askama::Error> {
    let case = |cell: &GateCell| JunitCase {
        name: plain(&subject(cell)),
        message: plain(&match explanation(cell) {
            Some(why) => format!("{}: {}; {why}", cell.verdict, observed(cell)),
            None => format!("{}: {}", cell.verdict, observed(cell)),
        }),
        outcome: match cell.verdict {
            GateVerdict::Pass => CaseOutcome::Passed,
            GateVerdict::Undecided if allow_undecided => CaseOutcome::Skipped,
            verdict => CaseOutcome::Failed(verdict),
        },
    };
    let suites = record.variants.iter().map(|variant| JunitSuite {
        name: plain(&variant.variant),
        cases: record
            .cells
            .iter()
            .filter(|cell| cell.variant == variant.variant)
            .map(case)
            .collect(),
    });
    let suites: Vec<JunitSuite> = suites.collect();
    JunitReport {
        tests: suites.iter().map(|suite| suite.cases.len()).sum(),
        failures: suites.iter().map(JunitSuite::failures).sum(),
        skipped: suites.iter().map(JunitSuite::skipped).sum(),
        suites,
    }
    .render()
}

/// Text without characters that XML cannot hold.
fn plain(text: &str) -> String {
    printable_lines(text).replace(['\n', '\t'], " ")
}

#[cfg(test)]
mod tests {
    use super::super::requirement_rows::tests::example_record;
    use super::*;

    #[test]
    fn what_fails_is_a_failure_and_names_are_escaped() {
        let mut record = example_record();
        record.variants[1].variant = "<half>\u{1b}".into();
        for cell in record.cells.iter_mut().filter(|cell| cell.variant == "half") {
            cell.variant = "<half>\u{1b}".into();
        }
        let lenient = gate_junit(&record, true).unwrap();
        for part in [
            "<testsuites name=\"paring gate\" tests=\"4\" failures=\"1\" skipped=\"2\">",
            "<testsuite name=\"quarter\" tests=\"2\" failures=\"0\" skipped=\"1\">",
            "<testsuite name=\"&#60;half&#62;",
            "<skipped message=\"undecided: 0.01500 (95 % CI 0.005000 to 0.02500); about 1600 samples",
            "<failure type=\"fail\" message=\"fail: 0.1000",
            "name=\"accuracy_drop ≤ 0.02 (class 3)\"",
        ] {
            assert!(lenient.contains(part), "{part} is not in\n{lenient}");
        }
        assert!(!lenient.contains('\u{1b}'));
        let strict = gate_junit(&record, false).unwrap();
        assert!(strict.contains("tests=\"4\" failures=\"3\" skipped=\"0\""), "{strict}");
    }
}
