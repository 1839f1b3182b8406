//! Location of the record of forecasts and their outcomes, which is kept across runs.

use std::path::PathBuf;

/// `PARING_FORECASTS`, or `paring/forecasts.jsonl` in the user's data folder; `None` where the machine
/// names no such folder.
pub(super) fn forecasts_file() -> Option<PathBuf> {
    if let Some(path) = std::env::var_os("PARING_FORECASTS").filter(|p| !p.is_empty()) {
        return Some(path.into());
    }
    let folder = |name: &str| std::env::var_os(name).filter(|p| !p.is_empty()).map(PathBuf::from);
    let data = folder("XDG_DATA_HOME").or_else(|| Some(folder("HOME")?.join(".local/share")));
    data.map(|data| data.join("paring").join("forecasts.jsonl"))
}
