//! A study to start from, filled in from the model's file.

use super::init_choices::{data_lines, labels_of, quoted, task_lines};
use crate::study::study_schema;
use crate::workflow::WorkflowError;
use paring_agent::arrays::Dim;
use paring_agent::engine::{self, ModelSignature, ModelSource};
use paring_onnx::graph::Graph;
use std::io::Write;
use std::path::{Path, PathBuf};

/// The study with places for what differs between models.
const TEMPLATE: &str = include_str!("study_template.toml");
/// The schema that the study names for editors, beside it.
const SCHEMA: &str = ".paring/study.schema.json";

/// Model and data of a new study, and its file.
#[derive(Clone, Debug)]
pub struct InitOptions {
    /// The ONNX file.
    pub model: PathBuf,
    /// The data, where they are there already.
    pub data: Option<PathBuf>,
    /// The study's file, which must be new; paths in it are relative to its folder.
    pub out: PathBuf,
    /// Accountable person or team.
    pub owner: String,
}

/// Writes the study.
///
/// # Errors
/// [`WorkflowError`] where the model cannot be read, or the file exists or cannot be written.
pub fn init(options: &InitOptions) -> Result<(), WorkflowError> {
    let text = study_text(options)?;
    if let Some(missing) = options.data.as_ref().filter(|path| !path.exists()) {
        return Err(WorkflowError::Option(format!("{} does not exist", missing.display())));
    }
    let out = &options.out;
    if out.exists() {
        let problem = format!("{} exists already; name another file as --out", out.display());
        return Err(WorkflowError::Option(problem));
    }
    write_schema(&out.parent().unwrap_or(Path::new("")).join(SCHEMA))?;
    let failed = |source| WorkflowError::WriteFile { path: out.clone(), source };
    let mut file = std::fs::File::create_new(out).map_err(failed)?;
    file.write_all(text.as_bytes()).map_err(failed)
}

/// Writes the schema by which editors complete and check the study.
fn write_schema(path: &Path) -> Result<(), WorkflowError> {
    let text = format!("{:#}\n", study_schema());
    std::fs::create_dir_all(path.parent().unwrap_or(Path::new("")))
        .and_then(|()| paring_core::files::replace_file(path, text.as_bytes()))
        .map_err(|source| WorkflowError::WriteFile { path: path.to_path_buf(), source })
}

/// The template with the model's names, inputs and outputs.
fn study_text(options: &InitOptions) -> Result<String, WorkflowError> {
    let InitOptions { model, data, owner, .. } = options;
    let signature = engine::describe(ModelSource::File(model))?;
    let name = model.file_stem().unwrap_or_default().to_string_lossy();
    let data = data.clone().unwrap_or_else(|| "data.npz".into());
    let labels = labels_of(&data, &signature);
    let task = task_lines(model, &Graph::load(model)?, &signature, labels.as_ref());
    Ok(TEMPLATE
        .replace("@SCHEMA", SCHEMA)
        .replace("@NAME", &quoted(&name))
        .replace("@OWNER", &quoted(owner))
        .replace("@MODEL", &quoted(&options.relative(model)))
        .replace("@DATA", &quoted(&options.relative(&data)))
        .replace("@NEEDS", &input_comments(&signature))
        .replace("@DIMS", &dims(&signature))
        .replace("@BATCH", &signature.fixed_batch().unwrap_or(1).to_string())
        .replace("@TASK", &task)
        .replace("@RULES", &data_lines(&data, &signature, labels.as_ref())))
}

/// A comment line for each input.
fn input_comments(signature: &ModelSignature) -> String {
    let lines = signature.inputs.iter().map(|need| {
        let shared = match need.batch_axis {
            Some(0) => "",
            _ => ", one for all samples or one a sample",
        };
        format!("#   `{}` {} {}{shared}", need.name, need.dtype, need.shape())
    });
    lines.collect::<Vec<_>>().join("\n")
}

impl InitOptions {
    /// A path as the study has to name it: as typed where the study lies in the current folder,
    /// from the study's folder where it lies below that, absolute elsewhere.
    fn relative(&self, path: &Path) -> String {
        let folder = self.out.parent().filter(|folder| !folder.as_os_str().is_empty());
        let Some(folder) = folder else { return path.display().to_string() };
        let whole = |path: &Path| path.canonicalize().or_else(|_| std::path::absolute(path));
        let Ok(path) = whole(path) else { return path.display().to_string() };
        let below =
            whole(folder).ok().and_then(|folder| Some(path.strip_prefix(folder).ok()?.into()));
        let path: PathBuf = below.unwrap_or(path);
        path.display().to_string()
    }
}

/// The line about symbolic dimensions other than the batch, which the data show; empty without any.
fn dims(signature: &ModelSignature) -> String {
    let mut names: Vec<&str> = Vec::new();
    for need in &signature.inputs {
        for (axis, dim) in need.sample_dims() {
            match dim {
                Dim::Symbol(name)
                    if need.batch_axis != Some(axis) && !names.contains(&name.as_str()) =>
                {
                    names.push(name);
                }
                _ => {}
            }
        }
    }
    if names.is_empty() {
        return String::new();
    }
    let each: Vec<String> = names.iter().map(|name| format!("{} = SIZE", quoted(name))).collect();
    format!(
        "# dims = {{ {} }}    # symbolic dimensions; sizes that the data show need none\n",
        each.join(", ")
    )
}
