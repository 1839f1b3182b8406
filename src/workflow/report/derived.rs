//! Reports of a run against its records: rendered anew and compared, byte for byte.

use super::records::ReportRecords;
use crate::pipeline::Folders;
use crate::report::html::{RunReport, report_html};
use crate::report::{ReportError, report_md};
use crate::study::{Protocol, VerifyError};
use crate::workflow::WorkflowError;
use paring_core::schema::{LedgerEntry, LedgerEntryKind, MissingReason};
use serde::Serialize;
use std::collections::BTreeSet;

const MARKDOWN: &str = "report.md";
const PAGE: &str = "report.html";
/// Ends of the ledger that a report may have been written at, the last first.
const MOST_ENDS: usize = 64;

/// A report of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ComparedReport {
    /// The file.
    pub file: String,
    /// The reason why it cannot be compared; `None` where it is what the records give.
    pub not_compared: Option<String>,
}

/// Renders the reports of a run anew and compares them with those that it has.
///
/// # Errors
/// [`VerifyError::Broken`] names the first line that the records do not give.
pub(in crate::workflow) fn compare_reports(
    folders: &Folders,
    protocol: &Protocol,
) -> Result<Vec<ComparedReport>, WorkflowError> {
    let read = |file: &str| {
        let bytes = folders.root().join(file).read().ok()?;
        Some(String::from_utf8_lossy(&bytes).into_owned())
    };
    let Some(markdown) = read(MARKDOWN) else { return Ok(vec![]) };
    let records = [false, true].map(|redact| ReportRecords::read(folders, protocol, redact));
    let [open, redacted] = records;
    let here = folders.root().display().to_string();
    let comparison = ReportComparison {
        records: [open?, redacted?],
        // A run may have moved since.
        directories: directory(&markdown).into_iter().chain([here]).collect(),
    };
    if let Some(version) = comparison.other_version() {
        let why = format!("paring {version} wrote it, this is {}", env!("CARGO_PKG_VERSION"));
        let each = [MARKDOWN, PAGE].into_iter().filter(|file| read(file).is_some());
        return Ok(each.map(|file| compared(file, Some(why.clone()))).collect());
    }
    let mut all = vec![comparison.markdown(&markdown)?];
    if let Some(page) = read(PAGE) {
        all.push(comparison.page(&page)?);
    }
    Ok(all)
}

fn compared(file: &str, not_compared: Option<String>) -> ComparedReport {
    ComparedReport { file: file.into(), not_compared }
}

/// The run directory as the report names it, in its last line.
fn directory(markdown: &str) -> Option<String> {
    let (_, rest) = markdown.rsplit_once("`paring verify ")?;
    let (word, _) = rest.split_once('`')?;
    shlex::split(word)?.into_iter().next()
}

/// Records and directory that reports are compared with.
struct ReportComparison {
    /// With single samples, and without.
    records: [ReportRecords; 2],
    /// As the report names the run directory, and as it is called now.
    directories: BTreeSet<String>,
}

impl ReportComparison {
    /// The version that wrote the end of the ledger, where it is another one.
    fn other_version(&self) -> Option<&str> {
        let last = self.records[0].ledger().last().map(|entry| entry.tool_version.as_str());
        last.filter(|version| *version != env!("CARGO_PKG_VERSION"))
    }

    /// True where `rendered` of any candidate is the text; else what it gives of the records as they are.
    fn finds(
        &self,
        text: &str,
        rendered: &dyn Fn(&RunReport) -> Result<String, WorkflowError>,
    ) -> Result<Option<String>, WorkflowError> {
        let mut first = None;
        let ends = ends(self.records[0].ledger());
        let places = ends.iter().flat_map(|end| self.directories.iter().map(move |own| (end, own)));
        for (end, directory) in places {
            for records in &self.records {
                let own = rendered(&records.report_at(directory, *end))?;
                if own == text {
                    return Ok(None);
                }
                first.get_or_insert(own);
            }
        }
        Ok(first)
    }

    fn markdown(&self, text: &str) -> Result<ComparedReport, WorkflowError> {
        let rendered = |report: &RunReport| -> Result<String, WorkflowError> {
            Ok(report_md(std::slice::from_ref(report)))
        };
        match self.finds(text, &rendered)? {
            None => Ok(compared(MARKDOWN, None)),
            Some(own) => Err(other(MARKDOWN, text, &own)),
        }
    }

    fn page(&self, text: &str) -> Result<ComparedReport, WorkflowError> {
        let rendered = |report: &RunReport| -> Result<String, WorkflowError> {
            Ok(report_html(report).map_err(ReportError::from)?)
        };
        let Some(own) = self.finds(text, &rendered)? else { return Ok(compared(PAGE, None)) };
        // Drawings of samples need the data, which lie elsewhere.
        match self.records[0].undrawn() {
            Some(MissingReason(why)) => {
                Ok(compared(PAGE, Some(format!("it may draw samples of the data: {why}"))))
            }
            None => Err(other(PAGE, text, &own)),
        }
    }
}

/// Lengths of the ledger at which a verb may have written reports: at its end, and before what was added
/// since.
fn ends(ledger: &[LedgerEntry]) -> Vec<usize> {
    use LedgerEntryKind::{Decision, Outcome, Refusal};
    // Verbs write these several at once.
    let inner = |kind| matches!(kind, Decision | Outcome | Refusal);
    let begins = |position: &usize| {
        let own = ledger[*position].kind;
        !inner(own) || position.checked_sub(1).is_none_or(|before| !inner(ledger[before].kind))
    };
    let earlier = (0..ledger.len()).rev().filter(begins);
    std::iter::once(ledger.len()).chain(earlier).take(MOST_ENDS).collect()
}

fn other(file: &str, text: &str, own: &str) -> WorkflowError {
    let (text, own): (Vec<&str>, Vec<&str>) = (text.lines().collect(), own.lines().collect());
    let same = text.iter().zip(&own).take_while(|(a, b)| a == b).count();
    let problem = format!(
        "line {} is not what the run's records give; if nobody changed it, another build of paring wrote it: `paring report` writes it anew",
        same + 1
    );
    VerifyError::Broken { file: file.into(), problem }.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_directory_is_read_back_from_the_last_line() {
        let line = "- `paring verify 'my runs/a'` checks the run\n";
        assert_eq!(directory(line).as_deref(), Some("my runs/a"));
        assert_eq!(directory("- `paring verify run` checks").as_deref(), Some("run"));
        assert_eq!(directory("nothing"), None);
    }
}
