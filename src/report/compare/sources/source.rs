//! Reading what is compared: run directories, their results.csv alone, and other tools' files.

use super::external_table;
use super::row_figures::RowFigures;
use super::source_table::{SourceRow, SourceTable};
use crate::pipeline::Folders;
use crate::report::compare::compare_error::CompareError;
use crate::report::compare::figures::KeptAnswers;
use paring_agent::measure::{JournalSummary, read_journal};
use paring_core::files::ConfinedPath;
use paring_core::schema::{BlockRecord, ConfidenceInterval, ExecutionSetting, check_schema};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The kind of a source.
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
pub struct ComparedSource {
    /// The path that was given.
    pub path: PathBuf,
    /// Its kind.
    pub kind: SourceKind,
    /// The run's id; empty in other tools' files.
    pub run_id: String,
    /// The study's name.
    pub study: String,
    /// Start of its first block.
    pub started_at: String,
    /// Its rows.
    #[serde(skip)]
    pub rows: Vec<RowFigures>,
    /// The answers of its variants, where it keeps them.
    #[serde(skip)]
    pub answers: Option<KeptAnswers>,
}

impl ComparedSource {
    /// Reads a run directory or a CSV file.
    ///
    /// # Errors
    /// [`CompareError`] names the file, line and column.
    pub fn open(path: &Path) -> Result<ComparedSource, CompareError> {
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
        let table = SourceTable::read(&file, path)?;
        if !table.has("measurement_sha256") {
            let rows = external_table::rows(&table)?;
            return Ok(ComparedSource {
                path: path.to_path_buf(),
                kind: SourceKind::External,
                run_id: String::new(),
                study: rows.first().map(|r| r.engine.clone()).unwrap_or_default(),
                started_at: rows.iter().map(|r| r.started_at.clone()).min().unwrap_or_default(),
                rows,
                answers: None,
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
        Ok(ComparedSource {
            path: path.to_path_buf(),
            kind,
            run_id: first.text("run_id"),
            study: first.text("study"),
            started_at: started.min().unwrap_or_default(),
            rows,
            answers: None,
        })
    }

    /// The source with the answers that the run keeps.
    pub fn with_answers(self, answers: Option<KeptAnswers>) -> ComparedSource {
        ComparedSource { answers, ..self }
    }
}

fn figures(line: &SourceRow) -> Result<RowFigures, CompareError> {
    let schema = line.number::<u32>("schema")?.unwrap_or(1);
    check_schema("results.csv", schema)
        .map_err(|source| CompareError::Schema { path: line.table.path.clone(), source })?;
    let metric = line.number::<f64>("metric_value")?.map(|value| (line.text("metric"), value));
    let bounds = [line.number::<f64>("metric_low")?, line.number::<f64>("metric_high")?];
    let reasons = ["invalid_reason", "latency_missing", "speedup_missing"].map(|c| line.text(c));
    Ok(RowFigures {
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
        metric_interval: match (&metric, bounds) {
            (Some((_, value)), [Some(low), Some(high)]) => {
                Some(ConfidenceInterval { value: *value, low, high })
            }
            _ => None,
        },
        metric,
        metric_missing: line.text("metric_missing"),
        peak_rss_bytes: line.number("peak_rss_bytes")?,
        peak_rss: None,
        energy_uj: line.signed_interval([
            "energy_per_inference_uj",
            "energy_low_uj",
            "energy_high_uj",
        ])?,
        energy_missing: line.text("energy_missing"),
        file_bytes: line.number("file_bytes")?,
        verdict: line.text("verdict"),
        valid: line.text("valid") != "false",
        reason: reasons.into_iter().find(|r| !r.is_empty()).unwrap_or_default(),
    })
}

/// Adds what every paired block of the journals says.
fn from_journals(folders: &Folders, rows: &mut [RowFigures]) -> Result<(), CompareError> {
    let mut journals: BTreeMap<String, Vec<BlockRecord>> = BTreeMap::new();
    for row in rows.iter() {
        if !journals.contains_key(&row.target) {
            let path = folders.journal(&row.target).join("blocks.jsonl");
            journals.insert(row.target.clone(), read_journal(&path)?);
        }
    }
    for (target, records) in &mut journals {
        let own = rows.iter_mut().filter(|row| row.target == *target);
        let mut own: Vec<&mut RowFigures> = own.collect();
        let rules = own.first().map(|row| row.measurement_sha256.clone()).unwrap_or_default();
        records.retain(|record| record.measurement_sha256.as_str() == rules);
        let summary = JournalSummary::new(records);
        for row in &mut own {
            let Some(id) = row.variant_id.clone() else { continue };
            let found = records.iter().map(|r| &r.attempt.key.variant_id);
            let Some(id) = found.into_iter().find(|known| known.as_str() == id) else { continue };
            let (batch, threads, streams) = row.setting();
            let setting = ExecutionSetting { batch, threads, streams };
            let measured = summary.measurement(id, setting, row.baseline, 0);
            row.peak_rss = measured.latency.ok().and_then(|latency| latency.peak_rss);
            if row.baseline {
                continue;
            }
            row.log_ratios = summary.log_ratios(id, setting).unwrap_or_default();
            row.paired_blocks = Some(row.log_ratios.len());
        }
    }
    Ok(())
}
