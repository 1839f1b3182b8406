//! Requirements against the data: classes and slices that the report split and regimes have.

use super::{Study, StudyError, StudyRequirement};
use crate::evaluate::DataSplits;
use paring_core::schema::{RequiredClass, RequiredSlice, TaskKind};
use paring_core::toml_input::nearest_name;
use paring_data::Dataset;
use std::collections::BTreeSet;

/// Samples that a requirement is about.
pub(super) struct RequiredSamples<'a> {
    pub(super) data: &'a Dataset,
    pub(super) samples: &'a [usize],
    /// Noun for one of them.
    pub(super) noun: String,
}

/// Refuses the first requirement about something that no report sample has.
///
/// # Errors
/// [`StudyError::Toml`] names the requirement's line, and what there is.
pub(super) fn check_requirements(
    study: &Study,
    data: &Dataset,
    splits: &DataSplits,
) -> Result<(), StudyError> {
    let noun = "report sample".to_string();
    let about = RequiredSamples { data, samples: &splits.report, noun };
    let mut own = study.requirements.iter().filter(|own| own.requirement.regime.is_none());
    own.try_for_each(|own| check_requirement(study, own, &about))
}

/// Refuses a requirement about something that none of the samples has.
///
/// # Errors
/// As for [`check_requirements`].
pub(super) fn check_requirement(
    study: &Study,
    StudyRequirement { requirement, line }: &StudyRequirement,
    about: &RequiredSamples,
) -> Result<(), StudyError> {
    let refused = |(message, hint): (String, Option<String>)| StudyError::Toml {
        path: study.path.clone(),
        line: *line,
        message,
        hint,
    };
    if let Some(metric) = requirement.metric.metric()
        && !about.data.labelled
        && !metric.needs_baseline()
    {
        let metric = requirement.metric;
        let message = match &requirement.regime {
            Some(regime) => format!("`{metric}` needs labels, and regime `{regime}` has none"),
            None => format!("`{metric}` needs labels, and the data have none"),
        };
        return Err(refused((message, None)));
    }
    if let Some(class) = requirement.class {
        check_class(class, study.task.labelled_task.kind, about).map_err(refused)?;
    }
    match &requirement.slice {
        Some(slice) => check_slice(slice, about).map_err(refused),
        None => Ok(()),
    }
}

type Problem = (String, Option<String>);

/// Refuses a class without samples. Classes that are no labels of samples are not known here.
fn check_class(
    class: RequiredClass,
    kind: TaskKind,
    RequiredSamples { data, samples, noun }: &RequiredSamples,
) -> Result<(), Problem> {
    let RequiredClass::One(class) = class else { return Ok(()) };
    if kind != TaskKind::Classification {
        return Ok(());
    }
    let labels = samples.iter().filter_map(|sample| data.labels.get(*sample));
    let known: BTreeSet<i64> = labels.copied().collect();
    match known.contains(&class) {
        true => Ok(()),
        false => {
            let all = known.iter().map(i64::to_string).collect::<Vec<_>>().join(", ");
            let hint = format!("classes there are {all}");
            Err((format!("no {noun} is of class {class}"), Some(hint)))
        }
    }
}

fn check_slice(
    slice: &RequiredSlice,
    RequiredSamples { data, samples, noun }: &RequiredSamples,
) -> Result<(), Problem> {
    let (Some(value), Some(column)) = (&slice.value, data.columns.get(&slice.column)) else {
        return Ok(());
    };
    let known: BTreeSet<&str> =
        samples.iter().filter_map(|sample| column.get(*sample)).map(String::as_str).collect();
    if known.contains(value.as_str()) {
        return Ok(());
    }
    let hint = match nearest_name(value, known.iter().copied()) {
        Some(name) => format!("did you mean `{} = {name}`?", slice.column),
        None => {
            let all = known.into_iter().take(20).collect::<Vec<_>>().join("`, `");
            format!("values there are `{all}`")
        }
    };
    let message = format!("no {noun} has {} = `{value}`", slice.column);
    Err((message, Some(hint)))
}
