//! The rules of energy measurements, as studies and jobs hold them.

use crate::schema::{EnergySource, Sha256Hex};
use crate::units::LatencyNs;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// Rules of energy measurements.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnergyRules {
    /// The source.
    pub source: EnergySource,
    /// Windows with the model running, each in a fresh process.
    pub windows: u32,
    /// Length of such a window.
    pub run_ns: LatencyNs,
    /// Length of the idle windows before and after.
    pub idle_ns: LatencyNs,
}

impl EnergyRules {
    /// The same without where a meter's log lies: that may change after the fact.
    pub fn wherever(&self) -> EnergyRules {
        let mut rules = self.clone();
        if let EnergySource::Meter { path, .. } = &mut rules.source {
            path.clear();
        }
        rules
    }
}

/// Energy part of a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnergyJob {
    /// The rules; the source is one that the target has.
    pub rules: EnergyRules,
    /// Hash of the rules as they were asked for: energy measured under others is not mixed in.
    pub rules_sha256: Sha256Hex,
    /// The folder that stands for `/` where sensors are read: a simulated machine.
    #[serde(default)]
    pub root: Option<PathBuf>,
}

impl EnergyJob {
    /// The rules as asked for, with a source that the target has.
    pub fn new(asked: EnergyRules, source: EnergySource, sysfs_root: Option<&Path>) -> EnergyJob {
        let simulated = sysfs_root.is_some();
        let json = serde_json::json!({ "rules": asked.wherever(), "simulated": simulated });
        EnergyJob {
            rules: EnergyRules { source, ..asked },
            rules_sha256: Sha256Hex::of_json(&json),
            root: sysfs_root.map(Path::to_path_buf),
        }
    }
}
