//! Targets side by side: one that breaks does not stop the others.

use super::{Progress, ProgressEvent, WorkflowError};
use crate::pipeline::{self, Folders, PipelineError};
use paring_boards::{
    Target, TargetError, TargetEvent, TargetTransport, catch_interrupts, interrupted_again,
};
use std::sync::atomic::AtomicBool;
use std::time::Duration;

/// Time that a second interrupt is waited for.
const SECOND_INTERRUPT: Duration = Duration::from_secs(3);

/// A target and its outcome.
pub(crate) type TargetOutcome<'a, T> = (&'a Target, Result<T, PipelineError>);

/// Work on a target.
type TargetWork<'a, T> =
    dyn Fn(&Target, &mut dyn FnMut(TargetEvent)) -> Result<T, PipelineError> + Sync + 'a;

/// Does work on all targets at once: boards each by themselves, what runs on this machine one after
/// the other.
pub(crate) fn on_all<'a, T: Send>(
    targets: &'a [Target],
    progress: &Progress,
    work: &TargetWork<T>,
) -> Vec<TargetOutcome<'a, T>> {
    let told = |target: &Target| {
        let name = target.name.as_str();
        progress(ProgressEvent::TargetStart(name));
        let mut heard = |news| progress(ProgressEvent::TargetNews { target: name, news: &news });
        let outcome = pipeline::attempt_on(name, || work(target, &mut heard));
        progress(ProgressEvent::TargetEnd(name));
        outcome
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = targets
            .iter()
            .map(|target| (!is_here(target)).then(|| scope.spawn(|| told(target))))
            .collect();
        let local: Vec<_> =
            targets.iter().map(|target| is_here(target).then(|| told(target))).collect();
        let both = threads.into_iter().zip(local).zip(targets);
        both.filter_map(|((thread, local), target)| {
            let panicked = |cause| std::panic::resume_unwind(cause);
            let outcome = local.or_else(|| thread.map(|t| t.join().unwrap_or_else(panicked)))?;
            Some((target, outcome))
        })
        .collect()
    })
}

/// Work on one target, until something stops it.
type StoppableWork<'a, T> = dyn Fn(
        &Target,
        Option<&'static AtomicBool>,
        &mut dyn FnMut(TargetEvent),
    ) -> Result<T, PipelineError>
    + Sync
    + 'a;

/// Does work on a single target; an interrupt stops it there too.
///
/// # Errors
/// [`WorkflowError`] of the work, or that interrupts cannot be caught.
pub(crate) fn on_one<T: Send>(
    target: &Target,
    folders: &Folders,
    progress: &Progress,
    work: &StoppableWork<T>,
) -> Result<T, WorkflowError> {
    let targets = std::slice::from_ref(target);
    let stop = (!is_here(target)).then(catch_interrupts).transpose();
    let stop = stop.map_err(WorkflowError::CatchInterrupts)?;
    let mut outcomes = on_all(targets, progress, &|target, heard| work(target, stop, heard));
    if outcomes.iter().any(is_interrupted) {
        cancel(targets, folders, false, progress)?;
    }
    match outcomes.pop() {
        Some((_, outcome)) => Ok(outcome?),
        None => Err(WorkflowError::Option("there is no target".into())),
    }
}

fn is_here(target: &Target) -> bool {
    matches!(target.transport, TargetTransport::Local)
}

/// True where somebody interrupted the work.
pub(super) fn is_interrupted<T>((_, outcome): &TargetOutcome<T>) -> bool {
    matches!(outcome, Err(PipelineError::Target { source: TargetError::Interrupted, .. }))
}

/// Leaves the boards to go on, or stops them at a second interrupt.
pub(super) fn leave_on_boards(
    targets: &[Target],
    folders: &Folders,
    progress: &Progress,
) -> WorkflowError {
    let boards = targets.iter().filter(|t| !is_here(t)).map(|target| target.name.as_str());
    let boards: Vec<&str> = boards.collect();
    progress(ProgressEvent::LeftOnBoards {
        boards: &boards,
        run: folders.root(),
        grace: SECOND_INTERRUPT,
    });
    if !interrupted_again(SECOND_INTERRUPT) {
        return WorkflowError::Interrupted;
    }
    match cancel(targets, folders, true, progress) {
        Ok(()) => WorkflowError::Stopped,
        Err(error) => error,
    }
}

/// Stops what goes on by itself on the boards; what was measured stays there.
///
/// # Errors
/// The last board that cannot be reached.
pub(super) fn cancel(
    targets: &[Target],
    folders: &Folders,
    interrupted: bool,
    progress: &Progress,
) -> Result<(), WorkflowError> {
    let outcomes =
        on_all(targets, progress, &|target, heard| pipeline::cancel(folders, target, heard));
    let mut failed = Ok(());
    for (target, outcome) in outcomes.into_iter().filter(|(target, _)| !is_here(target)) {
        match outcome {
            Ok(()) => progress(ProgressEvent::Cancelled { target: &target.name, interrupted }),
            Err(error) => failed = Err(error.into()),
        }
    }
    failed
}
