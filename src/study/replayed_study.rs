//! The study that a run keeps, with a model and data that lie elsewhere: to make variants again, not to
//! measure them.

use super::load::{load, recipes_of};
use super::{Study, StudyError};
use paring_boards::FolderTrust;
use std::path::{Path, PathBuf};
use toml::{Table, Value};

/// Reads the study of the run in `run` with another place of its model and data; what is rewritten goes
/// into the folder `scratch`. Its targets are none but this machine.
///
/// # Errors
/// [`StudyError`] names the file and the key.
pub fn load_replayed(
    run: &Path,
    model: &Path,
    data: &Path,
    scratch: &Path,
) -> Result<Study, StudyError> {
    let path = run.join("study.toml");
    let failed = |doing| {
        let path = path.clone();
        move |source| StudyError::Io { doing, path: path.clone(), source }
    };
    let invalid = |problem: String| StudyError::Invalid { path: path.clone(), problem };
    let text = std::fs::read_to_string(&path).map_err(failed("read"))?;
    let mut table: Table = text.parse().map_err(|e: toml::de::Error| invalid(e.to_string()))?;
    for (section, place) in [("model", model), ("data", data)] {
        let place = std::path::absolute(place).unwrap_or_else(|_| place.to_path_buf());
        let section = table.get_mut(section).and_then(Value::as_table_mut);
        if let Some(section) = section {
            section.insert("path".into(), place.to_string_lossy().into_owned().into());
        }
    }
    for elsewhere in ["target", "regime"] {
        table.remove(elsewhere);
    }
    // A program or a file of the machine that measured; other rules are part of what a table is kept by.
    let elsewhere = |energy: &Value| energy.get("command").or(energy.get("log")).is_some();
    if table.get("energy").is_some_and(elsewhere) {
        table.remove("energy");
    }
    if let Some(protocol) = table.get_mut("protocol").and_then(Value::as_table_mut) {
        protocol.remove("require");
    }
    for variant in table.get_mut("variant").and_then(Value::as_array_mut).into_iter().flatten() {
        own_import(variant, run);
    }
    let write = |table: &Table, name: &str| {
        let path = scratch.join(name);
        let text = toml::to_string(table).map_err(|e| invalid(e.to_string()))?;
        std::fs::write(&path, text).map_err(|source| {
            let path = path.clone();
            StudyError::Io { doing: "write", path, source }
        })?;
        Ok::<PathBuf, StudyError>(path)
    };
    let whole = write(&table, "whole.toml")?;
    let (owner, recipes) = recipes_of(&whole, scratch)?;
    // Its recipes may measure on targets that this machine does not know.
    table.remove("variant");
    let rest = load(&write(&table, "study.toml")?, FolderTrust::Withheld)?;
    Ok(Study { owner, recipes, ..rest })
}

/// Points a variant that another tool made to the copy that the run has.
fn own_import(variant: &mut Value, run: &Path) {
    let Some(variant) = variant.as_table_mut().filter(|v| v.contains_key("import")) else { return };
    let Some(name) = variant.get("name").and_then(Value::as_str) else { return };
    let model = run.join("variants").join(format!("{name}.onnx"));
    let model = std::path::absolute(&model).unwrap_or(model);
    variant.insert("import".into(), model.to_string_lossy().into_owned().into());
}
