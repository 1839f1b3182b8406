//! A context in a scratch folder in which a run's recipes are played again: the run's frozen tables,
//! nothing measured, and samples only where they were given.

use super::RederiveOptions;
use crate::pipeline::{Folders, RecipeContext, RecipeInputs};
use crate::study::{self, Protocol, RunDirectory, Study};
use crate::workflow::WorkflowError;
use crate::workflow::variants::{decision_rule, recipe_context, recipe_inputs};
use paring_agent::engine::{self, ModelSource};
use paring_compress::Step;
use std::path::Path;

/// The run's study, and the context to play its recipes in.
pub(super) struct ReplayContext {
    pub(super) study: Study,
    pub(super) context: RecipeContext,
}

impl ReplayContext {
    /// Opens the study that a run keeps, with the baseline and the data of `options`.
    ///
    /// # Errors
    /// [`WorkflowError`] where data are not those of the run, or the study cannot be read.
    pub(super) fn open(
        options: &RederiveOptions,
        run: &Folders,
        scratch: &Folders,
    ) -> Result<ReplayContext, WorkflowError> {
        let protocol = RunDirectory::protocol_of(&options.run)?;
        let none = Path::new("");
        let data = options.data.as_deref().unwrap_or(none);
        let study = study::load_replayed(&options.run, &options.baseline, data, scratch.root())?;
        let inputs = match options.data {
            Some(_) => with_samples(&study, &protocol, &options.run)?,
            None => without_samples(&study)?,
        };
        let mut context = recipe_context(&study, scratch.clone(), inputs);
        context.machines.replays = true;
        for name in run.root().join("costs").names().map_err(read(run.root()))? {
            let bytes = run.root().join("costs").join(&name).read().map_err(read(run.root()))?;
            let copy = scratch.root().join("costs").join(&name);
            copy.replace(&bytes)
                .map_err(|source| WorkflowError::WriteFile { path: copy.to_path_buf(), source })?;
        }
        context.estimates.find_costs(scratch, "host");
        Ok(ReplayContext { study, context })
    }
}

fn read(path: &Path) -> impl Fn(std::io::Error) -> WorkflowError {
    move |source| WorkflowError::ReadFile { path: path.to_path_buf(), source }
}

/// Inputs with the samples of the data, which are held against the run's protocol.
fn with_samples(
    study: &Study,
    protocol: &Protocol,
    run: &Path,
) -> Result<RecipeInputs, WorkflowError> {
    let loaded = study::open(study)?;
    let mut steps = study.recipes.iter().flat_map(|recipe| &recipe.steps);
    // What another tool made lies beside the study, not in the run, and is part of its recipes' hash.
    match steps.any(|step| matches!(step, Step::Import { .. })) {
        true if Protocol::new(study, &loaded, false).data_sha256 != protocol.data_sha256 => {
            let what = "data, splits or metrics";
            Err(study::StudyError::OtherProtocol { path: run.to_path_buf(), what }.into())
        }
        true => recipe_inputs(study, &loaded),
        false => {
            protocol.describes(study, &loaded, run)?;
            recipe_inputs(study, &loaded)
        }
    }
}

/// Inputs without samples: sizes are those that the model's file and the study fix.
fn without_samples(study: &Study) -> Result<RecipeInputs, WorkflowError> {
    let signature = engine::describe(ModelSource::File(&study.model))?;
    Ok(RecipeInputs {
        model: study.model.clone(),
        dims: study.dims.clone(),
        batch: signature.fixed_batch().unwrap_or(1),
        calibration: None,
        select: None,
        reading: decision_rule(&study.task.labelled_task, 0),
        seed: study.seed,
    })
}
