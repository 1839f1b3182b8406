//! `[[protocol.require]]` and `paring gate`: verdicts of a measured run, in every form; what is fixed
//! before the first result stays so.

mod common;
#[path = "common/runs.rs"]
mod runs;

use common::digits;
use paring::pipeline::Folders;
use paring::schema::{GateRecord, GateVerdict};
use paring::study::{verify, write_manifest};
use predicates::prelude::PredicateBooleanExt;
use predicates::str::contains;
use runs::paring;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

const REQUIREMENTS: &str = "[[protocol.require]]\nmetric = \"accuracy_drop\"\nmax = 0.02\n\
    [[protocol.require]]\nmetric = \"specificity\"\nmin = 0.5\nclass = \"every\"\n\
    [[protocol.require]]\nmetric = \"file_bytes_ratio\"\nmax = 1.0\n\
    [[protocol.require]]\nmetric = \"latency_p50_ms\"\nmax = 1000\ntarget = \"host\"\n";

/// A variant that is pruned without recovery, and one that equals the baseline.
fn study(folder: &Path, name: &str, requirements: &str) -> PathBuf {
    let path = folder.join(name);
    let text = format!(
        "[study]\nname = \"small\"\nowner = \"tests\"\nrisk = \"none\"\nreview_by = \"2020-01-31\"\n\
         [model]\npath = {:?}\n[data]\npath = {:?}\nslices = [\"stroke_density\"]\n\
         splits = {{ calibrate = 0.2, select = 0.2, report = 0.6, seed = 1 }}\n\
         [protocol]\nblocks = 3\nprobes = 0\nsolo_ms = 10\npaired_ms = 10\nrequire_words = [\"risk\"]\n\
         {requirements}\
         [[variant]]\nname = \"pruned\"\nsteps = [{{ prune = \"channels\", ratio = 0.5, \
         criterion = \"l1\" }}]\n\
         [[variant]]\nname = \"same\"\n",
        digits("digits_cnn.onnx"),
        digits("digits.npz"),
    );
    std::fs::write(&path, text).unwrap();
    path
}

fn measured(folder: &Path) -> PathBuf {
    let (study, out) = (study(folder, "study.toml", REQUIREMENTS), folder.join("run"));
    let words = ["run", study.to_str().unwrap(), "--quick", "--out", out.to_str().unwrap()];
    paring(folder, &words)
        .success()
        .stdout(contains("gate: of 2 variants, 1 undecided (same), 1 fail (pruned)"))
        .stderr(contains("to be reviewed by 2020-01-31"));
    out
}

/// Cells of results.csv by variant and column.
fn results(run: &Path) -> BTreeMap<String, BTreeMap<String, String>> {
    let text = std::fs::read_to_string(run.join("results.csv")).unwrap();
    let rows = csv::Reader::from_reader(text.as_bytes()).into_deserialize();
    let rows = rows
        .map(|row| row.unwrap())
        .map(|row: BTreeMap<String, String>| (row["variant"].clone(), row));
    rows.collect()
}

#[test]
fn verdicts_stand_in_the_table_the_ledger_and_every_answer() {
    let folder = tempfile::tempdir().unwrap();
    let run = measured(folder.path());
    let out = run.to_str().unwrap();
    let table = results(&run);
    let cell = |variant: &str, column: &str| table[variant][column].clone();
    assert_eq!(
        ["baseline", "pruned", "same"].map(|variant| cell(variant, "gate")),
        ["", "fail", "undecided"]
    );
    assert_eq!(cell("same", "gate_unmet"), "latency_p50_ms ≤ 1000 on host: undecided");
    assert!(cell("pruned", "gate_unmet").starts_with("accuracy_drop ≤ 0.02: fail; "));

    let answer = paring(folder.path(), &["gate", out, "--json"]).code(5);
    let answer: Value = serde_json::from_slice(&answer.get_output().stdout).unwrap();
    let record: GateRecord = serde_json::from_value(answer["gate"].clone()).unwrap();
    // Per variant a drop, ten classes, a size and a latency.
    assert_eq!(record.cells.len(), 2 * 13);
    let of_pruned = &record.cells[0];
    assert_eq!((of_pruned.requirement, of_pruned.verdict), (0, GateVerdict::Fail));
    // The drop is what the table has as a change.
    let change: f64 = cell("pruned", "metric_change_high").parse().unwrap();
    assert!((of_pruned.observed.unwrap().low + change).abs() < 1e-6);
    let timed = record.cells.last().unwrap();
    assert_eq!((timed.target.as_deref(), timed.verdict), (Some("host"), GateVerdict::Undecided));
    // As many of the three blocks as saw a quiet machine.
    assert!(timed.reason.as_ref().unwrap().ends_with(", a verdict needs 9"));

    // The run's own verdicts and those of the gate are one entry.
    let ledger = std::fs::read_to_string(run.join("ledger.jsonl")).unwrap();
    let entries: Vec<Value> =
        ledger.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let gates: Vec<&Value> = entries.iter().filter(|entry| entry["kind"] == "gate").collect();
    assert_eq!(gates.len(), 1);
    assert_eq!(gates[0]["body"]["gate_sha256"], Value::String(record.gate_sha256.to_string()));
    assert_eq!(gates[0]["actor"], "tests");

    let junit = folder.path().join("gate.xml");
    let words = ["gate", out, "--variant", "same", "--junit", junit.to_str().unwrap()];
    paring(folder.path(), &words)
        .code(5)
        .stdout(contains("latency_p50_ms ≤ 1000 on host").and(contains("fail").not()))
        .stderr(contains("requirements not met: undecided: same"));
    let xml = std::fs::read_to_string(&junit).unwrap();
    assert!(xml.contains("tests=\"13\" failures=\"1\" skipped=\"0\""), "{xml}");
    paring(folder.path(), &[&words[..], &["--allow-undecided"]].concat()).success();
    let xml = std::fs::read_to_string(&junit).unwrap();
    assert!(xml.contains("tests=\"13\" failures=\"0\" skipped=\"1\""), "{xml}");

    paring(folder.path(), &["show", out]).success().stdout(contains("1 fail (pruned)"));
    let report = std::fs::read_to_string(run.join("report.md")).unwrap();
    assert!(report.contains("| accuracy_drop ≤ 0.02 | `same` |  | `pruned` |"), "{report}");
    let page = std::fs::read_to_string(run.join("report.html")).unwrap();
    assert!(page.contains("Requirements of the protocol"));
    paring(folder.path(), &["gate", out, "--variant", "nobody"])
        .code(2)
        .stderr(contains("no variant `nobody` to judge; it has `pruned`, `same`"));
    paring(folder.path(), &["verify", out]).success();
    requirements_are_fixed(folder.path(), &run);
    forged_verdicts_are_found(&run);
}

/// A changed requirement is refused with what changed, and leaves the run as it is.
fn requirements_are_fixed(folder: &Path, run: &Path) {
    let looser = REQUIREMENTS.replace("0.02", "0.5");
    let study = study(folder, "study.toml", &looser);
    let words = ["run", study.to_str().unwrap(), "--quick", "--out", run.to_str().unwrap()];
    let protocol: Value =
        serde_json::from_slice(&std::fs::read(run.join("protocol.json")).unwrap()).unwrap();
    paring(folder, &words).code(2).stderr(
        contains("without accuracy_drop ≤ 0.02, with accuracy_drop ≤ 0.5")
            .and(contains(protocol["run_id"].as_str().unwrap()))
            .and(contains("choose another --out")),
    );
    paring(folder, &["verify", run.to_str().unwrap()]).success();
    // Verdicts are those of the frozen requirements.
    paring(folder, &["gate", run.to_str().unwrap(), "--variant", "pruned"]).code(5);
}

/// Edits of the verdict or of the requirement, with a manifest that fits.
fn forged_verdicts_are_found(run: &Path) {
    // A manifest that is there keeps the hashes that files should have.
    let fit = || {
        std::fs::remove_file(run.join("run.manifest")).unwrap();
        write_manifest(&Folders::new(run)).unwrap();
    };
    let forged = |file: &str, from: &str, to: &str, expected: &str| {
        let path = run.join(file);
        let honest = std::fs::read_to_string(&path).unwrap();
        assert!(honest.contains(from), "{file} lacks {from}");
        std::fs::write(&path, honest.replacen(from, to, 1)).unwrap();
        fit();
        let found = verify(run, None).unwrap_err().to_string();
        assert!(found.contains(expected), "{found}");
        std::fs::write(&path, honest).unwrap();
        fit();
        verify(run, None).unwrap();
    };
    forged("results.csv", ",undecided,", ",pass,", "gate is `pass`");
    forged("protocol.json", "\"max\": 0.02", "\"max\": 0.9", "its requirements are not those");
}

#[test]
fn what_the_data_cannot_decide_is_said_before() {
    let folder = tempfile::tempdir().unwrap();
    let text = "[[protocol.require]]\nmetric = \"accuracy\"\nmin = 0.9999\n\
        [[protocol.require]]\nmetric = \"accuracy_drop\"\nmax = 0.2\n\
        [[protocol.require]]\nmetric = \"speedup\"\nmin = 1.1\n";
    let study = study(folder.path(), "study.toml", text);
    // z² · 0.9999 / 0.0001 = 38410.4.
    paring(folder.path(), &["run", study.to_str().unwrap(), "--dry-run"]).success().stdout(
        contains("requirement: accuracy ≥ 0.9999\n")
            .and(contains("no variant can pass accuracy ≥ 0.9999 with "))
            .and(contains("samples: at least 38411 are needed\n"))
            .and(contains("no variant can pass speedup ≥ 1.1 with 3 blocks: at least 9 are needed"))
            .and(contains("can pass accuracy_drop").not()),
    );
    let run = folder.path().join("none");
    paring(folder.path(), &["gate", run.to_str().unwrap()]).code(2);
}

#[test]
fn a_run_without_requirements_has_no_gate() {
    let folder = tempfile::tempdir().unwrap();
    let run = runs::compressed(folder.path());
    paring(folder.path(), &["gate", run.to_str().unwrap()])
        .code(2)
        .stderr(contains("has no requirements: they are fixed before a run begins"));
}

/// A variant that lost little in every layer, and one that lost most of one layer besides.
fn harmed(folder: &Path) -> PathBuf {
    let (path, out) = (folder.join("study.toml"), folder.join("run"));
    let text = format!(
        "[study]\nname = \"harmed\"\nowner = \"tests\"\n[model]\npath = {:?}\n[data]\npath = {:?}\n\
         splits = {{ calibrate = 0.2, select = 0.3, report = 0.5, seed = 1 }}\n\
         [energy]\nsource = \"none\"\n\
         [protocol]\nblocks = 3\nprobes = 0\nsolo_ms = 10\npaired_ms = 10\n\
         [[protocol.require]]\nmetric = \"accuracy_drop\"\nmax = 0.03\n\
         [[variant]]\nname = \"mild\"\nsteps = [{{ prune = \"channels\", ratio = 0.125, \
         criterion = \"obs\", recover = \"least-squares\" }}]\n\
         [[variant]]\nname = \"harmed\"\nfrom = \"mild\"\nsteps = [{{ prune = \"channels\", \
         ratio = 0.75, criterion = \"l1\", layers = \"plain\" }}]\n",
        digits("digits_cnn.onnx"),
        digits("digits.npz"),
    );
    std::fs::write(&path, text).unwrap();
    let words = ["run", path.to_str().unwrap(), "--quick", "--out", out.to_str().unwrap()];
    paring(folder, &words).success();
    out
}

#[test]
fn the_step_that_did_the_harm_is_put_back_first() {
    let folder = tempfile::tempdir().unwrap();
    let run = harmed(folder.path());
    let out = run.to_str().unwrap();
    paring(folder.path(), &["gate", out])
        .code(5)
        .stderr(contains("requirements not met: fail: harmed"));
    let answer = paring(folder.path(), &["gate", out, "--restore", "--json", "--quiet"]).success();
    let answer: Value = serde_json::from_slice(&answer.get_output().stdout).unwrap();
    let [found] = &answer["restorations"].as_array().unwrap()[..] else { panic!("{answer:#}") };
    assert_eq!(found["variant"], "harmed");
    let groups = found["groups"].as_array().unwrap();
    assert_eq!(groups.last().unwrap(), "prune channels of plain");
    // Of both steps that pruned this layer the second did the harm, and it is enough.
    assert_eq!(found["search"]["restored"], serde_json::json!([groups.len() - 1]));
    let trials = found["search"]["trials"].as_array().unwrap();
    let first = trials.iter().find(|trial| trial["kept"] == true).unwrap();
    assert_eq!(first["action"], "restore");
    assert_eq!(first["group"], groups.len() - 1);
    assert_eq!(found["search"]["ended"], "passes");
    assert!(found["search"]["end"]["passes"] == true, "{found:#}");

    let table = results(&run);
    assert_eq!(table["harmed"]["gate"], "fail");
    assert_eq!(table["harmed.gated"]["gate"], "pass");
    let macs = |variant: &str| table[variant]["macs"].parse::<u64>().unwrap();
    assert!(macs("harmed") < macs("harmed.gated") && macs("harmed.gated") <= macs("mild"));
    let ledger = std::fs::read_to_string(run.join("ledger.jsonl")).unwrap();
    let entries = ledger.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let bodies: Vec<Value> = entries
        .filter(|entry| entry["kind"] == "restore")
        .map(|entry| entry["body"].clone())
        .collect();
    let tried = bodies.iter().filter(|body| body["what"] == "trial").count();
    assert_eq!(tried, trials.len());
    let last = bodies.last().unwrap();
    assert_eq!(last["restored"], "harmed.gated");
    assert_eq!((&last["by"], &last["ended"]), (&Value::from("macs"), &Value::from("passes")));
    assert_eq!(last["group_ids"].as_array().unwrap().len(), 1);
    paring(folder.path(), &["verify", out]).success();
    costs_are_measured_or_refused(folder.path(), out);
}

/// Microseconds are those that the run measured of each group; where it has none, no other cost is taken.
fn costs_are_measured_or_refused(folder: &Path, out: &str) {
    let by = ["gate", out, "--restore", "--variant", "harmed", "--by"];
    let words = [&by[..], &["microseconds"]].concat();
    paring(folder, &words).code(2).stderr(
        contains("the run has no measured latency of each group of `harmed` on host")
            .and(contains("--variant harmed --measure --target host --groups ")),
    );
    let other = [&by[..], &["microseconds", "--target", "pi4"]].concat();
    paring(folder, &other).code(2).stderr(contains("`pi4` is no target of the study"));
    let named = [&by[..], &["bytes", "--target", "host"]].concat();
    paring(folder, &named).code(2).stderr(contains("--target goes with --by microseconds"));
    let explain = ["explain", out, "--variant", "harmed", "--replicates", "1", "--minutes", "0.1"];
    paring(folder, &explain).success();
    // Explained and not measured is still not measured, and the reason is handed on.
    paring(folder, &words)
        .code(2)
        .stderr(contains("(not measured; `paring explain --measure` does)"));
    let saved = |group: usize| -1000.0 * (group + 1) as f64;
    write_latencies(&Path::new(out).join("explain.json"), &saved);
    let answer = paring(folder, &[&words[..], &["--json", "--quiet"]].concat()).success();
    let answer: Value = serde_json::from_slice(&answer.get_output().stdout).unwrap();
    let found = &answer["restorations"][0];
    assert_eq!(
        (&found["by"], &found["target"]),
        (&Value::from("microseconds"), &Value::from("host"))
    );
    // Nothing put back costs nothing, and the group that came back costs what it had saved.
    assert_eq!(found["search"]["start"]["cost"], 0.0);
    let restored = found["search"]["restored"].as_array().unwrap().iter();
    let cost: f64 = restored.map(|group| -saved(group.as_u64().unwrap() as usize)).sum();
    assert!(cost > 0.0, "{found:#}");
    assert!((found["search"]["end"]["cost"].as_f64().unwrap() - cost).abs() < 1e-6);
    // No sensor here measures energy for the test: nothing else stands in for it.
    let energy = [&by[..], &["millijoules"]].concat();
    paring(folder, &energy).code(2).stderr(contains("no measured energy of each group"));
}

/// Enters times that each group saved on the host, as if they had been measured there.
fn write_latencies(path: &Path, saved: &dyn Fn(usize) -> f64) {
    let mut all: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let explanation = &mut all[0];
    let ids: Vec<Value> =
        explanation["groups"].as_array().unwrap().iter().map(|group| group["id"].clone()).collect();
    let mut entered = 0;
    for effect in explanation["effects"].as_array_mut().unwrap() {
        if effect["metric"] != "latency" || effect["target"] != "host" {
            continue;
        }
        let value = saved(ids.iter().position(|id| *id == effect["group"]).unwrap());
        effect["leave_one_out"] =
            serde_json::json!({ "value": value, "low": value, "high": value });
        entered += 1;
    }
    assert_eq!(entered, ids.len(), "an effect of each group");
    std::fs::write(path, serde_json::to_vec(&all).unwrap()).unwrap();
}
