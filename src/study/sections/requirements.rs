//! `[[protocol.require]]`: bounds that every variant has to keep, and `require_words`: words that a study
//! has to have.

use crate::evaluate::{EvaluationTask, RobustnessTest};
use crate::study::StudyError;
use crate::study::key_schemas::{class_schema, known_words};
use paring_core::schema::{
    InputDisturbance, Metric, RequiredBound, RequiredClass, RequiredFigure, RequiredSlice,
    Requirement,
};
use paring_core::toml_input::nearest_name;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;
use toml::Spanned;

/// A requirement as typed.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::study) struct RequirementSection {
    /// The figure: a metric, one of its losses (`accuracy_drop`), `latency_p50_ms`, `file_bytes_ratio`, ….
    #[schemars(with = "String")]
    metric: Spanned<String>,
    /// The figure is this at least.
    #[serde(default)]
    #[schemars(with = "Option<f64>")]
    min: Option<Spanned<f64>>,
    /// The figure is this at most.
    #[serde(default)]
    #[schemars(with = "Option<f64>")]
    max: Option<Spanned<f64>>,
    /// A class, or `"every"`.
    #[serde(default)]
    #[schemars(schema_with = "class_schema")]
    class: Option<Spanned<RequiredClass>>,
    /// `"COLUMN = VALUE"`, or `"COLUMN"` for each of its slices.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    slice: Option<Spanned<String>>,
    /// Of `robust_…`: one that `[robustness]` tries.
    #[serde(default)]
    #[schemars(schema_with = "known_words::<InputDisturbance>")]
    disturbance: Option<Spanned<InputDisturbance>>,
    /// Of `robust_…`: strength of the disturbance.
    #[serde(default)]
    #[schemars(with = "Option<f64>")]
    strength: Option<Spanned<f64>>,
    /// Only on this target.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    target: Option<Spanned<String>>,
    /// Only in this batch.
    #[serde(default)]
    #[schemars(with = "Option<usize>", range(min = 1))]
    batch: Option<Spanned<usize>>,
    /// Only with so many threads.
    #[serde(default)]
    #[schemars(with = "Option<usize>", range(min = 1))]
    threads: Option<Spanned<usize>>,
    /// Only with so many streams.
    #[serde(default)]
    #[schemars(with = "Option<usize>", range(min = 1))]
    streams: Option<Spanned<usize>>,
}

/// A checked requirement.
#[derive(Clone, Debug, PartialEq)]
pub struct StudyRequirement {
    /// The requirement.
    pub requirement: Requirement,
    /// Its line in the study, counting from 1.
    pub line: usize,
}

/// Parts of a study that its requirements name.
pub(in crate::study) struct RequirementContext<'a> {
    pub(in crate::study) task: &'a EvaluationTask,
    pub(in crate::study) slices: &'a [String],
    pub(in crate::study) robustness: Option<&'a RobustnessTest>,
    /// Names of targets; `None` where labels or places stand for names that are not known now.
    pub(in crate::study) targets: Option<Vec<&'a str>>,
}

/// An error in a requirement: its place in the study's text, and what is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
struct RequirementError {
    offset: usize,
    problem: String,
    hint: Option<String>,
}

impl RequirementError {
    fn new<T>(place: &Spanned<T>, problem: impl Into<String>) -> RequirementError {
        RequirementError { offset: place.span().start, problem: problem.into(), hint: None }
    }

    /// An unknown name of something that a study lists.
    fn unknown(place: &Spanned<String>, what: &str, found: &str, known: &[&str]) -> Self {
        let hint = match nearest_name(found, known.iter().copied()) {
            Some(name) => format!("did you mean `{name}`?"),
            None if known.is_empty() => "the study has none".to_string(),
            None => format!("known here are `{}`", known.join("`, `")),
        };
        RequirementError {
            hint: Some(hint),
            ..Self::new(place, format!("unknown {what} `{found}`"))
        }
    }
}

/// Checks the requirements of the study in the file at `path`, whose content is `text`.
///
/// # Errors
/// [`StudyError::Toml`] names the line and the nearest known name.
pub(in crate::study) fn requirements(
    sections: &[RequirementSection],
    context: &RequirementContext,
    path: &Path,
    text: &str,
) -> Result<Vec<StudyRequirement>, StudyError> {
    let each = sections.iter().map(|section| {
        let requirement = section
            .requirement(context)
            .map_err(|error| StudyError::at(path, text, error.offset, error.problem, error.hint))?;
        let line = StudyError::line(text, section.metric.span().start);
        Ok(StudyRequirement { requirement, line })
    });
    each.collect()
}

impl RequirementSection {
    fn requirement(&self, context: &RequirementContext) -> Result<Requirement, RequirementError> {
        let typed = self.metric.get_ref();
        let metric: RequiredFigure = typed.parse().map_err(|error| {
            let paring_core::schema::UnknownFigure { found, hint } = error;
            let problem = format!("unknown metric `{found}`");
            RequirementError { hint: Some(hint), ..RequirementError::new(&self.metric, problem) }
        })?;
        let bound = self.bound(metric)?;
        self.check_metric(metric, context)?;
        self.check_part(metric, context)?;
        self.check_disturbance(metric, context)?;
        self.check_place(metric, context)?;
        let value = |given: &Option<Spanned<usize>>| given.as_ref().map(|given| *given.get_ref());
        Ok(Requirement {
            class: self.class.as_ref().map(|class| *class.get_ref()),
            slice: self.slice(),
            disturbance: self.disturbance.as_ref().map(|how| *how.get_ref()),
            strength: self.strength.as_ref().map(|strength| *strength.get_ref()),
            target: self.target.as_ref().map(|target| target.get_ref().clone()),
            batch: value(&self.batch),
            threads: value(&self.threads),
            streams: value(&self.streams),
            ..Requirement::new(metric, bound)
        })
    }

    fn slice(&self) -> Option<RequiredSlice> {
        self.slice.as_ref().map(|slice| RequiredSlice::from(slice.get_ref().clone()))
    }

    /// The one bound, a number that the figure can have.
    fn bound(&self, metric: RequiredFigure) -> Result<RequiredBound, RequirementError> {
        let (place, bound) = match (&self.min, &self.max) {
            (Some(min), None) => (min, RequiredBound::AtLeast(*min.get_ref())),
            (None, Some(max)) => (max, RequiredBound::AtMost(*max.get_ref())),
            (Some(_), Some(max)) => {
                let problem = "a requirement has `min` or `max`; write two requirements for both";
                return Err(RequirementError::new(max, problem));
            }
            (None, None) => {
                let problem = format!("the requirement on `{metric}` has neither `min` nor `max`");
                return Err(RequirementError::new(&self.metric, problem));
            }
        };
        let value = bound.value();
        if !value.is_finite() {
            return Err(RequirementError::new(
                place,
                format!("the bound of `{metric}` is {value}"),
            ));
        }
        if metric.metric().is_some_and(Metric::is_share) && value.abs() > 1.0 {
            let problem = format!(
                "the bound of `{metric}` is {value}, but it is a share from {} to 1; write {} for {value} %",
                if metric.is_loss() { -1 } else { 0 },
                value / 100.0
            );
            return Err(RequirementError::new(place, problem));
        }
        Ok(bound)
    }

    /// Refuses a metric that the study does not evaluate.
    fn check_metric(
        &self,
        figure: RequiredFigure,
        context: &RequirementContext,
    ) -> Result<(), RequirementError> {
        let Some(metric) = figure.metric() else { return Ok(()) };
        let evaluated = context.task.metrics();
        if evaluated.contains(&metric) || self.class.is_some() {
            return Ok(());
        }
        let kind = context.task.kind;
        let problem = match EvaluationTask::knows(kind, metric) {
            true => format!("`{metric}` is not evaluated; name it in `metrics` under [task]"),
            false => {
                let known = evaluated.iter().map(ToString::to_string).collect::<Vec<_>>();
                let known = known.join("`, `");
                format!("metric `{metric}` says nothing about {kind}; evaluated are `{known}`")
            }
        };
        Err(RequirementError::new(&self.metric, problem))
    }

    /// Refuses a class or slice of a figure that is not known for it, and an unknown column.
    fn check_part(
        &self,
        figure: RequiredFigure,
        context: &RequirementContext,
    ) -> Result<(), RequirementError> {
        use Metric::{Accuracy, FalseNegativeRate, Precision, Recall, Sensitivity, Specificity};
        let quality = !figure.is_robust();
        if let Some(class) = &self.class {
            let of_class = [Recall, Sensitivity, Specificity, Precision, FalseNegativeRate];
            let known = figure.metric().is_some_and(|metric| of_class.contains(&metric));
            if self.slice.is_some() || !(known && quality) {
                let of_class = of_class.map(|metric| metric.to_string()).join("`, `");
                let problem = format!(
                    "`class` goes with `{of_class}` or a loss of them, and without `slice`; not with `{figure}`"
                );
                return Err(RequirementError::new(class, problem));
            }
        }
        let (Some(place), Some(slice)) = (&self.slice, self.slice()) else { return Ok(()) };
        let primary = context.task.primary;
        let spread = figure == RequiredFigure::SliceSpread && slice.value.is_none();
        let by_slice = figure.metric().is_some_and(|metric| [Accuracy, primary].contains(&metric));
        if !(spread || by_slice && quality) {
            let problem = format!(
                "`slice` goes with accuracy and the primary metric (`{primary}`) or a loss of them, and as a column alone with `slice_spread`; not with `{figure}`"
            );
            return Err(RequirementError::new(place, problem));
        }
        let known: Vec<&str> = context.slices.iter().map(String::as_str).collect();
        match known.contains(&slice.column.as_str()) {
            true => Ok(()),
            false => Err(RequirementError::unknown(place, "slice", &slice.column, &known)),
        }
    }

    /// Refuses a disturbance that the study does not try.
    fn check_disturbance(
        &self,
        figure: RequiredFigure,
        context: &RequirementContext,
    ) -> Result<(), RequirementError> {
        if !figure.is_robust() {
            let problem =
                format!("`disturbance` and `strength` go with `robust_…`, not `{figure}`");
            let place = self.disturbance.as_ref().map(|how| how.span().start);
            let place = place.or(self.strength.as_ref().map(|strength| strength.span().start));
            return match place {
                Some(offset) => Err(RequirementError { offset, problem, hint: None }),
                None => Ok(()),
            };
        }
        let Some(test) = context.robustness else {
            let problem = format!("`{figure}` needs a [robustness] section");
            return Err(RequirementError::new(&self.metric, problem));
        };
        let tried = test.strengths();
        let Some(how) = &self.disturbance else { return Ok(()) };
        let own = tried.iter().filter(|(kind, _)| kind == how.get_ref());
        let own: Vec<f64> = own.map(|(_, strength)| *strength).collect();
        if own.is_empty() {
            let names: std::collections::BTreeSet<&str> =
                tried.iter().map(|(kind, _)| kind.name()).collect();
            let names = names.into_iter().collect::<Vec<_>>().join("`, `");
            let problem =
                format!("[robustness] does not try `{}`; it tries `{names}`", how.get_ref());
            return Err(RequirementError::new(how, problem));
        }
        match &self.strength {
            Some(strength) if !own.contains(strength.get_ref()) => {
                let all = own.iter().map(f64::to_string).collect::<Vec<_>>().join(", ");
                let how = how.get_ref();
                let problem = format!("[robustness] tries `{how}` at {all}");
                Err(RequirementError::new(strength, problem))
            }
            _ => Ok(()),
        }
    }

    /// Refuses a target or setting of a figure that has none, and an unknown target.
    fn check_place(
        &self,
        figure: RequiredFigure,
        context: &RequirementContext,
    ) -> Result<(), RequirementError> {
        let settings = [("batch", &self.batch), ("threads", &self.threads)];
        let settings = settings.into_iter().chain([("streams", &self.streams)]);
        let mut settings =
            settings.filter_map(|(key, given)| Some((key, given.as_ref()?.span().start)));
        let target = self.target.as_ref().map(|target| ("target", target.span().start));
        let given = target.or_else(|| settings.next());
        if let Some((key, offset)) = given.filter(|_| !figure.is_measured()) {
            let problem = format!(
                "`{key}` goes with what targets measure; `{figure}` has one value for all of them"
            );
            return Err(RequirementError { offset, problem, hint: None });
        }
        let (Some(target), Some(known)) = (&self.target, &context.targets) else { return Ok(()) };
        match known.contains(&target.get_ref().as_str()) {
            true => Ok(()),
            false => Err(RequirementError::unknown(target, "target", target.get_ref(), known)),
        }
    }
}

/// Keys of `[study]` that `require_words` can name.
const WORDS: [&str; 5] = ["purpose", "risk", "ethics", "review_by", "notes"];

/// Refuses a study without the words that its protocol requires.
///
/// # Errors
/// [`StudyError::Toml`] names the line of `require_words`, and the key that is missing or unknown.
pub(in crate::study) fn check_words(
    required: &[Spanned<String>],
    words: &BTreeMap<String, String>,
    path: &Path,
    text: &str,
) -> Result<(), StudyError> {
    for word in required {
        let key = word.get_ref().as_str();
        let error = match WORDS.contains(&key) {
            false => RequirementError::unknown(word, "key of [study]", key, &WORDS),
            true if words.get(key).is_some_and(|text| !text.trim().is_empty()) => continue,
            true => {
                let problem = format!(
                    "`require_words` names `{key}`, which [study] lacks; write it there in your own words"
                );
                RequirementError::new(word, problem)
            }
        };
        return Err(StudyError::at(path, text, error.offset, error.problem, error.hint));
    }
    Ok(())
}
