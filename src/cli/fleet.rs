//! The targets of a run side by side: one that breaks does not stop the others, and an interrupt
//! leaves boards to go on by themselves.

use super::progress::{bar, show_progress};
use super::{Coded, ExitCode};
use crate::pipeline::{self, Folders, PipelineError};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget};
use paring_boards::{
    Target, TargetError, TargetEvent, TargetTransport, catch_interrupts, interrupted_again,
};
use paring_core::text::terminal_lines;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

/// So long a second interrupt is waited for.
const SECOND_INTERRUPT: Duration = Duration::from_secs(3);

/// A target and what came of it.
pub(super) type Outcome<'a, T> = (&'a Target, Result<T, PipelineError>);

/// What is done on a target.
type Act<'a, T> =
    dyn Fn(&Target, &mut dyn FnMut(TargetEvent)) -> Result<T, PipelineError> + Sync + 'a;

/// Does something on all targets at once: boards each by themselves, what runs on this machine one
/// after the other.
pub(super) fn on_all<'a, T: Send>(
    targets: &'a [Target],
    quiet: bool,
    act: &Act<T>,
) -> Vec<Outcome<'a, T>> {
    let bars = MultiProgress::new();
    if quiet {
        bars.set_draw_target(ProgressDrawTarget::hidden());
    }
    let shown = |target: &Target| {
        let bar = bars.add(bar("measure", 0, quiet));
        show_progress(&bar, &format!("blocks on {}", target.name));
        let mut last = String::new();
        let mut heard = |news| show(&bar, target, &news, &mut last, quiet);
        let outcome = pipeline::attempt_on(&target.name, || act(target, &mut heard));
        bar.finish_and_clear();
        outcome
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = targets
            .iter()
            .map(|target| (!here(target)).then(|| scope.spawn(|| shown(target))))
            .collect();
        let local: Vec<_> =
            targets.iter().map(|target| here(target).then(|| shown(target))).collect();
        let both = threads.into_iter().zip(local).zip(targets);
        both.filter_map(|((thread, local), target)| {
            let panicked = |cause| std::panic::resume_unwind(cause);
            let outcome = local.or_else(|| thread.map(|t| t.join().unwrap_or_else(panicked)))?;
            Some((target, outcome))
        })
        .collect()
    })
}

/// What is done on one target, until something stops it.
type ActOne<'a, T> = dyn Fn(
        &Target,
        Option<&'static AtomicBool>,
        &mut dyn FnMut(TargetEvent),
    ) -> Result<T, PipelineError>
    + Sync
    + 'a;

/// Does something on a single target; an interrupt stops it there too.
pub(super) fn on_one<T: Send>(
    target: &Target,
    folders: &Folders,
    quiet: bool,
    act: &ActOne<T>,
) -> Result<T, Coded> {
    let targets = std::slice::from_ref(target);
    let stop = (!here(target)).then(catch_interrupts).transpose();
    let stop = stop.map_err(|e| Coded::new(ExitCode::Internal, e))?;
    let mut outcomes = on_all(targets, quiet, &|target, heard| act(target, stop, heard));
    if interrupted(&outcomes) {
        cancel(targets, folders, quiet)?;
    }
    match outcomes.pop() {
        Some((_, outcome)) => Ok(outcome?),
        None => Err(Coded::new(ExitCode::Internal, anyhow::anyhow!("there is no target"))),
    }
}

fn here(target: &Target) -> bool {
    matches!(target.transport, TargetTransport::Local)
}

/// Shows news at a target's bar; notes also where there is no terminal, each once.
fn show(bar: &ProgressBar, target: &Target, news: &TargetEvent, last: &mut String, quiet: bool) {
    match news {
        TargetEvent::Uploading(done, total) => {
            bar.set_length(total.div_ceil(1024));
            bar.set_position(done.div_ceil(1024));
            show_progress(bar, &format!("KiB to {}", target.name));
        }
        TargetEvent::Measured(progress) => {
            bar.set_length(progress.total as u64);
            bar.set_position(progress.done as u64);
            show_progress(bar, &format!("blocks on {}", target.name));
        }
        TargetEvent::Note(note) if *note != *last => {
            last.clone_from(note);
            match (quiet, bar.is_hidden()) {
                (true, _) => {}
                (false, true) => note!("{}: {note}", target.name),
                (false, false) => bar.println(terminal_lines(&format!("{}: {note}", target.name))),
            }
        }
        TargetEvent::Note(_) => {}
    }
}

/// Whether somebody interrupted.
pub(super) fn interrupted<T>(outcomes: &[Outcome<T>]) -> bool {
    outcomes.iter().any(|(_, outcome)| {
        matches!(outcome, Err(PipelineError::Target { source: TargetError::Interrupted, .. }))
    })
}

/// Leaves the boards to go on, or stops them at a second interrupt.
pub(super) fn leave(targets: &[Target], folders: &Folders, again: &str) -> Coded {
    let boards: Vec<&str> =
        targets.iter().filter(|t| !here(t)).map(|target| target.name.as_str()).collect();
    note!(
        "left to go on by itself: {}; `{again}` picks it up; interrupt again within {} s to stop it",
        boards.join(", "),
        SECOND_INTERRUPT.as_secs()
    );
    if !interrupted_again(SECOND_INTERRUPT) {
        return Coded::new(ExitCode::Interrupted, anyhow::anyhow!("interrupted"));
    }
    match cancel(targets, folders, false) {
        Ok(()) => Coded::new(ExitCode::Interrupted, anyhow::anyhow!("interrupted and stopped")),
        Err(error) => error,
    }
}

/// Stops what goes on by itself on the boards; what was measured stays there.
pub(super) fn cancel(targets: &[Target], folders: &Folders, quiet: bool) -> Result<(), Coded> {
    let outcomes =
        on_all(targets, quiet, &|target, heard| pipeline::cancel(folders, target, heard));
    let mut failed = Ok(());
    for (target, outcome) in outcomes.into_iter().filter(|(target, _)| !here(target)) {
        match outcome {
            Ok(()) if quiet => {}
            Ok(()) => note!("{}: nothing of this run goes on there", target.name),
            Err(error) => failed = Err(Coded::from(error)),
        }
    }
    failed
}
