//! Progress of a use case, told to whoever called it. Events of targets come from several threads.

use super::WorkflowError;
use crate::pipeline::PipelineError;
use crate::study::VerifyError;
use paring_boards::TargetEvent;
use std::path::Path;
use std::time::Duration;

/// Work that is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum ProgressStage {
    /// Learning what removals cost, before the first variant.
    Forecast,
    /// Making variants.
    Compress,
    /// Training one of them, in epochs.
    Distill,
    /// Evaluating them.
    Evaluate,
    /// Removing components one by one.
    Ablate,
    /// Experiments on one variant.
    Explain,
    /// Writing tables and reports.
    Report,
    /// Trying patterns that quantization writes on a target's engine.
    Patterns,
    /// Asking a board about samples.
    AskBoard,
    /// Writing a card, in bytes.
    WriteCard,
    /// Reading a card back, in bytes.
    ReadCard,
}

/// Something that happened on the way to a result.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum ProgressEvent<'a> {
    /// A run directory that exists is not what was written there.
    IntegrityFlaw {
        /// The run directory.
        run: &'a Path,
        /// The first flaw.
        flaw: &'a VerifyError,
    },
    /// A sentence about a board or an agent, which stands by itself.
    Note(&'a str),
    /// A program begins on a board.
    ProgramStart {
        /// The program.
        program: &'a Path,
        /// The board.
        target: &'a str,
        /// Files that were sent with it.
        files: usize,
    },
    /// The run directory is open.
    RunDirectory(&'a Path),
    /// A stage begins, or has more to do than it had.
    StageLength {
        /// The stage.
        stage: ProgressStage,
        /// All its steps.
        total: usize,
    },
    /// A stage is at something.
    StageItem {
        /// The stage.
        stage: ProgressStage,
        /// A variant's name.
        item: &'a str,
    },
    /// Steps of a stage are done.
    StageDone {
        /// The stage.
        stage: ProgressStage,
        /// All steps done so far.
        done: usize,
    },
    /// A stage is over.
    StageEnd(ProgressStage),
    /// Forecasts cannot be learnt; variants are made without them.
    NoForecasts(&'a PipelineError),
    /// report.html cannot be written; everything that it is derived of is there.
    NoReport(&'a WorkflowError),
    /// The day is over by which the study was to be reviewed.
    ReviewDue {
        /// The day.
        date: &'a str,
    },
    /// The data have no labels: variants are compared with the baseline alone.
    Unlabelled {
        /// The data.
        data: &'a Path,
    },
    /// Work on a target begins.
    TargetStart(&'a str),
    /// An event of a target.
    TargetNews {
        /// Its name.
        target: &'a str,
        /// The news.
        news: &'a TargetEvent,
    },
    /// Work on a target is over.
    TargetEnd(&'a str),
    /// A variant has no times by layer on a target.
    NoLayers {
        /// The variant.
        variant: &'a str,
        /// The target.
        target: &'a str,
        /// The reason.
        reason: &'a str,
    },
    /// Boards were left to go on by themselves after an interrupt; another one within `grace` stops
    /// them.
    LeftOnBoards {
        /// Their names.
        boards: &'a [&'a str],
        /// The run that they work for.
        run: &'a Path,
        /// The time that is left for another interrupt.
        grace: Duration,
    },
    /// Nothing of the run goes on at a board.
    Cancelled {
        /// The board.
        target: &'a str,
        /// True where an interrupt asked for it.
        interrupted: bool,
    },
}

/// Does what cannot be counted as a stage of its own, so that whoever waits sees what for.
pub(in crate::workflow) fn uncounted<T>(
    progress: &Progress,
    stage: ProgressStage,
    item: &str,
    work: impl FnOnce() -> T,
) -> T {
    progress(ProgressEvent::StageLength { stage, total: 0 });
    progress(ProgressEvent::StageItem { stage, item });
    let done = work();
    progress(ProgressEvent::StageEnd(stage));
    done
}

/// Receiver of events; several threads may call it at once.
pub type Progress<'a> = dyn Fn(ProgressEvent) + Sync + 'a;
