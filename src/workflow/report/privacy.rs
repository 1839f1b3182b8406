//! Privacy of a run's samples: `private = true` in the study that the run keeps, or in the one it was run
//! from as it is now.

use crate::pipeline::Folders;
use crate::study::Protocol;

/// True where single samples of a run are not to be shown; also where a study that may say so cannot be
/// read.
pub(in crate::workflow) fn samples_are_private(folders: &Folders, protocol: &Protocol) -> bool {
    kept_study(folders).as_ref().is_none_or(is_private) || is_private_now(protocol, &mut Vec::new())
}

/// The study that the run keeps; `None` where it cannot be read.
pub(super) fn kept_study(folders: &Folders) -> Option<toml::Table> {
    let bytes = folders.root().join("study.toml").read().ok()?;
    String::from_utf8(bytes).ok()?.parse().ok()
}

/// True where a study keeps its samples private; also where its key says neither yes nor no.
pub(super) fn is_private(study: &toml::Table) -> bool {
    let data = study.get("data").and_then(toml::Value::as_table);
    let private = data.and_then(|data| data.get("private"));
    private.is_some_and(|value| value.as_bool() != Some(false))
}

/// True where the study that inputs are drawn by has become private since the run, or cannot be read;
/// one that is gone says nothing.
pub(super) fn is_private_now(protocol: &Protocol, unreadable: &mut Vec<String>) -> bool {
    let path = &protocol.study_file;
    if !path.exists() {
        return false;
    }
    let text = std::fs::read_to_string(path).ok();
    let table = text.and_then(|text| text.parse::<toml::Table>().ok());
    if table.is_none() {
        unreadable.push(format!(
            "The study {} cannot be read: it may say that its data are private, so the report is redacted.",
            path.display()
        ));
    }
    table.as_ref().is_none_or(is_private)
}
