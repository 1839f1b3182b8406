//! Reading what is compared: run directories, their results.csv alone, and other tools' files.

use super::{Figures, external};
use crate::pipeline::Folders;
use paring_agent::measure::{JournalError, Summary, read_journal};
use paring_core::files::ConfinedPath;
use paring_core::schema::{BlockRecord, FileName, Interval, NewerSchema, Setting, check_schema};
use paring_core::text::csv_cell_text;
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What can be wrong with a source.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CompareError {
    /// It cannot be read.
    #[error("read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: csv::Error,
    },
    /// A folder that is no finished run.
    #[error("{} has no results.csv; give a run directory that `paring run` or `paring bench` finished", .0.display())]
    NoResults(PathBuf),
    /// A table that nobody knows.
    #[error("{} is neither a results.csv nor another engine's table: {problem}", path.display())]
    Columns {
        /// The file.
        path: PathBuf,
        /// What is missing.
        problem: String,
    },
    /// A table without rows.
    #[error("{} has no rows", .0.display())]
    Empty(PathBuf),
    /// A cell that is not what its column says.
    #[error("{} line {line}: `{value}` is no usable {column}", path.display())]
    Cell {
        /// The file.
        path: PathBuf,
        /// Counting from 1, the header being 1.
        line: usize,
        /// The column.
        column: String,
        /// What stands there.
        value: String,
    },
    /// A newer paring wrote it.
    #[error("read {}", path.display())]
    Schema {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: NewerSchema,
    },
    /// The run's journal.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// Fewer than two.
    #[error("nothing to compare with: give two or more run directories or CSV files")]
    Alone,
}

/// What a source is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SourceKind {
    /// A run directory.
    Run,
    /// A results.csv without its journal.
    Results,
    /// A table of another engine's benchmark.
    External,
}

/// Something to compare.
#[derive(Clone, Debug, Serialize)]
pub struct Source {
    /// What was given.
    pub path: PathBuf,
    /// What it is.
    pub kind: SourceKind,
    /// The run's id; empty in other tools' files.
    pub run_id: String,
    /// The study's name.
    pub study: String,
    /// When its first block started.
    pub started_at: String,
    /// Its rows.
    #[serde(skip)]
    pub rows: Vec<Figures>,
}

impl Source {
    /// Reads a run directory or a CSV file.
    ///
    /// # Errors
    /// [`CompareError`] names the file, line and column.
    pub fn open(path: &Path) -> Result<Source, CompareError> {
        let folders = Folders::new(path);
        let (file, kind) = match path.is_dir() {
            true if !folders.results().exists() => {
                return Err(CompareError::NoResults(path.to_path_buf()));
            }
            true => (folders.results(), SourceKind::Run),
            // Whoever names a file knows where it lies.
            false => {
                let file = path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
                (ConfinedPath::file(&file), SourceKind::Results)
            }
        };
        let table = Table::read(&file, path)?;
        if !table.has("measurement_sha256") {
            let rows = external::rows(&table)?;
            return Ok(Source {
                path: path.to_path_buf(),
                kind: SourceKind::External,
                run_id: String::new(),
                study: rows.first().map(|r| r.engine.clone()).unwrap_or_default(),
                started_at: rows.iter().map(|r| r.started_at.clone()).min().unwrap_or_default(),
                rows,
            });
        }
        let mut rows = table.rows().map(|line| figures(&line)).collect::<Result<Vec<_>, _>>()?;
        if kind == SourceKind::Run {
            if let Some(line) = table.rows().find(|line| !line.names_a_folder("target")) {
                return Err(line.bad("target"));
            }
            from_journals(&folders, &mut rows)?;
        }
        let first = table.row(0);
        let started = rows.iter().map(|r| r.started_at.clone()).filter(|s| !s.is_empty());
        Ok(Source {
            path: path.to_path_buf(),
            kind,
            run_id: first.text("run_id"),
            study: first.text("study"),
            started_at: started.min().unwrap_or_default(),
            rows,
        })
    }
}

/// A CSV file in memory.
pub(super) struct Table {
    path: PathBuf,
    header: BTreeMap<String, usize>,
    rows: Vec<csv::StringRecord>,
}

impl Table {
    fn read(file: &ConfinedPath, named: &Path) -> Result<Table, CompareError> {
        let path = if named.is_dir() { &**file } else { named };
        let failed = |source| CompareError::Read { path: path.to_path_buf(), source };
        let content = file.open().map_err(|e| failed(e.into()))?;
        let mut reader = csv::Reader::from_reader(content);
        let header = reader.headers().map_err(failed)?.iter().enumerate();
        let header = header.map(|(index, name)| (name.trim().to_string(), index)).collect();
        let rows = reader.records().collect::<Result<Vec<_>, _>>().map_err(failed)?;
        match rows.is_empty() {
            true => Err(CompareError::Empty(path.to_path_buf())),
            false => Ok(Table { path: path.to_path_buf(), header, rows }),
        }
    }

    pub(super) fn has(&self, column: &str) -> bool {
        self.header.contains_key(column)
    }

    pub(super) fn columns(&self, problem: String) -> CompareError {
        CompareError::Columns { path: self.path.clone(), problem }
    }

    pub(super) fn rows(&self) -> impl Iterator<Item = Line<'_>> {
        (0..self.rows.len()).map(|index| self.row(index))
    }

    fn row(&self, index: usize) -> Line<'_> {
        Line { table: self, index }
    }
}

/// A row of a table.
pub(super) struct Line<'a> {
    table: &'a Table,
    index: usize,
}

impl Line<'_> {
    /// What stands in a column; empty where there is no such column.
    pub(super) fn text(&self, column: &str) -> String {
        let cell = self.table.header.get(column);
        let cell = cell.and_then(|c| self.table.rows.get(self.index)?.get(*c));
        csv_cell_text(cell.unwrap_or_default().trim()).to_string()
    }

    /// A number; `None` of an empty cell.
    pub(super) fn number<T: std::str::FromStr>(
        &self,
        column: &str,
    ) -> Result<Option<T>, CompareError> {
        let value = self.text(column);
        if value.is_empty() {
            return Ok(None);
        }
        value.parse().map(Some).map_err(|_| self.bad(column))
    }

    /// A number with bounds in columns of their own; the bounds are the number where they are empty.
    pub(super) fn interval(&self, names: [&str; 3]) -> Result<Option<Interval>, CompareError> {
        let Some(value) = self.positive(names[0])? else { return Ok(None) };
        let low = self.positive(names[1])?.unwrap_or(value);
        let high = self.positive(names[2])?.unwrap_or(value);
        Ok(Some(Interval { value, low, high }))
    }

    fn names_a_folder(&self, column: &str) -> bool {
        FileName::try_from(self.text(column)).is_ok()
    }

    fn positive(&self, column: &str) -> Result<Option<f64>, CompareError> {
        match self.number::<f64>(column)? {
            Some(number) if !(number.is_finite() && number > 0.0) => Err(self.bad(column)),
            number => Ok(number),
        }
    }

    pub(super) fn bad(&self, column: &str) -> CompareError {
        CompareError::Cell {
            path: self.table.path.clone(),
            line: self.index + 2,
            column: column.to_string(),
            value: self.text(column),
        }
    }

    /// Board, processor and architecture, as far as they are known.
    pub(super) fn machine(&self) -> String {
        let mut known = ["board", "cpu", "arch"].map(|c| self.text(c)).to_vec();
        known.retain(|part| !part.is_empty());
        known.join(", ")
    }
}

fn figures(line: &Line) -> Result<Figures, CompareError> {
    let schema = line.number::<u32>("schema")?.unwrap_or(1);
    check_schema("results.csv", schema)
        .map_err(|source| CompareError::Schema { path: line.table.path.clone(), source })?;
    let metric = line.number::<f64>("metric_value")?.map(|value| (line.text("metric"), value));
    let reasons = ["invalid_reason", "latency_missing", "speedup_missing"].map(|c| line.text(c));
    Ok(Figures {
        variant: line.text("variant"),
        variant_id: Some(line.text("variant_id")).filter(|id| !id.is_empty()),
        baseline: line.text("parent").is_empty(),
        target: line.text("target"),
        machine: line.machine(),
        emulated: line.text("emulated") == "true",
        engine: line.text("engine"),
        agent_version: line.text("agent_version"),
        batch: line.number("batch")?.unwrap_or(1),
        threads: line.number("threads")?.unwrap_or(1),
        streams: line.number("streams")?.unwrap_or(1),
        measurement_sha256: line.text("measurement_sha256"),
        data_sha256: line.text("data_sha256"),
        started_at: line.text("started_at"),
        latency_ns: line.interval([
            "latency_p50_ns",
            "latency_p50_low_ns",
            "latency_p50_high_ns",
        ])?,
        speedup: line.interval(["speedup", "speedup_low", "speedup_high"])?,
        log_ratios: vec![],
        paired_blocks: None,
        metric,
        peak_rss_bytes: line.number("peak_rss_bytes")?,
        file_bytes: line.number("file_bytes")?,
        verdict: line.text("verdict"),
        valid: line.text("valid") != "false",
        reason: reasons.into_iter().find(|r| !r.is_empty()).unwrap_or_default(),
    })
}

/// Adds what every paired block of the journals says.
fn from_journals(folders: &Folders, rows: &mut [Figures]) -> Result<(), CompareError> {
    let mut journals: BTreeMap<String, Vec<BlockRecord>> = BTreeMap::new();
    for row in rows.iter() {
        if !journals.contains_key(&row.target) {
            let path = folders.journal(&row.target).join("blocks.jsonl");
            journals.insert(row.target.clone(), read_journal(&path)?);
        }
    }
    for (target, records) in &mut journals {
        let own = rows.iter_mut().filter(|row| row.target == *target);
        let mut own: Vec<&mut Figures> = own.collect();
        let rules = own.first().map(|row| row.measurement_sha256.clone()).unwrap_or_default();
        records.retain(|record| record.measurement_sha256.as_str() == rules);
        let summary = Summary::new(records);
        for row in &mut own {
            let Some(id) = row.variant_id.clone().filter(|_| !row.baseline) else { continue };
            let found = records.iter().map(|r| &r.attempt.key.variant_id);
            let Some(id) = found.into_iter().find(|known| known.as_str() == id) else { continue };
            let (batch, threads, streams) = row.setting();
            let setting = Setting { batch, threads, streams };
            row.log_ratios = summary.log_ratios(id, setting).unwrap_or_default();
            row.paired_blocks = Some(row.log_ratios.len());
        }
    }
    Ok(())
}
