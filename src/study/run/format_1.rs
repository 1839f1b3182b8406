//! Runs of format 1, whose protocols named variants by the words of their steps and disturbances by the
//! debug output of a Rust value: comparison of a study with such a run.

use super::protocol::{Protocol, data_rules};
use crate::evaluate::{AdversarialSearch, RobustnessTest};
use crate::pipeline::{self, BASELINE, Folders};
use crate::study::{Study, StudyError, StudyInputs, load};
use paring_core::schema::Sha256Hex;
use paring_onnx::graph::Graph;
use serde_json::json;
use std::path::Path;

/// Two verdicts, on recipes and on data: true where the run in `root` began with the same.
///
/// # Errors
/// [`StudyError`] where the run's own study cannot be read.
pub(super) fn matches(
    old: &Protocol,
    study: &Study,
    loaded: &StudyInputs,
    root: &Path,
) -> Result<(bool, bool), StudyError> {
    let folder = study.path.parent().unwrap_or(Path::new(""));
    // Paths in the run's copy of its study are meant from where the study lies.
    let (owner, recipes) = load::recipes_of(&root.join("study.toml"), folder)?;
    let baseline = pipeline::variant_record(&Folders::new(root), BASELINE).ok();
    // With external data the file that is given is not the one that is kept.
    let whole = || Graph::load(&study.model).is_ok_and(|graph| graph.self_contained());
    let model = baseline.is_none_or(|kept| kept.file_sha256 == loaded.model_sha256 || !whole());
    let robustness = json!(study.robustness.as_ref().map(debug_text));
    let text = data_rules(study, loaded, &robustness).to_string();
    let same = owner == study.owner && recipes == study.recipes;
    Ok((model && same, old.data_sha256 == Sha256Hex::of(text.as_bytes())))
}

/// A disturbance plan as format 1 had it.
fn debug_text(how: &RobustnessTest) -> String {
    let tests = how.tests.iter().map(|(how, strength)| {
        let name = how.name();
        let (first, rest) = name.split_at(1);
        format!("({}{rest}, {strength:?})", first.to_uppercase())
    });
    let search = how.search.map_or_else(
        || "None".to_string(),
        |(AdversarialSearch { step, queries, seed }, samples)| {
            format!(
                "Some((Search {{ step: {step:?}, queries: {queries}, seed: {seed} }}, {samples}))"
            )
        },
    );
    format!(
        "Stress {{ tests: [{}], samples: {}, search: {search}, seed: {} }}",
        tests.collect::<Vec<_>>().join(", "),
        how.samples,
        how.seed
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn disturbances_are_printed_as_format_1_had_them() {
        let expected = "Stress { tests: [(Noise, 0.1), (Noise, 0.3), (Brightness, 0.3), (Shift, 1.0), \
                        (Occlusion, 0.1), (Quantized, 4.0)], samples: 1000, search: Some((Search { \
                        step: 0.5, queries: 200, seed: 0 }, 50)), seed: 0 }";
        assert_eq!(debug_text(&RobustnessTest::default()), expected);
    }
}
