//! `[[regime]]`: further data that every variant is evaluated on.

use paring_core::schema::FileName;
use schemars::JsonSchema;
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// Further data that every variant is evaluated on.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::study) struct RegimeSection {
    /// Names the rows and the folder below `regimes/`.
    #[schemars(regex(pattern = r"^[A-Za-z0-9_-][A-Za-z0-9_.-]*$"))]
    name: String,
    /// Data laid out as under `[data]`, for the same inputs.
    path: PathBuf,
    /// Columns of these data that name subsets.
    #[serde(default)]
    slices: Vec<String>,
    /// Column of groups that intervals resample whole.
    #[serde(default)]
    group: Option<String>,
}

/// Further data that every variant is evaluated on: a season, a sensor, a country.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Regime {
    /// Its name.
    pub name: FileName,
    /// A file or folder.
    pub path: PathBuf,
    /// Columns that name subsets.
    pub slices: Vec<String>,
    /// Column of groups that intervals resample whole.
    pub group: Option<String>,
}

impl Regime {
    /// A regime of this name on data in `path`.
    ///
    /// # Errors
    /// A sentence where the name cannot be a folder's.
    pub fn new(name: &str, path: PathBuf) -> Result<Regime, String> {
        let plain = |c: char| c.is_ascii_alphanumeric() || ['-', '_', '.'].contains(&c);
        let usable = !name.starts_with('.') && name.chars().all(plain);
        let found = FileName::try_from(name.to_string()).ok().filter(|_| usable);
        let name = found.ok_or_else(|| {
            format!(
                "regime name `{}` must be made of letters, digits, `-`, `_` and `.`",
                name.escape_debug()
            )
        })?;
        Ok(Regime { name, path, slices: vec![], group: None })
    }
}

/// The regimes of a study whose file lies in `folder`.
///
/// # Errors
/// A sentence where a name is no folder's, or stands there twice.
pub(in crate::study) fn regimes(
    sections: Vec<RegimeSection>,
    folder: &Path,
) -> Result<Vec<Regime>, String> {
    let mut regimes: Vec<Regime> = Vec::new();
    for RegimeSection { name, path, slices, group } in sections {
        let regime = Regime { slices, group, ..Regime::new(&name, folder.join(path))? };
        if regimes.iter().any(|earlier| earlier.name == regime.name) {
            return Err(format!("two regimes are called `{name}`"));
        }
        regimes.push(regime);
    }
    Ok(regimes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn section(name: &str) -> RegimeSection {
        RegimeSection { name: name.into(), path: "w.npz".into(), slices: vec![], group: None }
    }

    #[test]
    fn paths_are_meant_from_the_study() {
        let found = regimes(vec![section("winter-2.1")], Path::new("studies")).unwrap();
        assert_eq!(found[0].path, Path::new("studies/w.npz"));
        assert_eq!(&*found[0].name, "winter-2.1");
    }

    #[test]
    fn names_are_those_of_folders_and_stand_there_once() {
        for odd in ["", ".", "..", ".hidden", "a/b", "été", "a b"] {
            let problem = regimes(vec![section(odd)], Path::new("")).unwrap_err();
            assert!(problem.starts_with(&format!("regime name `{odd}` must be made of")));
        }
        let twice = regimes(vec![section("a"), section("a")], Path::new("")).unwrap_err();
        assert_eq!(twice, "two regimes are called `a`");
    }
}
