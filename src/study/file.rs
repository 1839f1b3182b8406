//! What is typed in a study file, key by key; unknown keys are refused.

use super::StudyError;
use super::robustness::RobustnessSection;
use paring_boards::{Mistyped, typed};
use paring_core::schema::Objective;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StudyFile {
    pub(super) study: StudySection,
    pub(super) model: ModelSection,
    #[serde(default)]
    pub(super) task: TaskSection,
    pub(super) data: DataSection,
    #[serde(default)]
    pub(super) protocol: ProtocolSection,
    #[serde(default)]
    pub(super) energy: EnergySection,
    #[serde(default)]
    pub(super) robustness: Option<RobustnessSection>,
    #[serde(default)]
    pub(super) variant: Vec<VariantSection>,
    #[serde(default)]
    pub(super) target: Vec<TargetSection>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StudySection {
    pub(super) name: String,
    pub(super) owner: String,
    #[serde(default)]
    pub(super) purpose: Option<String>,
    #[serde(default)]
    pub(super) risk: Option<String>,
    #[serde(default)]
    pub(super) ethics: Option<String>,
    #[serde(default)]
    pub(super) review_by: Option<String>,
    #[serde(default)]
    pub(super) notes: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ModelSection {
    pub(super) path: PathBuf,
    #[serde(default)]
    pub(super) batch: Option<OneOrMany<usize>>,
    #[serde(default)]
    pub(super) dims: BTreeMap<String, usize>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TaskSection {
    #[serde(default)]
    pub(super) kind: Option<String>,
    #[serde(default)]
    pub(super) output: Option<String>,
    #[serde(default)]
    pub(super) scores: Option<String>,
    #[serde(default)]
    pub(super) metric: Option<String>,
    #[serde(default)]
    pub(super) metrics: Vec<String>,
    #[serde(default)]
    pub(super) positive: Option<usize>,
    #[serde(default)]
    pub(super) threshold: Option<f64>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DataSection {
    pub(super) path: PathBuf,
    #[serde(default)]
    pub(super) slices: Vec<String>,
    #[serde(default)]
    pub(super) group: Option<String>,
    #[serde(default)]
    pub(super) class_shares: ClassShares,
    #[serde(default)]
    pub(super) splits: Option<SplitsSection>,
    #[serde(default)]
    pub(super) mean: Vec<f32>,
    #[serde(default)]
    pub(super) std: Vec<f32>,
}

/// How many samples there are of each class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum ClassShares {
    /// As many as came: other samples would have other shares.
    #[default]
    Sampled,
    /// A number that was chosen beforehand.
    Fixed,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SplitsSection {
    pub(super) calibrate: ShareOrArray,
    pub(super) select: ShareOrArray,
    pub(super) report: ShareOrArray,
    #[serde(default)]
    pub(super) seed: u64,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum ShareOrArray {
    Share(f64),
    Array(String),
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ProtocolSection {
    #[serde(default)]
    pub(super) blocks: Option<u32>,
    #[serde(default)]
    pub(super) seed: u64,
    #[serde(default)]
    pub(super) solo_ms: Option<u64>,
    #[serde(default)]
    pub(super) paired_ms: Option<u64>,
    #[serde(default)]
    pub(super) probes: Option<usize>,
    #[serde(default)]
    pub(super) threads: Option<OneOrMany<usize>>,
    #[serde(default)]
    pub(super) streams: Option<OneOrMany<usize>>,
    #[serde(default)]
    pub(super) affinity: Vec<usize>,
    #[serde(default)]
    pub(super) width: Option<f64>,
    #[serde(default)]
    pub(super) most_blocks: Option<u32>,
    #[serde(default)]
    pub(super) minutes: Option<f64>,
    #[serde(default)]
    pub(super) limit_s: Option<u64>,
    #[serde(default)]
    pub(super) sustained_s: Option<u64>,
    #[serde(default)]
    pub(super) conditions: ConditionsSection,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ConditionsSection {
    #[serde(default)]
    pub(super) most_celsius: Option<f64>,
    #[serde(default)]
    pub(super) most_load: Option<f64>,
    #[serde(default)]
    pub(super) governor: Option<String>,
    #[serde(default)]
    pub(super) power_mode: Option<u32>,
    #[serde(default)]
    pub(super) jetson_clocks: bool,
    #[serde(default)]
    pub(super) repeats: Option<u32>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EnergySection {
    #[serde(default)]
    pub(super) source: Option<String>,
    #[serde(default)]
    pub(super) sensor: Option<String>,
    #[serde(default)]
    pub(super) command: Option<String>,
    #[serde(default)]
    pub(super) log: Option<PathBuf>,
    #[serde(default)]
    pub(super) coverage: Option<String>,
    #[serde(default)]
    pub(super) windows: Option<u32>,
    #[serde(default)]
    pub(super) run_s: Option<f64>,
    #[serde(default)]
    pub(super) idle_s: Option<f64>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct VariantSection {
    pub(super) name: String,
    #[serde(default)]
    pub(super) from: Option<String>,
    #[serde(default)]
    pub(super) steps: Vec<StepSection>,
    #[serde(default)]
    pub(super) import: Option<PathBuf>,
    #[serde(default)]
    pub(super) engine: Option<Vec<String>>,
    #[serde(default)]
    pub(super) without_isa: Option<Vec<String>>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StepSection {
    #[serde(default)]
    pub(super) prune: Option<String>,
    #[serde(default)]
    pub(super) ratio: Option<OneOrMany<f64>>,
    #[serde(default)]
    pub(super) count: Option<OneOrMany<usize>>,
    #[serde(default)]
    pub(super) score: Option<OneOrMany<f64>>,
    #[serde(default)]
    pub(super) macs: Option<OneOrMany<f64>>,
    #[serde(default)]
    pub(super) latency: Option<OneOrMany<f64>>,
    #[serde(default)]
    pub(super) on: Option<OneOrMany<String>>,
    #[serde(default)]
    pub(super) by: Option<Objective>,
    #[serde(default)]
    pub(super) pattern: Option<OneOrMany<String>>,
    #[serde(default)]
    pub(super) criterion: Option<OneOrMany<String>>,
    #[serde(default)]
    pub(super) recover: Option<OneOrMany<String>>,
    #[serde(default)]
    pub(super) allocate: Option<OneOrMany<String>>,
    #[serde(default)]
    pub(super) multiple: Option<usize>,
    #[serde(default)]
    pub(super) layers: Option<String>,
    #[serde(default)]
    pub(super) protect: Vec<String>,
    #[serde(default)]
    pub(super) lossy: bool,
    #[serde(default)]
    pub(super) quantize: Option<String>,
    #[serde(default)]
    pub(super) calibration: Option<OneOrMany<String>>,
    #[serde(default)]
    pub(super) per: Option<OneOrMany<String>>,
    #[serde(default)]
    pub(super) equalize: bool,
    #[serde(default)]
    pub(super) correct: Option<bool>,
    #[serde(default)]
    pub(super) round: Option<OneOrMany<String>>,
    #[serde(default)]
    pub(super) form: Option<String>,
    #[serde(default)]
    pub(super) depthwise: bool,
    #[serde(default)]
    pub(super) tune: Option<TuneWord>,
}

/// `tune = true` and `tune = "lossless"` mean the same: nothing that loses anything is tried.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged, expecting = "`tune` is true or \"lossless\"")]
pub(super) enum TuneWord {
    Plain(bool),
    Word(String),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TargetSection {
    pub(super) name: String,
}

/// A value, or a list of values to sweep over.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged, expecting = "a value of another type belongs here, or a list of such values")]
pub(super) enum OneOrMany<T> {
    One(T),
    Many(Vec<T>),
}

impl<T: Clone> OneOrMany<T> {
    pub(super) fn values(&self) -> Vec<T> {
        match self {
            OneOrMany::One(value) => vec![value.clone()],
            OneOrMany::Many(values) => values.clone(),
        }
    }
}

/// Reads a study file.
pub(super) fn read(path: &Path) -> Result<StudyFile, StudyError> {
    let text = std::fs::read_to_string(path).map_err(|source| StudyError::Io {
        doing: "read",
        path: path.to_path_buf(),
        source,
    })?;
    typed(&text).map_err(|Mistyped { line, message, hint }| {
        let path = path.to_path_buf();
        StudyError::Toml { path, line, message, hint }
    })
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
        refused(
            "[study]\nname = \"a\"\nowner = \"b\"\n[model]\npath = \"m\"\n[data]\npath = \"d\"\n[[variant]]\nname = \"v\"\nsteps = [{ prune = \"channels\", rato = 0.5 }]\n",
            "10: unknown key `rato`; did you mean `ratio`?",
        );
    }

    #[test]
    fn what_is_missing_or_malformed_is_named() {
        refused("[study]\nname = \"a\"\n", "1: missing field `owner`");
        refused("[study\n", "1: unclosed table, expected `]`");
    }
}
