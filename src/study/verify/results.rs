//! Results against the journals: every row of results.csv computed again from the raw samples, the
//! lineage and the evaluation that the run keeps.

use super::VerifyError;
use crate::pipeline::{self, Folders, TargetJournal, read_json};
use crate::report::{self, ResultRow, RunFacts};
use crate::study::Protocol;
use paring_agent::measure::JournalSummary;
use paring_core::schema::{ExecutionSetting, MissingReason};
use std::collections::BTreeMap;

const RESULTS: &str = "results.csv";
/// Columns that stand in results.csv alone: reasons for missing values are kept nowhere else.
const WORDS_ALONE: [&str; 2] = ["energy_missing", "metric_missing"];

/// Columns that came when protocols got requirements.
const LATER_COLUMNS: [&str; 1] = ["gate_unmet"];

/// Every row that results.csv names, as the run's files give it.
///
/// # Errors
/// [`VerifyError`] where the table or a record behind it cannot be read.
pub fn recorded_rows(folders: &Folders) -> Result<RecordedRows, VerifyError> {
    let path = folders.results();
    if !path.exists() {
        return Ok(RecordedRows::default());
    }
    let bytes = path.read().map_err(|e| broken(e.to_string()))?;
    computed_rows(folders, &ResultsTable::read(&bytes)?)
}

/// Rows of a run, and the journals that they were computed from.
#[derive(Clone, Debug, Default)]
pub struct RecordedRows {
    /// In the order of results.csv.
    pub rows: Vec<ResultRow>,
    /// By target.
    pub journals: BTreeMap<String, TargetJournal>,
}

/// Journals by target, each with the aggregates of its blocks.
type SummarizedJournals<'a> = BTreeMap<&'a str, (&'a TargetJournal, JournalSummary<'a>)>;

fn computed_rows(folders: &Folders, table: &ResultsTable) -> Result<RecordedRows, VerifyError> {
    let mut targets: BTreeMap<String, TargetJournal> = BTreeMap::new();
    for row in &table.rows {
        let target = table.cell(row, "target");
        if !targets.contains_key(target) {
            let found = TargetJournal::read(folders, target).map_err(|e| broken(e.to_string()))?;
            targets.insert(target.to_string(), found);
        }
    }
    let journals =
        targets.iter().map(|(target, found)| (target.as_str(), (found, found.summary())));
    let journals: SummarizedJournals = journals.collect();
    let rows = table.rows.iter().map(|row| again(folders, table, row, &journals));
    let rows = rows.collect::<Result<_, _>>()?;
    drop(journals);
    Ok(RecordedRows { rows, journals: targets })
}

/// Verifies all rows; gives how many there are.
pub(super) fn verify(folders: &Folders) -> Result<usize, VerifyError> {
    let path = folders.results();
    if !path.exists() {
        return Ok(0);
    }
    let bytes = path.read().map_err(|e| broken(e.to_string()))?;
    let table = ResultsTable::read(&bytes)?;
    let rows = computed_rows(folders, &table)?.rows;
    let (facts, schema) = run_facts(folders, &table)?;
    let encoded = report::results_csv(&facts, &rows);
    let expected = ResultsTable::read(&encoded.map_err(|e| broken(e.to_string()))?)?;
    // Earlier versions, which had no requirements, did not write all columns.
    let known = |column: &&String| {
        table.header.contains(column)
            || !(facts.requirements.is_empty() && LATER_COLUMNS.contains(&column.as_str()))
    };
    if !table.header.iter().eq(expected.header.iter().filter(known)) {
        return Err(broken("it has other columns".to_string()));
    }
    let pairs = table.rows.iter().zip(&expected.rows).enumerate();
    for (index, (found, computed)) in pairs {
        for (column, found) in table.header.iter().zip(found) {
            let computed = expected.cell(computed, column);
            // The format is that of the version which measured.
            let computed = if column == "schema" { schema.as_str() } else { computed };
            if found != computed && !WORDS_ALONE.contains(&column.as_str()) {
                let line = index + 2;
                return Err(broken(format!(
                    "line {line}: {column} is `{found}`, the journal and the run's records give `{computed}`"
                )));
            }
        }
    }
    Ok(rows.len())
}

fn broken(problem: impl Into<String>) -> VerifyError {
    VerifyError::broken(RESULTS, problem)
}

/// Facts that all rows share, and their format: of the protocol where there is one, of the first row in a
/// bench.
fn run_facts(folders: &Folders, table: &ResultsTable) -> Result<(RunFacts, String), VerifyError> {
    let first = table.rows.first().ok_or_else(|| broken("it has no rows"))?;
    let text = |column| table.cell(first, column).to_string();
    let protocol: Option<Protocol> = read_json(&folders.root().join("protocol.json"));
    Ok(match protocol {
        Some(protocol) => (protocol.facts(), protocol.schema.to_string()),
        None => {
            let facts = RunFacts {
                study: text("study"),
                run_id: text("run_id"),
                data_sha256: text("data_sha256"),
                measurement_sha256: text("measurement_sha256"),
                quick: false,
                requirements: vec![],
            };
            (facts, text("schema"))
        }
    })
}

/// The row of this variant, target and setting as the run's files give it.
fn again(
    folders: &Folders,
    table: &ResultsTable,
    row: &csv::StringRecord,
    targets: &SummarizedJournals,
) -> Result<ResultRow, VerifyError> {
    let name = table.cell(row, "variant");
    let failed = |e: pipeline::PipelineError| broken(e.to_string());
    let line = pipeline::ancestry(folders, name).map_err(failed)?;
    let (variant, baseline) = match (line.first(), line.last()) {
        (Some(variant), Some(baseline)) => (variant.clone(), baseline),
        _ => return Err(broken(format!("it has a row of `{name}`, which the run lacks"))),
    };
    let number = |column| {
        let cell = table.cell(row, column);
        cell.parse().map_err(|_| broken(format!("{column} is `{cell}`")))
    };
    let setting = ExecutionSetting {
        batch: number("batch")?,
        threads: number("threads")?,
        streams: number("streams")?,
    };
    let target = table.cell(row, "target");
    let (found, summary) =
        targets.get(target).ok_or_else(|| broken(format!("no target `{target}`")))?;
    let unknown = || MissingReason(table.cell(row, "energy_missing").to_string());
    Ok(ResultRow {
        measurement: found.measurement(summary, &variant, setting, &unknown),
        environment: found.environment.clone(),
        baseline_weights: baseline.weights,
        evaluation: read_json(&folders.quality(name)),
        evaluation_missing: None,
        target: target.to_string(),
        variant,
    })
}

/// A CSV file in memory.
struct ResultsTable {
    header: Vec<String>,
    rows: Vec<csv::StringRecord>,
}

impl ResultsTable {
    fn read(bytes: &[u8]) -> Result<ResultsTable, VerifyError> {
        let mut reader = csv::Reader::from_reader(bytes);
        let header = reader.headers().map_err(|e| broken(e.to_string()))?;
        let header = header.iter().map(str::to_string).collect();
        let rows = reader.records().collect::<Result<_, _>>();
        Ok(ResultsTable { header, rows: rows.map_err(|e| broken(e.to_string()))? })
    }

    fn cell<'a>(&self, row: &'a csv::StringRecord, column: &str) -> &'a str {
        let position = self.header.iter().position(|name| name == column);
        position.and_then(|position| row.get(position)).unwrap_or_default()
    }
}
