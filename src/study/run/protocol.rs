//! The frozen rules of a run, in three hashes: changing a threshold keeps timings comparable.

use crate::report::RunFacts;
use crate::study::{Study, StudyError, StudyInputs};
use paring_agent::engine::ENGINE;
use paring_compress::Step;
use paring_core::schema::{Requirement, SCHEMA, Sha256Hex};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Differences between protocols, for a person.
pub(super) const VARIANTS: &str = "model, owner or variants";
pub(super) const DATA: &str = "data, splits or metrics";
pub(super) const TIMING: &str = "rules of timing";

/// `protocol.json` of a run. `same_study.rs` compares it with a study.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Protocol {
    /// Format version.
    pub schema: u32,
    /// Names this run; two identical runs differ in it.
    pub run_id: String,
    /// The study's name.
    pub study: String,
    /// The file that the study was read from.
    pub study_file: PathBuf,
    /// True for the short protocol.
    pub quick: bool,
    /// The model as given, and how every variant is made of it.
    pub recipes_sha256: Sha256Hex,
    /// Data, splits and metrics.
    pub data_sha256: Sha256Hex,
    /// Rules of timing.
    pub measurement_sha256: Sha256Hex,
    /// Requirements: the hash of `require` as canonical JSON.
    pub gate_sha256: Sha256Hex,
    /// The requirements themselves.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub require: Vec<Requirement>,
}

impl Protocol {
    /// The rules of a study.
    pub fn new(study: &Study, loaded: &StudyInputs, quick: bool) -> Protocol {
        let data = data_rules(study, loaded, &json!(study.robustness));
        let each = study.recipes.iter().map(|recipe| {
            let steps: Vec<Value> = recipe.steps.iter().map(Step::identity).collect();
            json!([recipe.name, recipe.parent, steps, recipe.options])
        });
        let recipes = json!({
            "model": loaded.model_sha256,
            "owner": study.owner,
            "variants": each.collect::<Vec<_>>(),
        });
        let mut measurement = json!({
            "engine": ENGINE,
            "agent": env!("CARGO_PKG_VERSION"),
            "blocks": study.timing.blocks,
            "rules": study.timing.rules,
            "seed": study.seed,
            "inputs": loaded.data.sha256,
            "dims": loaded.dims,
            // Not the targets themselves: a board's rows are the same whatever else was measured.
            "threads": study.targets.iter().map(|t| t.profile.threads).collect::<BTreeSet<_>>(),
        });
        if let Some(rules) = measurement.as_object_mut() {
            rules.extend(study.timing.deviations());
        }
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let require = study.requirements();
        let salt = format!("{} {}", now.as_nanos(), std::process::id());
        Protocol {
            schema: SCHEMA,
            run_id: Sha256Hex::of(salt.as_bytes()).short().to_string(),
            study: study.name.clone(),
            study_file: std::path::absolute(&study.path).unwrap_or_else(|_| study.path.clone()),
            quick,
            recipes_sha256: Sha256Hex::of_json(&recipes),
            data_sha256: Sha256Hex::of_json(&data),
            measurement_sha256: Sha256Hex::of_json(&measurement),
            gate_sha256: Requirement::digest(&require),
            require,
        }
    }

    /// True where the requirements are those that `gate_sha256` is the hash of.
    pub(in crate::study) fn requirements_are_hashed(&self) -> bool {
        self.gate_sha256 == Requirement::digest(&self.require)
    }

    /// Facts that all rows about the run share.
    pub fn facts(&self) -> RunFacts {
        RunFacts {
            study: self.study.clone(),
            run_id: self.run_id.clone(),
            data_sha256: self.data_sha256.to_string(),
            measurement_sha256: self.measurement_sha256.to_string(),
            quick: self.quick,
            requirements: self.require.clone(),
        }
    }

    /// Refuses to go on with an unfinished run under `self` where `new` is another protocol.
    ///
    /// # Errors
    /// [`StudyError::OtherProtocol`] says what differs, [`StudyError::FormerRun`] that an earlier
    /// version began it.
    pub fn accepts(&self, new: &Protocol, root: &Path) -> Result<(), StudyError> {
        let other = |what| Err(StudyError::OtherProtocol { path: root.to_path_buf(), what });
        match self {
            old if old.schema < new.schema => Err(StudyError::FormerRun(root.to_path_buf())),
            old if old.recipes_sha256 != new.recipes_sha256 => other(VARIANTS),
            old if old.data_sha256 != new.data_sha256 => other(DATA),
            old if old.measurement_sha256 != new.measurement_sha256 => other(TIMING),
            old if old.gate_sha256 != new.gate_sha256 => Err(StudyError::OtherRequirements {
                path: root.to_path_buf(),
                run_id: old.run_id.clone(),
                changes: changes(&old.require, &new.require),
            }),
            _ => Ok(()),
        }
    }
}

/// The requirements that went and came, for a person.
fn changes(old: &[Requirement], new: &[Requirement]) -> String {
    let without = |all: &[Requirement], others: &[Requirement], what: &str| -> Vec<String> {
        let own = all.iter().filter(|own| !others.contains(own));
        own.map(|own| format!("{what} {own}")).collect()
    };
    let all = [without(old, new, "without"), without(new, old, "with")].concat();
    match all.is_empty() {
        true => "in another order".to_string(),
        false => all.join(", "),
    }
}

/// A study's data, splits and metrics as JSON, of which `data_sha256` is the hash.
pub(super) fn data_rules(study: &Study, loaded: &StudyInputs, robustness: &Value) -> Value {
    json!({
        "data": loaded.data.sha256,
        "splits": loaded.splits,
        "output": loaded.output,
        "task": loaded.task,
        "slices": study.data.slices,
        "robustness": robustness,
    })
}
