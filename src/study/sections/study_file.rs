//! A study file as typed, key by key; unknown keys are refused.

use super::energy::EnergySection;
use super::one_or_many::OneOrMany;
use super::regime::RegimeSection;
use super::robustness::RobustnessSection;
use super::task::TaskSection;
use super::timing::ProtocolSection;
use crate::study::StudyError;
use crate::study::recipes::VariantSection;
use paring_core::toml_input::{TomlInputError, parse_toml};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::study) struct StudyFile {
    pub(in crate::study) study: StudySection,
    pub(in crate::study) model: ModelSection,
    #[serde(default)]
    pub(in crate::study) task: TaskSection,
    pub(in crate::study) data: DataSection,
    #[serde(default)]
    pub(in crate::study) protocol: ProtocolSection,
    #[serde(default)]
    pub(in crate::study) energy: EnergySection,
    #[serde(default)]
    pub(in crate::study) robustness: Option<RobustnessSection>,
    #[serde(default)]
    pub(in crate::study) regime: Vec<RegimeSection>,
    #[serde(default)]
    pub(in crate::study) variant: Vec<VariantSection>,
    #[serde(default)]
    pub(in crate::study) target: Vec<TargetSection>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::study) struct StudySection {
    pub(in crate::study) name: String,
    pub(in crate::study) owner: String,
    #[serde(default)]
    pub(in crate::study) purpose: Option<String>,
    #[serde(default)]
    pub(in crate::study) risk: Option<String>,
    #[serde(default)]
    pub(in crate::study) ethics: Option<String>,
    #[serde(default)]
    pub(in crate::study) review_by: Option<String>,
    #[serde(default)]
    pub(in crate::study) notes: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::study) struct ModelSection {
    pub(in crate::study) path: PathBuf,
    #[serde(default)]
    pub(in crate::study) batch: Option<OneOrMany<usize>>,
    #[serde(default)]
    pub(in crate::study) dims: BTreeMap<String, usize>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::study) struct DataSection {
    pub(in crate::study) path: PathBuf,
    #[serde(default)]
    pub(in crate::study) slices: Vec<String>,
    #[serde(default)]
    pub(in crate::study) group: Option<String>,
    #[serde(default)]
    pub(in crate::study) class_shares: ClassShares,
    #[serde(default)]
    pub(in crate::study) splits: Option<SplitsSection>,
    #[serde(default)]
    pub(in crate::study) private: bool,
    #[serde(default)]
    pub(in crate::study) mean: Vec<f32>,
    #[serde(default)]
    pub(in crate::study) std: Vec<f32>,
}

/// Origin of the number of samples of each class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(in crate::study) enum ClassShares {
    /// As many as came: other samples would have other shares.
    #[default]
    Sampled,
    /// A number that was chosen beforehand.
    Fixed,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::study) struct SplitsSection {
    pub(in crate::study) calibrate: ShareOrArray,
    pub(in crate::study) select: ShareOrArray,
    pub(in crate::study) report: ShareOrArray,
    #[serde(default)]
    pub(in crate::study) seed: u64,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(in crate::study) enum ShareOrArray {
    Share(f64),
    Array(String),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::study) struct TargetSection {
    pub(in crate::study) name: String,
}

/// Reads a study file; gives its text too, for errors found later to name their lines.
pub(in crate::study) fn read(path: &Path) -> Result<(StudyFile, String), StudyError> {
    let text = std::fs::read_to_string(path).map_err(|source| StudyError::Io {
        doing: "read",
        path: path.to_path_buf(),
        source,
    })?;
    match parse_toml(&text) {
        Ok(file) => Ok((file, text)),
        Err(TomlInputError { line, message, hint }) => {
            Err(StudyError::Toml { path: path.to_path_buf(), line, message, hint })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refused(text: &str, expected: &str) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("study.toml");
        std::fs::write(&path, text).unwrap();
        let message = read(&path).unwrap_err().to_string();
        let message = message.strip_prefix(&format!("{}:", path.display())).unwrap();
        assert_eq!(message, expected);
    }

    #[test]
    fn unknown_keys_are_named_with_line_and_nearest() {
        refused(
            "[study]\nname = \"a\"\nowner = \"b\"\npurpos = \"c\"\n",
            "4: unknown key `purpos`; did you mean `purpose`?",
        );
    }

    #[test]
    fn what_is_missing_or_malformed_is_named() {
        refused("[study]\nname = \"a\"\n", "1: missing field `owner`");
        refused("[study\n", "1: unclosed table, expected `]`");
    }
}
