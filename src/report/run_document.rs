//! A run as one JSON document for other programs: everything that its report shows, as records.

use super::html::findings::findings;
use super::html::verdict::recommended;
use super::html::{ReportFinding, RunReport};
use super::{ReportError, ResultRow};
use paring_core::schema::{
    EnergySummary, Evaluation, ExecutionSetting, Explanation, LatencySummary, LayerTable, SCHEMA,
    SpeedSummary, SustainedSummary, TargetEnvironment, VariantRecord,
};
use serde::Serialize;
use std::collections::BTreeMap;

/// Runs.
#[derive(Debug, Serialize)]
struct RunDocuments<'a> {
    schema: u32,
    runs: Vec<RunDocument<'a>>,
}

/// A run.
#[derive(Debug, Serialize)]
struct RunDocument<'a> {
    study: &'a str,
    run_id: &'a str,
    owner: &'a str,
    purpose: &'a str,
    /// The short protocol, which gives no verdicts.
    quick: bool,
    data_sha256: &'a str,
    measurement_sha256: &'a str,
    /// Position in `results` of the recommended row; `None` where none is.
    recommended: Option<usize>,
    findings: Vec<FindingDocument>,
    /// By name.
    variants: BTreeMap<&'a str, &'a VariantRecord>,
    /// By name.
    targets: BTreeMap<&'a str, &'a TargetEnvironment>,
    results: Vec<ResultDocument<'a>>,
    layers: &'a [LayerTable],
    explanations: Vec<Explanation>,
    /// True where single samples are left out.
    redacted: bool,
}

/// A finding.
#[derive(Debug, Serialize)]
struct FindingDocument {
    headline: String,
    evidence: String,
    command: String,
}

/// A variant on a target in one setting. A value that does not exist is null, and the reason stands
/// beside it.
#[derive(Debug, Serialize)]
struct ResultDocument<'a> {
    variant: &'a str,
    variant_id: &'a str,
    target: &'a str,
    #[serde(flatten)]
    setting: ExecutionSetting,
    params_removed_pct: f64,
    latency: Option<&'a LatencySummary>,
    latency_missing: Option<&'a str>,
    speed: Option<&'a SpeedSummary>,
    speed_missing: Option<&'a str>,
    energy: Option<&'a EnergySummary>,
    energy_missing: Option<&'a str>,
    sustained: Option<&'a SustainedSummary>,
    sustained_missing: Option<&'a str>,
    evaluation: Option<&'a Evaluation>,
    evaluation_missing: Option<&'a str>,
    started_at: Option<&'a str>,
    invalid_reasons: &'a [String],
}

/// Runs as canonical JSON (RFC 8785).
///
/// # Errors
/// [`ReportError::Json`] of a record that has no canonical form.
pub fn run_documents(runs: &[RunReport]) -> Result<String, ReportError> {
    let documents = RunDocuments { schema: SCHEMA, runs: runs.iter().map(document).collect() };
    serde_json_canonicalizer::to_string(&documents).map_err(ReportError::Json)
}

fn document<'a>(run: &'a RunReport) -> RunDocument<'a> {
    let first = recommended(run);
    RunDocument {
        study: &run.facts.study,
        run_id: &run.facts.run_id,
        owner: run.owner,
        purpose: run.purpose,
        quick: run.facts.quick,
        data_sha256: &run.facts.data_sha256,
        measurement_sha256: &run.facts.measurement_sha256,
        recommended: first
            .and_then(|first| run.rows.iter().position(|row| std::ptr::eq(row, first))),
        findings: findings(run).into_iter().map(FindingDocument::from).collect(),
        variants: run.rows.iter().map(|row| (row.variant.name.as_str(), &row.variant)).collect(),
        targets: run.rows.iter().map(|row| (row.target.as_str(), &row.environment)).collect(),
        results: run.rows.iter().map(result).collect(),
        layers: run.layers,
        explanations: explanations(run),
        redacted: run.samples.redacted,
    }
}

/// Explanations; without the samples that flipped where single samples are not to be shown.
fn explanations(run: &RunReport) -> Vec<Explanation> {
    let each = run.explanations.iter().cloned();
    let shown = |found: Explanation| match run.samples.redacted {
        true => Explanation { flips: vec![], ..found },
        false => found,
    };
    each.map(shown).collect()
}

impl From<ReportFinding> for FindingDocument {
    fn from(found: ReportFinding) -> FindingDocument {
        let ReportFinding { headline, evidence, command, .. } = found;
        FindingDocument { headline, evidence, command }
    }
}

fn result(row: &ResultRow) -> ResultDocument<'_> {
    let measured = &row.measurement;
    let sustained = measured.sustained.as_ref();
    ResultDocument {
        variant: &row.variant.name,
        variant_id: row.variant.variant_id.as_str(),
        target: &row.target,
        setting: measured.setting,
        params_removed_pct: row.params_removed_pct(),
        latency: measured.latency.as_ref().ok(),
        latency_missing: measured.latency.as_ref().err().map(|why| why.0.as_str()),
        speed: measured.speed.as_ref().ok(),
        speed_missing: measured.speed.as_ref().err().map(|why| why.0.as_str()),
        energy: measured.energy.as_ref().ok(),
        energy_missing: measured.energy.as_ref().err().map(|why| why.0.as_str()),
        sustained: sustained.and_then(|found| found.as_ref().ok()),
        sustained_missing: sustained
            .and_then(|found| found.as_ref().err().map(|why| why.0.as_str())),
        evaluation: row.evaluation.as_ref(),
        evaluation_missing: row.evaluation_missing.as_ref().map(|why| why.0.as_str()),
        started_at: measured.started_at.as_deref(),
        invalid_reasons: &measured.invalid_reasons,
    }
}
