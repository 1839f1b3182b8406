//! Models of a bench: ONNX files, and the variants of run directories.

use super::BenchOptions;
use crate::pipeline::{self, ExternalModel, Folders};
use crate::study;
use crate::workflow::{Progress, ProgressEvent, WorkflowError};
use paring_agent::engine::{self, TRANSFORMS};
use paring_core::schema::{EngineOptions, VariantRecord};
use std::collections::BTreeSet;
use std::path::Path;

/// The models that are named, in order, under names unlike each other; each ONNX file once more with
/// each engine option, and without each instruction-set tier that is named.
///
/// # Errors
/// Where a path leads nowhere, or to a folder without variants, and of a tier that nobody knows.
pub(super) fn models(
    options: &BenchOptions,
    progress: &Progress,
) -> Result<Vec<ExternalModel>, WorkflowError> {
    let BenchOptions { models: paths, engine, without_isa, .. } = options;
    let known = engine::tiers();
    if let Some(unknown) = without_isa.iter().find(|tier| !known.contains(&tier.as_str())) {
        let known = known.join(", ");
        let problem = format!("no instruction-set tier `{unknown}`; known are {known}");
        return Err(WorkflowError::Option(problem));
    }
    if let Some(unknown) = engine.iter().find(|option| !TRANSFORMS.contains(&option.as_str())) {
        let known = TRANSFORMS.map(|option| format!("`{option}`")).join(", ");
        let problem = format!("--engine: unknown engine option `{unknown}`; known are {known}");
        return Err(WorkflowError::Option(problem));
    }
    let mut found: Vec<ExternalModel> = Vec::new();
    let mut used_names = BTreeSet::new();
    for path in paths {
        let several = paths.iter().filter(|p| p.is_dir()).count() > 1;
        let new = match path.is_dir() {
            true => variants(path, several, progress)?,
            false => files(path, engine, without_isa)?,
        };
        for mut given in new {
            given.name = unique_name(&given.name, &mut used_names);
            found.push(given);
        }
    }
    Ok(found)
}

fn files(
    path: &Path,
    engine: &[String],
    without_isa: &[String],
) -> Result<Vec<ExternalModel>, WorkflowError> {
    if !path.is_file() {
        let problem = format!("no model or run directory at {}", path.display());
        return Err(WorkflowError::Option(problem));
    }
    let name = path.file_stem().unwrap_or_default().to_string_lossy().to_string();
    let with = |name: String, options| ExternalModel {
        name,
        path: path.to_path_buf(),
        options,
        lineage: None,
    };
    let transformed = engine.iter().map(|transform| {
        let transforms = vec![transform.clone()];
        let options = EngineOptions { transforms, ..EngineOptions::default() };
        with(format!("{name}-{transform}"), options)
    });
    let weakened = without_isa.iter().map(|tier| {
        let options = EngineOptions { without_isa: vec![tier.clone()], ..EngineOptions::default() };
        with(format!("{name}-without-{tier}"), options)
    });
    let plain = with(name.clone(), EngineOptions::default());
    Ok(std::iter::once(plain).chain(transformed).chain(weakened).collect())
}

/// All variants of a run, the baseline first, then as their files are called.
fn variants(
    run: &Path,
    several: bool,
    progress: &Progress,
) -> Result<Vec<ExternalModel>, WorkflowError> {
    if let Some(flaw) = study::first_violation(run) {
        progress(ProgressEvent::IntegrityFlaw { run, flaw: &flaw });
    }
    let folders = Folders::new(run);
    let names = pipeline::variant_names(&folders)?.into_iter();
    let records = names.map(|name| pipeline::variant_record(&folders, &name));
    let mut records = records.collect::<Result<Vec<VariantRecord>, _>>()?;
    if records.is_empty() {
        let problem = format!("{} is no run directory: no variants in it", run.display());
        return Err(WorkflowError::Option(problem));
    }
    records.sort_by_key(|record| record.parent.is_some());
    let prefix = run.file_name().unwrap_or_default().to_string_lossy();
    let given = records.into_iter().map(|record| ExternalModel {
        name: if several { format!("{prefix}-{}", record.name) } else { record.name.clone() },
        path: folders.variants().join(&record.file).to_path_buf(),
        options: record.options.clone(),
        lineage: Some(Box::new(record)),
    });
    Ok(given.collect())
}

/// The name itself, or with the first number behind it that makes it new.
fn unique_name(name: &str, used_names: &mut BTreeSet<String>) -> String {
    let numbered = (2..).map(|n| format!("{name}-{n}"));
    let all = std::iter::once(name.to_string()).chain(numbered);
    let free =
        all.into_iter().find(|n| !used_names.contains(n)).unwrap_or_else(|| name.to_string());
    used_names.insert(free.clone());
    free
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unlike_each_other() {
        let mut used = BTreeSet::new();
        let names = ["a", "a", "a-2", "b", "a"].map(|name| unique_name(name, &mut used));
        assert_eq!(names, ["a", "a-2", "a-2-2", "b", "a-3"]);
    }
}
