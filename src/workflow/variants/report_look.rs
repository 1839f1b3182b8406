//! A look at the report split: entered into the register above the runs, and with the count so far into the
//! run's ledger.

use crate::ledger::Ledger;
use crate::study::{self, LookRegister, RegisteredLook, ReportLook};
use crate::workflow::open_run::OpenRun;
use crate::workflow::{Progress, ProgressEvent, WorkflowError};
use paring_core::error_chain::error_chain;
use paring_core::schema::{LedgerEntryBody, LedgerEntryKind, VariantRecord};
use serde_json::{Value, json};

/// Enters that `by` looked at `variants` on the report split; a register that cannot be written is a note,
/// and the ledger says so.
///
/// # Errors
/// [`WorkflowError`] where the data cannot be read, or the ledger not be written.
pub(super) fn enter_look(
    run: &OpenRun,
    by: &str,
    variants: &[VariantRecord],
    progress: &Progress,
) -> Result<(), WorkflowError> {
    let (protocol, study) = (&run.directory.protocol, &run.study);
    let register = LookRegister::of_run(run.path(), study.data.looks.as_deref());
    let samples_sha256 = run.loaded.data.samples_sha256()?;
    let look = ReportLook {
        samples_sha256: &samples_sha256,
        run_id: &protocol.run_id,
        study: &study.name,
        by,
        variants: variants.iter().map(|variant| &variant.variant_id).collect(),
    };
    let names: Vec<&str> = variants.iter().map(|variant| variant.name.as_str()).collect();
    let mut body = json!({
        "split": "report", "by": by, "variants": names,
        "data_sha256": protocol.data_sha256, "samples_sha256": samples_sha256,
        "run_id": protocol.run_id,
    });
    match register.enter(&look, &study.owner) {
        Ok(RegisteredLook { entry, count }) => {
            // A verb that goes on has looked before; the count is that of then.
            let known = study::recorded_looks(run.path());
            if known.iter().any(|known| known.register_entry.as_ref() == Some(&entry)) {
                return Ok(());
            }
            if count.lost > 0 {
                let note = format!(
                    "{} lacks {} of the looks at these data that ledgers of runs beside it hold: it was cut or removed",
                    register.path().display(),
                    count.lost
                );
                progress(ProgressEvent::Note(&note));
            }
            body["register"] = json!(register.name);
            body["register_entry"] = json!(entry);
            body["count"] = json!(count);
        }
        Err(error) => {
            let note =
                format!("the look at the report split is not counted: {}", error_chain(&error));
            progress(ProgressEvent::Note(&note));
            body["not_registered"] = Value::String(error_chain(&error));
            body["count"] = json!(register.count_without(&samples_sha256));
        }
    }
    let mut ledger = Ledger::open(&run.directory.folders.ledger(), &study.owner)?;
    ledger.record(LedgerEntryBody { kind: LedgerEntryKind::Look, body })?;
    Ok(())
}
