//! `paring explain` and `paring note` on a run of the example.

mod common;

use common::digits;
use paring::attribution::GroupCoalition;
use paring::schema::{
    ConfidenceInterval, Explanation, Forecast, ForecastOutcome, SCHEMA, Sha256Hex,
};
use predicates::prelude::PredicateBooleanExt;
use predicates::str::contains;
use std::path::{Path, PathBuf};

fn paring(folder: &Path, arguments: &[&str]) -> assert_cmd::assert::Assert {
    assert_cmd::Command::new(env!("CARGO_BIN_EXE_paring"))
        .env("PARING_FORECASTS", folder.join("forecasts.jsonl"))
        .env("USER", "somebody")
        .args(arguments)
        .assert()
}

/// A run of the example's network, pruned and then quantized.
fn run(folder: &Path) -> PathBuf {
    let (study, out) = (folder.join("study.toml"), folder.join("run"));
    let text = format!(
        "[study]\nname = \"explain\"\nowner = \"tests\"\n[model]\npath = {:?}\n[data]\npath = {:?}\n\
         slices = [\"stroke_density\"]\n\
         splits = {{ calibrate = 0.2, select = 0.2, report = 0.6, seed = 1 }}\n\
         [[variant]]\nname = \"both\"\nsteps = [{{ prune = \"channels\", ratio = 0.5, criterion = \"l1\", \
         recover = \"statistics\" }}, {{ quantize = \"int8\" }}]\n\
         [[variant]]\nname = \"same\"\n\
         [[variant]]\nname = \"nhwc\"\nengine = [\"conv_nhwc\"]\n",
        digits("digits_cnn.onnx"),
        digits("digits.npz"),
    );
    std::fs::write(&study, text).unwrap();
    paring(folder, &["compress", study.to_str().unwrap(), "--out", out.to_str().unwrap()])
        .success();
    out
}

fn explanations(run: &Path) -> Vec<Explanation> {
    serde_json::from_slice(&std::fs::read(run.join("explain.json")).unwrap()).unwrap()
}

#[test]
fn a_variant_that_was_pruned_by_costs_is_repeated_by_the_same_costs() {
    let folder = tempfile::tempdir().unwrap();
    let (study, out) = (folder.path().join("study.toml"), folder.path().join("run"));
    let text = format!(
        "[study]\nname = \"costs\"\nowner = \"tests\"\n[model]\npath = {:?}\n[data]\npath = {:?}\n\
         splits = {{ calibrate = 0.2, select = 0.2, report = 0.6, seed = 1 }}\n\
         [[variant]]\nname = \"timed\"\nsteps = [{{ prune = \"channels\", latency = 0.8, criterion = \"l1\" }}]\n",
        digits("digits_cnn.onnx"),
        digits("digits.npz"),
    );
    std::fs::write(&study, text).unwrap();
    let (study, run) = (study.to_str().unwrap(), out.to_str().unwrap());
    paring(folder.path(), &["compress", study, "--out", run]).success();
    let few = ["--minutes", "30", "--replicates", "2", "--groups", "2"];
    paring(folder.path(), &[&["explain", run], &few[..]].concat()).success();
    assert_eq!(explanations(&out)[0].experiments.draws, 2);
}

#[test]
fn says_which_decision_changed_what() {
    let folder = tempfile::tempdir().unwrap();
    let run = run(folder.path());
    let path = run.to_str().unwrap();
    let explain = |more: &[&str]| {
        let few = ["--minutes", "30", "--replicates", "2", "--groups", "4"];
        paring(folder.path(), &[&["explain", path], &few[..], more].concat())
    };
    explain(&[]).success().stdout(contains("both: ").and(contains("nhwc: ")));
    let all = explanations(&run);
    let names: Vec<&str> = all.iter().map(|e| e.variant.as_str()).collect();
    assert_eq!(names, ["both", "nhwc"], "a variant without decisions has nothing to explain");
    let both = &all[0];
    assert_eq!((both.groups.len(), both.experiments.exact), (4, true));
    assert!(both.experiments.replay_identical, "{:?}", both.experiments);
    for total in &both.totals {
        let left = total.left_over.unwrap_or(0.0);
        assert!(left.abs() < 1e-9 * total.baseline.abs().max(1.0), "{total:?}");
    }
    let record = serde_json::to_value(both).unwrap();
    assert!(both.narrative.iter().all(|sentence| sentence.holds(&record)));
    assert_eq!(all[1].groups[0].operation, "engine options");
    let csv = std::fs::read_to_string(run.join("effects.csv")).unwrap();
    assert!(csv.starts_with("schema,study,run_id,variant,variant_id,group,label,"));
    assert_eq!(csv.lines().count(), 1 + all.iter().map(|e| e.effects.len()).sum::<usize>());
    assert!(run.join("report.md").exists());
    // The same again costs no experiment, and says the same.
    let journal = run.join("experiments/experiments.jsonl");
    let before = std::fs::read(&journal).unwrap();
    explain(&["--variant", "both"]).success();
    assert_eq!(std::fs::read(&journal).unwrap(), before);
    let again = &explanations(&run)[0];
    let sampled = |e: &Explanation| {
        let own = e.effects.iter().filter(|effect| effect.target.is_none());
        own.cloned().collect::<Vec<_>>()
    };
    assert_eq!(sampled(again), sampled(both));
    explain(&["--variant", "same"]).code(2).stderr(contains("nothing was decided"));
    explain(&["--variant", "none"])
        .code(2)
        .stderr(contains("no variant `none`; it has `baseline`"));
}

#[test]
fn blame_names_what_puts_a_sample_back() {
    let folder = tempfile::tempdir().unwrap();
    let run = run(folder.path());
    let arguments = ["--variant", "both", "--replicates", "1", "--groups", "6", "--minutes", "30"];
    let path = run.to_str().unwrap();
    paring(folder.path(), &[&["explain", path], &arguments[..]].concat()).success();
    let found = &explanations(&run)[0];
    let counts = found.flip_counts;
    assert_eq!(counts.lost + counts.won + counts.other, found.flips.len());
    assert!(counts.lost > 0, "pruning by magnitude alone loses samples");
    for flip in &found.flips {
        assert!(flip.before != flip.after && !flip.groups.is_empty());
        assert!(flip.groups.len() <= GroupCoalition::full(found.groups.len()).len());
    }
    assert!(found.links.iter().map(|l| l.change.unwrap().value).sum::<f64>() < 0.0);
}

#[test]
fn notes_stand_beside_it_as_theirs() {
    let folder = tempfile::tempdir().unwrap();
    let run = run(folder.path());
    let path = run.to_str().unwrap();
    let note = |arguments: &[&str]| paring(folder.path(), &[&["note", path], arguments].concat());
    note(&["7 of these are mislabelled", "--on", "both"]).success().stdout(contains("somebody"));
    note(&["seen by all", "--by", "a reviewer"]).success();
    note(&["lost", "--on", "nothing"]).code(2).stderr(contains("neither a variant nor"));
    note(&["  "]).code(2).stderr(contains("has no words"));
    let arguments = ["--variant", "both", "--replicates", "1", "--groups", "2"];
    paring(folder.path(), &[&["explain", path], &arguments[..]].concat()).success();
    let report = std::fs::read_to_string(run.join("report.md")).unwrap();
    assert!(report.contains("> 7 of these are mislabelled\n>\n> somebody, on `both`"), "{report}");
    assert!(report.contains("> seen by all\n>\n> a reviewer"), "{report}");
    assert_eq!(explanations(&run)[0].notes.len(), 2);
}

/// Nine earlier forecasts, of which the seventh worst missed by seven times its reach: the next are
/// as much wider, and say so in the ledger.
#[test]
fn what_came_of_forecasts_widens_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let outcome = |number: u8| {
        let (delta, seen) = (-0.1, -0.1 - 0.01 * f64::from(number));
        let method = "earlier".to_string();
        let (low, high) = (delta - 0.01, delta + 0.01);
        let (metric, scale) = ("accuracy".to_string(), Some(0.01));
        ForecastOutcome {
            schema: SCHEMA,
            run_id: "earlier".into(),
            variant: "v".into(),
            group: "g".into(),
            decision: Sha256Hex::of(&[number]),
            criterion: None,
            layer_type: None,
            expected: Forecast { metric, target: None, delta, low, high, scale, method },
            observed: ConfidenceInterval { value: seen, low: seen - 0.001, high: seen + 0.001 },
            covered: number < 2,
            compatible: number < 2,
        }
    };
    let lines: Vec<String> =
        (0..9).map(|n| serde_json::to_string(&outcome(n)).unwrap() + "\n").collect();
    std::fs::write(folder.path().join("forecasts.jsonl"), lines.concat()).unwrap();
    let ledger = std::fs::read_to_string(run(folder.path()).join("ledger.jsonl")).unwrap();
    assert!(ledger.contains("jackknife+ of these and 9 earlier outcomes"), "{ledger}");
}
