//! Comparison of runs, row by row.

use crate::report::{
    self, CompareError, ComparedFigure, ComparedSource, ComparisonRules, ReportError,
    RunComparison, RunTrends,
};
use crate::study;
use crate::workflow::{Progress, ProgressEvent, WorkflowError};
use paring_core::files::replace_file;
use std::path::PathBuf;

/// Runs and tables to compare.
#[derive(Clone, Debug)]
pub struct CompareOptions {
    /// Run directories, results.csv files, or tables of other engines' tools; the first is the one that
    /// the others are compared with.
    pub sources: Vec<PathBuf>,
    /// Differences that rows are compared in spite of.
    pub rules: ComparisonRules,
    /// File for a page with every variant from run to run; none is written without it.
    pub page: Option<PathBuf>,
}

/// Changes that are refused.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FailureRules {
    /// A variant became slower.
    pub latency: bool,
    /// One of these became worse.
    pub figures: Vec<ComparedFigure>,
    /// The speeds of a row could not be compared.
    pub incomparable: bool,
    /// One of these could not be judged.
    pub unjudged: Vec<ComparedFigure>,
}

/// Compares rows of the same variant, target and setting, and writes the page that is asked for.
///
/// # Errors
/// [`WorkflowError::Compare`] where a source cannot be read, or there is only one,
/// [`WorkflowError::WriteFile`] where the page cannot be written.
pub fn compare(
    options: &CompareOptions,
    progress: &Progress,
) -> Result<RunComparison, WorkflowError> {
    if options.sources.len() < 2 {
        return Err(CompareError::Alone.into());
    }
    for run in options.sources.iter().filter(|path| path.is_dir()) {
        if let Some(flaw) = study::first_violation(run) {
            progress(ProgressEvent::IntegrityFlaw { run, flaw: &flaw });
        }
    }
    let sources = options.sources.iter().map(|path| {
        let source = ComparedSource::open(path)?;
        let answers = path.is_dir().then(|| study::kept_answers(path)).flatten();
        Ok::<_, CompareError>(source.with_answers(answers))
    });
    let sources = sources.collect::<Result<Vec<_>, _>>()?;
    let Some(page) = &options.page else {
        return Ok(report::compare(sources, &options.rules));
    };
    let trends = RunTrends::new(sources, &options.rules);
    let html = report::trend_page_html(&trends).map_err(ReportError::from)?;
    let failed = |source| WorkflowError::WriteFile { path: page.clone(), source };
    replace_file(page, html.as_bytes()).map_err(failed)?;
    Ok(trends.comparison)
}

/// Refuses a comparison with changes that the rules name.
///
/// # Errors
/// [`WorkflowError::Regressions`], [`WorkflowError::Incomparable`].
pub fn refuse_changes(
    comparison: &RunComparison,
    rules: &FailureRules,
) -> Result<(), WorkflowError> {
    let mut worse = match rules.latency {
        true => comparison.regressions(),
        false => vec![],
    };
    worse.extend(rules.figures.iter().flat_map(|figure| report::worsened(comparison, *figure)));
    if !worse.is_empty() {
        return Err(WorkflowError::Regressions(worse.join("; ")));
    }
    let mut incomparable = match rules.incomparable {
        true => comparison.incomparable(),
        false => vec![],
    };
    incomparable
        .extend(rules.unjudged.iter().flat_map(|figure| report::unjudged(comparison, *figure)));
    match incomparable.is_empty() {
        true => Ok(()),
        false => Err(WorkflowError::Incomparable(incomparable.join("; "))),
    }
}
