//! Targets beside the study's own get approved variants alone, where the study asks for approvals.

use super::RunOptions;
use crate::pipeline::{BASELINE, Folders, variant_names};
use crate::study::{self, Study};
use crate::workflow::{WorkflowError, approval_states};
use std::collections::BTreeSet;

/// Refuses targets that the study does not name itself, unless every variant of the run is approved.
///
/// # Errors
/// [`WorkflowError::NotApproved`] names the first variant that is not, and what is lacking.
pub(super) fn refuse_unapproved(options: &RunOptions, study: &Study) -> Result<(), WorkflowError> {
    if !study.approval.required || options.targets.is_empty() {
        return Ok(());
    }
    let own = study::load(&options.study, options.trust)?.targets;
    let own: BTreeSet<&str> = own.iter().map(|target| target.name.as_str()).collect();
    let Some(target) = study.targets.iter().find(|target| !own.contains(target.name.as_str()))
    else {
        return Ok(());
    };
    let refused = |variant: &str, lacking: &str| WorkflowError::NotApproved {
        variant: variant.to_string(),
        target: target.name.clone(),
        lacking: lacking.to_string(),
    };
    let run = options.out.as_ref().filter(|run| run.is_dir());
    let names: BTreeSet<String> = match run {
        Some(run) => variant_names(&Folders::new(run))?.into_iter().collect(),
        None => BTreeSet::new(),
    };
    for recipe in &study.recipes {
        if !names.contains(&recipe.name) {
            return Err(refused(&recipe.name, "the run has not made it yet"));
        }
    }
    let Some(run) = run else { return Ok(()) };
    let names: Vec<String> = names.into_iter().filter(|name| name != BASELINE).collect();
    let states = approval_states(run, &names)?;
    match states.iter().find_map(|(name, state)| Some((name, state.lacking.as_ref()?))) {
        Some((name, lacking)) => Err(refused(name, lacking)),
        None => Ok(()),
    }
}
