//! The gate's verdicts on a variant as a statement: each requirement a test.
//!
//! Source: in-toto attestation predicate test-result, v0.1.

use crate::pipeline::Folders;
use crate::report::requirement_case;
use crate::study::{Protocol, StudyError, recorded_rows};
use paring_core::schema::{GateCell, GateRecord, GateVerdict, Sha256Hex, VariantRecord};
use paring_signing::{InTotoStatement, StatementSubject};
use serde_json::{Map, Value, json};

/// Predicate type of the results of tests.
pub(super) const TEST_RESULT_TYPE: &str = "https://in-toto.io/attestation/test-result/v0.1";
/// Name of the field with the verdicts: value, interval and bound of each. Others ignore it.
const VERDICTS: &str = "urn:paring:gate:v1";

/// Verdicts of a run's requirements, as its records give them; `None` without requirements or results.
///
/// # Errors
/// [`StudyError`] where a record cannot be read.
pub(super) fn recorded_gate(
    folders: &Folders,
    protocol: &Protocol,
) -> Result<Option<GateRecord>, StudyError> {
    let found = recorded_rows(folders).map_err(|error| StudyError::Results(error.to_string()))?;
    Ok(protocol.facts().gate(&found.rows))
}

/// The statement about a variant; `None` of one that the gate has no verdict on.
///
/// A requirement that is undecided is a test that failed: what is not shown is not met.
pub(super) fn gate_statement(
    variant: &VariantRecord,
    protocol: &Protocol,
    gate: &GateRecord,
) -> Option<InTotoStatement> {
    let verdict = gate.variants.iter().find(|own| own.variant_id == variant.variant_id)?;
    let cells: Vec<&GateCell> =
        gate.cells.iter().filter(|cell| cell.variant == variant.name).collect();
    let named = |passed: bool| -> Vec<String> {
        let own = cells.iter().filter(|cell| (cell.verdict == GateVerdict::Pass) == passed);
        own.map(|cell| match cell.verdict {
            GateVerdict::Undecided => format!("{} (undecided)", requirement_case(cell)),
            _ => requirement_case(cell),
        })
        .collect()
    };
    let result = match verdict.verdict {
        GateVerdict::Pass => "PASSED",
        GateVerdict::Fail | GateVerdict::Undecided => "FAILED",
    };
    let rule =
        |name: &str, sha256: &Sha256Hex| json!({ "name": name, "digest": { "sha256": sha256 } });
    let predicate = Map::from_iter([
        ("result".to_string(), json!(result)),
        (
            "configuration".to_string(),
            json!([
                rule("requirements", &gate.gate_sha256),
                rule("data, splits and metrics", &protocol.data_sha256),
                rule("rules of timing", &protocol.measurement_sha256),
            ]),
        ),
        ("passedTests".to_string(), json!(named(true))),
        ("warnedTests".to_string(), json!([])),
        ("failedTests".to_string(), json!(named(false))),
        (
            VERDICTS.to_string(),
            json!({ "run_id": gate.run_id, "quick": protocol.quick, "verdicts": cells }),
        ),
    ]);
    let subject = StatementSubject::new(variant.file.to_string(), &variant.file_sha256);
    Some(InTotoStatement::new(vec![subject], TEST_RESULT_TYPE, Value::Object(predicate)))
}
