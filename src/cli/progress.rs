//! Progress on standard error, for people: bars where it is a terminal, sentences everywhere.

use super::resume_command::ResumeCommand;
use super::warnings::print_warning;
use crate::workflow::{ProgressEvent, ProgressStage};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use paring_boards::TargetEvent;
use paring_core::error_chain::error_chain;
use paring_core::number_format::counted;
use paring_core::text::{table_cell, terminal_lines};
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// A bar before anything is counted.
const UNCOUNTED: &str = "{prefix:>9} {msg} {elapsed}";
/// A bar of which nothing is done: no time that is left follows from that.
const BEGUN: &str = "{prefix:>9} {wide_bar:.cyan/dim} {pos}/{len} {msg} {elapsed}";
/// A bar of bytes.
const BYTES: &str =
    "{prefix:>9} {wide_bar:.cyan/dim} {binary_bytes}/{binary_total_bytes} {msg} {elapsed}";
/// A bar on its way.
const COUNTED: &str = "{prefix:>9} {wide_bar:.cyan/dim} {pos}/{len} {msg} {elapsed} (left {eta})";

/// Time between two looks of a bar, for its clock to go on while nothing is counted.
const TICK: Duration = Duration::from_millis(500);

/// A bar whose steps are not known yet. Added before it is given words: by itself each of them would
/// draw it, on a line that nobody clears.
fn add_bar(bars: &MultiProgress, what: &str) -> ProgressBar {
    let bar = bars.add(ProgressBar::no_length());
    bar.set_style(style(UNCOUNTED));
    bar.set_prefix(table_cell(what));
    if !bar.is_hidden() {
        bar.enable_steady_tick(TICK);
    }
    bar
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

/// Unit of what a bar counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ProgressUnit {
    Steps,
    Bytes,
}

impl ProgressUnit {
    fn of(stage: ProgressStage) -> ProgressUnit {
        match stage {
            ProgressStage::WriteCard | ProgressStage::ReadCard => ProgressUnit::Bytes,
            _ => ProgressUnit::Steps,
        }
    }
}

/// Sets the number of steps or bytes in all, and of those that are done.
fn count(bar: &ProgressBar, unit: ProgressUnit, done: u64, total: u64) {
    let template = match (done, total, unit) {
        (_, 0, _) => UNCOUNTED,
        (_, _, ProgressUnit::Bytes) => BYTES,
        (0, _, ProgressUnit::Steps) => BEGUN,
        (_, _, ProgressUnit::Steps) => COUNTED,
    };
    bar.set_length(total);
    bar.set_position(done);
    bar.set_style(style(template));
}

/// Shows the item that a bar is at.
fn show_progress(bar: &ProgressBar, what: &str) {
    bar.set_message(table_cell(what));
}

/// Shows the events of a use case: bars for stages and targets, sentences for the rest.
pub(super) struct ProgressPrinter {
    quiet: bool,
    /// The command that goes on with a run.
    resume: ResumeCommand,
    bars: MultiProgress,
    stages: Mutex<BTreeMap<ProgressStage, ProgressBar>>,
    targets: Mutex<BTreeMap<String, TargetBar>>,
}

/// The bar of a target, and the last sentence about it, which is not said twice.
struct TargetBar {
    bar: ProgressBar,
    last_note: String,
}

impl ProgressPrinter {
    /// A printer that says warnings alone where `quiet`.
    pub(super) fn new(quiet: bool) -> ProgressPrinter {
        Self::of_study(quiet, ResumeCommand::default())
    }

    /// Likewise; `resume` is the command that goes on with a run.
    pub(super) fn of_study(quiet: bool, resume: ResumeCommand) -> ProgressPrinter {
        let bars = MultiProgress::new();
        if quiet {
            bars.set_draw_target(ProgressDrawTarget::hidden());
        }
        let (stages, targets) = (Mutex::default(), Mutex::default());
        ProgressPrinter { quiet, resume, bars, stages, targets }
    }

    /// Shows one event.
    pub(super) fn show(&self, event: ProgressEvent) {
        match event {
            ProgressEvent::IntegrityFlaw { .. } | ProgressEvent::ReviewDue { .. } => {
                print_warning(event);
            }
            ProgressEvent::StageLength { stage, total } => self.begin(stage, total),
            ProgressEvent::StageItem { stage, item } => {
                self.at(stage, |bar| show_progress(bar, item));
            }
            ProgressEvent::StageDone { stage, done } => {
                let unit = ProgressUnit::of(stage);
                self.at(stage, |bar| count(bar, unit, done as u64, bar.length().unwrap_or(0)));
            }
            ProgressEvent::StageEnd(stage) => {
                if let Some(bar) = locked(&self.stages).remove(&stage) {
                    bar.finish_and_clear();
                }
            }
            ProgressEvent::TargetStart(target) => self.begin_target(target),
            ProgressEvent::TargetNews { target, news } => self.show_news(target, news),
            ProgressEvent::TargetEnd(target) => {
                if let Some(shown) = locked(&self.targets).remove(target) {
                    shown.bar.finish_and_clear();
                }
            }
            ProgressEvent::NoForecasts(error) => note!("no forecasts: {error}"),
            ProgressEvent::NoReport(error) => note!("no report.html: {}", error_chain(error)),
            ProgressEvent::LeftOnBoards { boards, run, grace } => {
                let resume = self.resume.of_run(run);
                note!(
                    "left to go on by itself: {}; `{resume}` picks it up; interrupt again within {} s to stop it",
                    boards.join(", "),
                    grace.as_secs()
                );
            }
            // Whoever interrupted is there to read what came of it.
            ProgressEvent::Cancelled { target, interrupted } if interrupted || !self.quiet => {
                note!("{target}: nothing of this run goes on there");
            }
            _ if self.quiet => {}
            ProgressEvent::RunDirectory(run) => {
                let resume = self.resume.of_run(run);
                note!("run directory {}; after an interruption `{resume}` goes on", run.display());
            }
            event => say_note(event),
        }
    }

    fn begin(&self, stage: ProgressStage, total: usize) {
        let name = match stage {
            ProgressStage::Forecast => "forecast",
            ProgressStage::Compress => "compress",
            ProgressStage::Distill => "distill",
            ProgressStage::Evaluate => "evaluate",
            ProgressStage::Ablate => "ablate",
            ProgressStage::Explain => "explain",
            ProgressStage::Report => "report",
            ProgressStage::Patterns => "patterns",
            ProgressStage::AskBoard => "ask",
            ProgressStage::WriteCard => "write",
            ProgressStage::ReadCard => "read back",
        };
        let mut stages = locked(&self.stages);
        let shown = stages.entry(stage).or_insert_with(|| add_bar(&self.bars, name));
        count(shown, ProgressUnit::of(stage), shown.position(), total as u64);
    }

    fn at(&self, stage: ProgressStage, show: impl FnOnce(&ProgressBar)) {
        if let Some(bar) = locked(&self.stages).get(&stage) {
            show(bar);
        }
    }

    fn begin_target(&self, target: &str) {
        let bar = add_bar(&self.bars, "measure");
        show_progress(&bar, &format!("blocks on {target}"));
        let shown = TargetBar { bar, last_note: String::new() };
        locked(&self.targets).insert(target.to_string(), shown);
    }

    /// Shows news at a target's bar; sentences also where there is no terminal, each once.
    fn show_news(&self, target: &str, news: &TargetEvent) {
        let mut targets = locked(&self.targets);
        let Some(TargetBar { bar, last_note }) = targets.get_mut(target) else {
            if let (TargetEvent::Note(note), false) = (news, self.quiet) {
                note!("{target}: {note}");
            }
            return;
        };
        match news {
            TargetEvent::Uploading(done, total) => {
                bar.set_prefix("upload");
                count(bar, ProgressUnit::Bytes, *done, *total);
                show_progress(bar, &format!("to {target}"));
            }
            TargetEvent::Measured(progress) => {
                bar.set_prefix("measure");
                count(bar, ProgressUnit::Steps, progress.done as u64, progress.total as u64);
                show_progress(bar, &format!("blocks on {target}"));
            }
            TargetEvent::Note(note) if note != last_note => {
                last_note.clone_from(note);
                match (self.quiet, bar.is_hidden()) {
                    (true, _) => {}
                    (false, true) => note!("{target}: {note}"),
                    (false, false) => bar.println(terminal_lines(&format!("{target}: {note}"))),
                }
            }
            TargetEvent::Note(_) => {}
        }
    }
}

/// Says what is worth a sentence, but no warning.
fn say_note(event: ProgressEvent) {
    match event {
        ProgressEvent::Note(note) => note!("{note}"),
        ProgressEvent::ProgramStart { program, target, files } => {
            let files = counted(files as u64, "file");
            note!("running {} on `{target}` with {files}", program.display());
        }
        ProgressEvent::Unlabelled { data } => {
            let data = data.display();
            note!("{data} has no labels: variants are only compared with the baseline");
        }
        ProgressEvent::NoLayers { variant, target, reason } => {
            note!("no layers of variant `{variant}` on {target}: {reason}");
        }
        _ => {}
    }
}

/// The value, also where a thread panicked that had it: bars are shown, and hold no data.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
