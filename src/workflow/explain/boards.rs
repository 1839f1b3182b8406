//! Predictions of a run's boards with a variant, and the targets of the run that are emulated.

use super::explanation_inputs::ExplanationInputs;
use crate::attribution::BoardOutputs;
use crate::evaluate::ModelOutputs;
use crate::pipeline::{self, recorded};
use crate::workflow::WorkflowError;
use crate::workflow::evaluate::{BoundModel, largest_difference};
use crate::workflow::open_run::OpenRun;
use paring_boards::TargetTransport;
use paring_core::schema::{TargetEnvironment, UnreachedTarget, VariantRecord};
use std::collections::BTreeSet;

/// Predictions of the boards that answered, and the boards that did not.
#[derive(Default)]
pub(super) struct BoardFindings {
    pub(super) there: Vec<BoardOutputs>,
    pub(super) unreached: Vec<UnreachedTarget>,
    /// Names of those that are emulated.
    pub(super) emulated: Vec<String>,
}

/// Asks the boards among the targets for the variant's predictions on the report samples; `here` are
/// this machine's.
///
/// # Errors
/// [`WorkflowError`] where a board that has to answer does not, or somebody interrupts.
pub(super) fn ask_boards(
    inputs: &ExplanationInputs,
    variant: &VariantRecord,
    here: &ModelOutputs,
) -> Result<BoardFindings, WorkflowError> {
    let OpenRun { directory, loaded, .. } = inputs.run;
    let model = directory.folders.variants().join(&variant.file);
    let mut findings = BoardFindings::default();
    for board in inputs.targets.iter().filter(|target| target.transport != TargetTransport::Local) {
        let query = BoundModel {
            predictor: inputs.run.evaluation_setup().predictor(&directory.folders, variant)?,
            dims: loaded.dims.clone(),
            batch: loaded.batch,
            output: loaded.output,
            options: variant.options.clone(),
        };
        let samples = &loaded.splits.report;
        match query.board_answers(&model, &loaded.data, samples, board, inputs.progress) {
            Ok((answers, emulated)) => {
                findings.emulated.extend(emulated.then(|| board.name.clone()));
                findings.there.push(BoardOutputs {
                    target: board.name.clone(),
                    largest_difference: largest_difference(here, &answers),
                    answers: recorded(&answers, &loaded.task),
                });
            }
            Err(error) if inputs.insist || error.is_interrupt() => return Err(error),
            Err(error) => findings
                .unreached
                .push(UnreachedTarget { target: board.name.clone(), reason: error.with_causes() }),
        }
    }
    Ok(findings)
}

/// Targets that are emulated: those that said so when they predicted, and those that the run measured.
pub(super) fn emulated_targets(
    inputs: &ExplanationInputs,
    emulated_boards: Vec<String>,
) -> Vec<String> {
    let folders = &inputs.run.directory.folders;
    let all = inputs.run.study.targets.iter().chain(inputs.targets);
    let measured = all.filter(|target| {
        let path = folders.journal(&target.name).join("environment.json");
        let environment: Option<TargetEnvironment> = pipeline::read_json(&path);
        target.emulated || environment.is_some_and(|environment| environment.emulated)
    });
    let names: BTreeSet<String> =
        measured.map(|target| target.name.clone()).chain(emulated_boards).collect();
    names.into_iter().collect()
}
