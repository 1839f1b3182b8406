//! Progress on standard error, for people: bars where it is a terminal, sentences everywhere.

use super::warnings::print_warning;
use crate::workflow::{ProgressEvent, ProgressStage, error_chain};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use paring_boards::TargetEvent;
use paring_core::text::{table_cell, terminal_lines};
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A bar of `total` steps; silent with `quiet` or where standard error is no terminal.
fn bar(what: &str, total: usize, quiet: bool) -> ProgressBar {
    let target = match quiet {
        true => ProgressDrawTarget::hidden(),
        false => ProgressDrawTarget::stderr(),
    };
    let bar = ProgressBar::with_draw_target(Some(total as u64), target);
    let style = "{prefix:>9} {wide_bar:.cyan/dim} {pos}/{len} {msg} {elapsed} (left {eta})";
    bar.set_style(
        ProgressStyle::with_template(style).unwrap_or_else(|_| ProgressStyle::default_bar()),
    );
    bar.set_prefix(table_cell(what));
    bar
}

/// Shows the item that a bar is at.
fn show_progress(bar: &ProgressBar, what: &str) {
    bar.set_message(table_cell(what));
}

/// Shows the events of a use case: bars for stages and targets, sentences for the rest.
pub(super) struct ProgressPrinter {
    quiet: bool,
    /// The command that goes on with a run, without its directory.
    resume: String,
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
        Self::of_study(quiet, String::new())
    }

    /// Likewise; `resume` is the command that goes on with a run, without its directory.
    pub(super) fn of_study(quiet: bool, resume: String) -> ProgressPrinter {
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
            ProgressEvent::IntegrityFlaw { .. } => print_warning(event),
            ProgressEvent::StageLength { stage, total } => self.begin(stage, total),
            ProgressEvent::StageItem { stage, item } => {
                self.at(stage, |bar| show_progress(bar, item));
            }
            ProgressEvent::StageDone { stage, done } => {
                self.at(stage, |bar| bar.set_position(done as u64));
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
                let (resume, run) = (&self.resume, run.display());
                note!(
                    "left to go on by itself: {}; `{resume} --out {run}` picks it up; interrupt again within {} s to stop it",
                    boards.join(", "),
                    grace.as_secs()
                );
            }
            // Whoever interrupted is there to read what came of it.
            ProgressEvent::Cancelled { target, interrupted } if interrupted || !self.quiet => {
                note!("{target}: nothing of this run goes on there");
            }
            _ if self.quiet => {}
            event => say_note(event),
        }
    }

    fn begin(&self, stage: ProgressStage, total: usize) {
        let name = match stage {
            ProgressStage::Compress => "compress",
            ProgressStage::Evaluate => "evaluate",
            ProgressStage::Explain => "explain",
            ProgressStage::Patterns => "patterns",
            ProgressStage::AskBoard => "ask",
            ProgressStage::WriteCard => "write",
            ProgressStage::ReadCard => "read back",
        };
        let mut stages = locked(&self.stages);
        let shown = stages.entry(stage).or_insert_with(|| bar(name, total, self.quiet));
        shown.set_length(total as u64);
    }

    fn at(&self, stage: ProgressStage, show: impl FnOnce(&ProgressBar)) {
        if let Some(bar) = locked(&self.stages).get(&stage) {
            show(bar);
        }
    }

    fn begin_target(&self, target: &str) {
        let bar = self.bars.add(bar("measure", 0, self.quiet));
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
                bar.set_length(total.div_ceil(1024));
                bar.set_position(done.div_ceil(1024));
                show_progress(bar, &format!("KiB to {target}"));
            }
            TargetEvent::Measured(progress) => {
                bar.set_length(progress.total as u64);
                bar.set_position(progress.done as u64);
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
            note!("running {} on `{target}` with {files} files", program.display());
        }
        ProgressEvent::RunDirectory(run) => {
            let out = run.display();
            note!("run directory {out}; `--out {out}` goes on with it");
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
