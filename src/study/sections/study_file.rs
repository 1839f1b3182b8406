//! A study file as typed, key by key; unknown keys are refused.

use super::data::DataSection;
use super::energy::EnergySection;
use super::one_or_many::OneOrMany;
use super::regime::RegimeSection;
use super::robustness::RobustnessSection;
use super::task::TaskSection;
use super::timing::ProtocolSection;
use crate::study::StudyError;
use crate::study::recipes::VariantSection;
use paring_core::toml_input::{TomlInputError, parse_toml};
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A study: what to compress, how, on what data and where.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::study) struct StudyFile {
    /// Name and owner of the study, and your words about it.
    pub(in crate::study) study: StudySection,
    /// The trained model: the baseline.
    pub(in crate::study) model: ModelSection,
    /// Kind of task, meaning of the model's outputs, and metrics.
    #[serde(default)]
    pub(in crate::study) task: TaskSection,
    /// The samples that variants are calibrated and evaluated on.
    pub(in crate::study) data: DataSection,
    /// Rules of timing, approval and requirements, fixed before the first result.
    #[serde(default)]
    pub(in crate::study) protocol: ProtocolSection,
    /// Rules of measuring energy; without the section the target's own sensor is read, if it has one.
    #[serde(default)]
    pub(in crate::study) energy: EnergySection,
    /// Disturbed inputs that variants are evaluated on; an empty section asks for the usual ones.
    #[serde(default)]
    pub(in crate::study) robustness: Option<RobustnessSection>,
    /// Further data that every variant is evaluated on: another season, sensor or country.
    #[serde(default)]
    pub(in crate::study) regime: Vec<RegimeSection>,
    /// The variants, made in the file's order.
    #[serde(default)]
    pub(in crate::study) variant: Vec<VariantSection>,
    /// Machines that variants are measured on; without any, this one.
    #[serde(default)]
    pub(in crate::study) target: Vec<TargetSection>,
}

/// Name and owner of the study, and your words about it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::study) struct StudySection {
    /// Names the run directory and the rows of the results.
    pub(in crate::study) name: String,
    /// Accountable person or team; stands in the ledger.
    pub(in crate::study) owner: String,
    /// Purpose of the model; kept in the ledger.
    #[serde(default)]
    pub(in crate::study) purpose: Option<String>,
    /// Risks of its use; kept in the ledger.
    #[serde(default)]
    pub(in crate::study) risk: Option<String>,
    /// Ethical considerations; kept in the ledger.
    #[serde(default)]
    pub(in crate::study) ethics: Option<String>,
    /// A date such as "2030-12-31": a gate that is judged after it warns.
    #[serde(default)]
    #[schemars(regex(pattern = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"))]
    pub(in crate::study) review_by: Option<String>,
    /// Anything else; kept in the ledger.
    #[serde(default)]
    pub(in crate::study) notes: Option<String>,
}

/// The trained model: the baseline.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::study) struct ModelSection {
    /// The ONNX file.
    pub(in crate::study) path: PathBuf,
    /// Samples per inference, 65,536 at most; every value of a list is measured. Default: what the file fixes, else 1.
    #[serde(default)]
    pub(in crate::study) batch: Option<OneOrMany<usize>>,
    /// Sizes of symbolic dimensions other than the batch; those that the data show need none.
    #[serde(default)]
    pub(in crate::study) dims: BTreeMap<String, usize>,
}

/// A machine that variants are measured on.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::study) struct TargetSection {
    /// `host` (this machine), a board of the inventory, labels (`"arch=aarch64,room=kitchen"`), or `labgrid://PLACE`.
    pub(in crate::study) name: String,
}

/// Reads a study file; gives its text too, for errors found later to name their lines.
pub(in crate::study) fn read(path: &Path) -> Result<(StudyFile, String), StudyError> {
    let text = std::fs::read_to_string(path).map_err(|source| StudyError::Io {
        doing: "read",
        path: path.to_path_buf(),
        source,
    })?;
    match parse(&text) {
        Ok(file) => Ok((file, text)),
        Err(TomlInputError { line, message, hint }) => {
            Err(StudyError::Toml { path: path.to_path_buf(), line, message, hint })
        }
    }
}

/// Reads the text of a study file.
pub(in crate::study) fn parse(text: &str) -> Result<StudyFile, TomlInputError> {
    parse_toml(text)
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
