//! Requirements against the data: classes and slices that the report split has.

use super::{Study, StudyError, StudyRequirement};
use crate::evaluate::DataSplits;
use paring_core::schema::{RequiredClass, RequiredSlice, TaskKind};
use paring_core::toml_input::nearest_name;
use paring_data::Dataset;
use std::collections::BTreeSet;

/// Refuses the first requirement about something that no report sample has.
///
/// # Errors
/// [`StudyError::Toml`] names the requirement's line, and what there is.
pub(super) fn check_requirements(
    study: &Study,
    data: &Dataset,
    splits: &DataSplits,
) -> Result<(), StudyError> {
    for StudyRequirement { requirement, line } in &study.requirements {
        let refused = |(message, hint): (String, Option<String>)| StudyError::Toml {
            path: study.path.clone(),
            line: *line,
            message,
            hint,
        };
        if let Some(metric) = requirement.metric.metric()
            && !data.labelled
            && !metric.needs_baseline()
        {
            let metric = requirement.metric;
            let message = format!("`{metric}` needs labels, and the data have none");
            return Err(refused((message, None)));
        }
        if let Some(class) = requirement.class {
            check_class(class, study.task.labelled_task.kind, data, splits).map_err(refused)?;
        }
        if let Some(slice) = &requirement.slice {
            check_slice(slice, data, splits).map_err(refused)?;
        }
    }
    Ok(())
}

type Problem = (String, Option<String>);

/// Refuses a class without report samples. Classes that are no labels of samples are not known here.
fn check_class(
    class: RequiredClass,
    kind: TaskKind,
    data: &Dataset,
    splits: &DataSplits,
) -> Result<(), Problem> {
    let RequiredClass::One(class) = class else { return Ok(()) };
    if kind != TaskKind::Classification {
        return Ok(());
    }
    let labels = splits.report.iter().filter_map(|sample| data.labels.get(*sample));
    let known: BTreeSet<i64> = labels.copied().collect();
    match known.contains(&class) {
        true => Ok(()),
        false => {
            let all = known.iter().map(i64::to_string).collect::<Vec<_>>().join(", ");
            let hint = format!("classes there are {all}");
            Err((format!("no report sample is of class {class}"), Some(hint)))
        }
    }
}

fn check_slice(slice: &RequiredSlice, data: &Dataset, splits: &DataSplits) -> Result<(), Problem> {
    let (Some(value), Some(column)) = (&slice.value, data.columns.get(&slice.column)) else {
        return Ok(());
    };
    let known: BTreeSet<&str> =
        splits.report.iter().filter_map(|sample| column.get(*sample)).map(String::as_str).collect();
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
    let message = format!("no report sample has {} = `{value}`", slice.column);
    Err((message, Some(hint)))
}
