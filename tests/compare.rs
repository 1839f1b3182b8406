//! Runs against each other, as a user meets it: the same study twice, a variant that became slower,
//! rows that must not be compared, and models side by side.

mod common;

use assert_cmd::Command;
use common::digits;
use predicates::str::contains;
use serde_json::Value;
use std::path::{Path, PathBuf};

fn paring() -> Command {
    Command::new(env!("CARGO_BIN_EXE_paring"))
}

fn json(command: &mut Command) -> Value {
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {said}"))
}

#[track_caller]
fn refused(arguments: &[&str], code: i32, message: &str) {
    let ended = paring().args(arguments).assert().code(code).stderr(contains(message));
    let said = String::from_utf8_lossy(&ended.get_output().stderr).to_string();
    assert!(!said.contains("panicked"), "{said}");
}

/// A row of a results.csv, as far as comparing reads it.
#[derive(Clone)]
struct Line {
    variant: &'static str,
    id: &'static str,
    parent: &'static str,
    engine: &'static str,
    rules: &'static str,
    speedup: f64,
    valid: bool,
}

const BASE: Line = Line {
    variant: "baseline",
    id: "b0",
    parent: "",
    engine: "tract 1",
    rules: "m0",
    speedup: 0.0,
    valid: true,
};

fn variant(variant: &'static str, id: &'static str, speedup: f64) -> Line {
    Line { variant, id, parent: "baseline", speedup, ..BASE }
}

/// Eight variants that nothing happened to.
fn ordinary() -> Vec<Line> {
    const NAMES: [(&str, &str); 8] = [
        ("v1", "i1"),
        ("v2", "i2"),
        ("v3", "i3"),
        ("v4", "i4"),
        ("v5", "i5"),
        ("v6", "i6"),
        ("v7", "i7"),
        ("v8", "i8"),
    ];
    let variants =
        NAMES.iter().enumerate().map(|(i, (name, id))| variant(name, id, 0.9 + 0.1 * i as f64));
    std::iter::once(BASE).chain(variants).collect()
}

fn write(folder: &Path, name: &str, lines: &[Line]) -> String {
    let mut text = "schema,study,run_id,variant,variant_id,parent,target,cpu,engine,batch,threads,\
                    latency_p50_ns,latency_p50_low_ns,latency_p50_high_ns,speedup,speedup_low,\
                    speedup_high,verdict,valid,invalid_reason,data_sha256,measurement_sha256,\
                    agent_version,started_at\n"
        .to_string();
    for line in lines {
        let s = line.speedup;
        let speed = match line.parent {
            "" => ",,,".to_string(),
            _ => format!("{s:.5},{:.5},{:.5},faster", 0.998 * s, 1.002 * s),
        };
        let reason = if line.valid { "" } else { "hardly ever quiet" };
        text += &format!(
            "1,study,{name},{},{},{},host,cpu,{},1,1,200000,198000,202000,{speed},{},{reason},d0,{},1,\n",
            line.variant, line.id, line.parent, line.engine, line.valid, line.rules
        );
    }
    let path = folder.join(format!("{name}.csv"));
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_string()
}

fn row<'a>(found: &'a Value, name: &str) -> &'a Value {
    let rows = found["rows"].as_array().unwrap();
    let named = |row: &&Value| row["after"]["variant"] == name || row["before"]["variant"] == name;
    rows.iter().find(named).unwrap()
}

#[test]
fn a_variant_that_became_slower_is_flagged_and_the_others_are_not() {
    let folder = tempfile::tempdir().unwrap();
    let mut after = ordinary();
    after[3] = variant("v3", "another", 1.1 * 0.95);
    after[5].speedup *= 1.001;
    let a = write(folder.path(), "a", &ordinary());
    let b = write(folder.path(), "b", &after);
    let found = json(paring().args(["compare", &a, &b, "--json"]));
    for line in ordinary() {
        let expected = if line.variant == "v3" { "slower" } else { "cannot tell" };
        assert_eq!(row(&found, line.variant)["verdict"], expected, "{}", line.variant);
    }
    let slower = row(&found, "v3");
    assert_eq!(slower["matched_by"], "name");
    assert!((slower["change"]["value"].as_f64().unwrap() - 0.95).abs() < 1e-3);
    paring().args(["compare", &a, &b]).assert().success().stdout(contains("slower"));
    refused(
        &["compare", &a, &b, "--fail-on", "regression"],
        5,
        "worse than before: `v3` runs at 0.950",
    );
    paring().args(["compare", &a, &a, "--fail-on", "regression"]).assert().success();
}

#[test]
fn a_page_shows_every_variant_from_run_to_run() {
    let folder = tempfile::tempdir().unwrap();
    let hostile = variant("<script>alert(1)</script>", "i8", 1.6);
    let mut before = ordinary();
    before[8] = hostile;
    let mut after = before.clone();
    after[3] = variant("v3", "another", 1.1 * 0.9);
    after[4].valid = false;
    let runs = [("a", &before), ("b", &before), ("c", &after)];
    let runs = runs.map(|(name, lines)| write(folder.path(), name, lines));
    let page = folder.path().join("pages/trend.html");
    let arguments = ["compare", &runs[0], &runs[1], &runs[2], "--html", page.to_str().unwrap()];
    let command = |more: &[&str]| paring().args(arguments).args(more).assert();
    command(&[]).success().stdout(contains("slower"));
    let html = std::fs::read_to_string(&page).unwrap();
    assert!(html.contains("run 3: v3 on host became slower: 0.900 (99 % CI"), "{html}");
    assert!(html.contains("One step between two runs is more than noise."));
    assert!(html.contains("not valid: hardly ever quiet"));
    assert!(html.contains("&#60;script&#62;alert(1)") || html.contains("&lt;script&gt;alert(1)"));
    assert!(!html.contains("<script>alert") && !html.contains("http://"));
    assert!(html.contains("Content-Security-Policy"));
    // One chart a variant: the files have no quality.
    assert_eq!(html.matches("<svg").count(), 9);
    command(&["--fail-on", "regression"]).code(5);
    std::fs::create_dir(folder.path().join("taken.html")).unwrap();
    let taken = folder.path().join("taken.html");
    refused(&["compare", &runs[0], &runs[1], "--html", taken.to_str().unwrap()], 2, "write ");
}

/// A table with quality, size, memory and energy beside a speed that did not change.
fn figures(folder: &Path, name: &str, cells: [&str; 9]) -> String {
    let [accuracy, low, high, bytes, rss, energy, energy_low, energy_high, missing] = cells;
    let text = format!(
        "schema,study,variant,variant_id,parent,target,engine,batch,threads,latency_p50_ns,speedup,\
         speedup_low,speedup_high,verdict,valid,data_sha256,measurement_sha256,metric,metric_value,\
         metric_low,metric_high,file_bytes,peak_rss_bytes,energy_per_inference_uj,energy_low_uj,\
         energy_high_uj,energy_missing\n\
         1,s,baseline,b0,,host,tract 1,1,1,200000,,,,,true,d0,m0,accuracy,0.99,0.98,1,90,9000,,,,\n\
         1,s,small,{name},baseline,host,tract 1,1,1,100000,2,1.99,2.01,faster,true,d0,m0,accuracy,\
         {accuracy},{low},{high},{bytes},{rss},{energy},{energy_low},{energy_high},{missing}\n"
    );
    let path = folder.join(format!("{name}.csv"));
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_string()
}

#[test]
fn quality_size_memory_and_energy_are_judged_beside_speed() {
    let folder = tempfile::tempdir().unwrap();
    let a =
        figures(folder.path(), "a", ["0.97", "0.96", "0.98", "100", "8000", "50", "49", "51", ""]);
    let b =
        figures(folder.path(), "b", ["0.93", "0.92", "0.94", "150", "8001", "80", "79", "81", ""]);
    let c = figures(
        folder.path(),
        "c",
        ["0.965", "0.955", "0.975", "100", "8000", "", "", "", "no sensor"],
    );
    let found = json(paring().args(["compare", &a, &b, "--json"]));
    let changes = row(&found, "small")["figures"].as_array().unwrap().clone();
    let verdict = |figure: &str| {
        changes.iter().find(|change| change["figure"] == figure).unwrap()["verdict"].clone()
    };
    for (figure, expected) in
        [("accuracy", "worse"), ("size", "worse"), ("memory", "cannot tell"), ("energy", "worse")]
    {
        assert_eq!(verdict(figure), expected, "{figure}");
    }
    let fails = |on: &str, other: &str, code: i32, said: &str| {
        refused(&["compare", &a, other, "--fail-on", on], code, said);
    };
    fails("accuracy", &b, 5, "worse than before: `small` accuracy 97.00 % before, 93.00 % after");
    fails("size,latency", &b, 5, "`small` size 100 B before, 150 B after (+50.0 %)");
    fails("energy", &b, 5, "`small` energy 50");
    fails("regression", &b, 5, "accuracy 97.00 %");
    for harmless in ["latency", "memory", "latency,memory"] {
        paring().args(["compare", &a, &b, "--fail-on", harmless]).assert().success();
    }
    // Better is no failure, and what cannot be judged is one only where that is asked for.
    let all = "accuracy,latency,memory,size,energy";
    paring().args(["compare", &b, &a, "--fail-on", all]).assert().success();
    paring().args(["compare", &a, &c, "--fail-on", all]).assert().success();
    fails("energy,incomparable", &c, 5, "`small` energy: no energy after: no sensor");
    paring().args(["compare", &a, &c, "--fail-on", "accuracy,incomparable"]).assert().success();
    let markdown = paring().args(["compare", &a, &b, "--format", "markdown"]).output().unwrap();
    let markdown = String::from_utf8(markdown.stdout).unwrap();
    let line = "| small |  | accuracy | 97.00 % | 93.00 % | −4.00 points";
    assert!(markdown.contains(line), "{markdown}");
    let csv = paring().args(["compare", &a, &c, "--format", "csv"]).output().unwrap();
    let mut reader = csv::Reader::from_reader(csv.stdout.as_slice());
    let rows: Vec<std::collections::BTreeMap<String, String>> =
        reader.deserialize().map(Result::unwrap).collect();
    assert_eq!(rows[1]["metric_verdict"], "cannot tell");
    assert_eq!(rows[1]["energy_not_judged"], "no energy after: no sensor");
    assert_eq!(
        (&rows[1]["size_verdict"][..], &rows[1]["size_change"][..]),
        ("unchanged", "1.00000")
    );
}

#[test]
fn what_the_runs_differ_by_is_in_every_interval() {
    let folder = tempfile::tempdir().unwrap();
    // Every variant moved by 2 or 3 %, up or down: that is the machine, not a variant.
    let mut after = ordinary();
    for (index, line) in after.iter_mut().enumerate() {
        line.speedup *= if index % 2 == 0 { 1.02 } else { 0.97 };
    }
    let a = write(folder.path(), "a", &ordinary());
    let b = write(folder.path(), "b", &after);
    let found = json(paring().args(["compare", &a, &b, "--json"]));
    let rows = found["rows"].as_array().unwrap();
    assert!(rows.iter().all(|row| row["verdict"] == "cannot tell"), "{found:#}");
    assert!(found["spread_pct"][1].as_f64().unwrap() > 5.0);
    assert_eq!(found["spread_rows"][1], 8);
}

#[test]
fn rows_that_differ_in_more_than_the_variant_are_not_judged() {
    let folder = tempfile::tempdir().unwrap();
    let mut after = ordinary();
    after.iter_mut().for_each(|line| line.engine = "tract 2");
    after[1].rules = "m1";
    after[2].valid = false;
    after.remove(8);
    let a = write(folder.path(), "a", &ordinary());
    let b = write(folder.path(), "b", &after);
    let found = json(paring().args(["compare", &a, &b, "--json"]));
    let reason = |name: &str| row(&found, name)["not_comparable"].to_string();
    assert!(found["rows"].as_array().unwrap().iter().all(|row| row["verdict"].is_null()));
    assert!(reason("v1").contains("another engine: tract 2, before tract 1"), "{}", reason("v1"));
    assert!(reason("v2").contains("after: not valid: hardly ever quiet"), "{}", reason("v2"));
    assert!(reason("v8").contains("only in the first"), "{}", reason("v8"));
    let across = ["compare", &a, &b, "--across", "engine", "--json"];
    let found = json(paring().args(across));
    assert_eq!(row(&found, "v4")["verdict"], "cannot tell");
    assert!(row(&found, "v4")["accepted"].to_string().contains("another engine"));
    assert!(row(&found, "v2")["verdict"].is_null(), "an invalid row is never judged");
    let fail = ["compare", &a, &b, "--fail-on", "incomparable"];
    refused(&fail, 5, "not compared: `baseline`: another engine");
}

#[test]
fn other_baselines_and_other_rules_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let mut after = ordinary();
    after[0].id = "b1";
    after[4].rules = "m1";
    let a = write(folder.path(), "a", &ordinary());
    let b = write(folder.path(), "b", &after);
    let found = json(paring().args(["compare", &a, &b, "--json"]));
    let reason = |name: &str| row(&found, name)["not_comparable"].to_string();
    assert!(reason("v1").contains("the baselines that they are relative to differ"));
    assert!(reason("v4").contains("other timing rules"), "{}", reason("v4"));
}

#[test]
fn three_runs_have_a_history() {
    let folder = tempfile::tempdir().unwrap();
    let run = |name: &str, factor: f64| {
        let mut lines = ordinary();
        lines[6].speedup *= factor;
        write(folder.path(), name, &lines)
    };
    let files = [run("a", 1.0), run("b", 1.001), run("c", 0.999), run("d", 0.9)];
    let found = json(paring().arg("compare").args(&files).arg("--json"));
    let history = found["history"].as_array().unwrap();
    let flagged: Vec<&Value> = history.iter().filter(|s| s["flagged"] == true).collect();
    assert_eq!(flagged.len(), 1, "{found:#}");
    assert_eq!(flagged[0]["variant"], "v6");
    let two = json(paring().arg("compare").args(&files[..2]).arg("--json"));
    assert!(two["history"].as_array().unwrap().is_empty());
}

#[test]
fn another_engine_s_table_stands_beside_without_a_verdict() {
    let folder = tempfile::tempdir().unwrap();
    let a = write(folder.path(), "a", &ordinary());
    let path = folder.path().join("ort.csv");
    let text = "engine,model,latency_p50_us,threads\nonnxruntime 1.32,v2,100,1\nonnxruntime 1.32,new,5,1\n";
    std::fs::write(&path, text).unwrap();
    let b = path.to_str().unwrap();
    let found = json(paring().args(["compare", &a, b, "--json"]));
    let beside = row(&found, "v2");
    assert_eq!(beside["basis"], "sequential");
    assert!((beside["change"]["value"].as_f64().unwrap() - 2.0).abs() < 1e-9);
    assert!(beside["verdict"].is_null());
    assert!(
        beside["not_comparable"][0].as_str().unwrap().starts_with("onnxruntime 1.32 was timed")
    );
    paring().args(["compare", &a, b]).assert().success().stdout(contains("p50 before, µs"));
}

#[test]
fn the_same_figures_in_every_format() {
    let folder = tempfile::tempdir().unwrap();
    let a = write(folder.path(), "a", &ordinary());
    let csv = paring().args(["compare", &a, &a, "--format", "csv"]).output().unwrap();
    let mut reader = csv::Reader::from_reader(csv.stdout.as_slice());
    let rows: Vec<std::collections::BTreeMap<String, String>> =
        reader.deserialize().map(Result::unwrap).collect();
    assert_eq!(rows.len(), 9);
    assert_eq!((rows[1]["variant"].as_str(), rows[1]["change"].as_str()), ("v1", "1.00000"));
    let markdown = ["compare", &a, &a, "--format", "markdown"];
    let row = "| v1 | host | x 0.900 | x 0.900 | 1.000 ";
    paring().args(markdown).assert().success().stdout(contains(row));
}

#[test]
fn what_cannot_be_compared_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_string()
    };
    let good = write(folder.path(), "good", &ordinary());
    refused(&["compare", &good], 2, "give two or more run directories or CSV files");
    refused(&["compare", &good, "nowhere"], 2, "read nowhere");
    let empty = folder.path().to_str().unwrap();
    refused(&["compare", &good, empty], 2, "has no results.csv; give a run directory");
    let other = file("other.csv", "a,b\n1,2\n");
    refused(&["compare", &good, &other], 2, "it has no column `engine`");
    let unit = file("unit.csv", "engine,model,latency\nx,y,1\n");
    refused(&["compare", &good, &unit], 2, "no column `latency_p50_ns`, `_us`, `_ms` or `_s`");
    let bad = file("bad.csv", "engine,model,latency_p50_ms\nx,y,fast\n");
    refused(&["compare", &good, &bad], 2, "bad.csv line 2: `fast` is no usable latency_p50_ms");
    let zero = file("zero.csv", "engine,model,latency_p50_ms\nx,y,0\n");
    refused(&["compare", &good, &zero], 2, "`0` is no usable latency_p50_ms");
    let none = file("none.csv", "engine,model,latency_p50_ms\n");
    refused(&["compare", &good, &none], 2, "has no rows");
    let text = std::fs::read_to_string(&good).unwrap().replace("\n1,study", "\n999,study");
    let newer = file("newer.csv", &text);
    refused(&["compare", &good, &newer], 2, "use a newer paring");
    let run = folder.path().join("run");
    std::fs::create_dir(&run).unwrap();
    let text = std::fs::read_to_string(&good).unwrap().replacen(",host,", ",../../elsewhere,", 1);
    std::fs::write(run.join("results.csv"), text).unwrap();
    let run = run.to_str().unwrap();
    refused(&["compare", &good, run], 2, "line 2: `../../elsewhere` is no usable target");
}

/// A study with identical variants, two of them the baseline itself.
fn study(folder: &Path) -> PathBuf {
    let text = format!(
        "[study]\nname = \"twice\"\nowner = \"tests\"\n[model]\npath = {:?}\n[data]\npath = {:?}\n\
         [protocol]\nblocks = 9\nsolo_ms = 30\npaired_ms = 60\nprobes = 0\n\
         [[variant]]\nname = \"again\"\n\
         [[variant]]\nname = \"half\"\nsteps = [{{ prune = \"channels\", ratio = 0.5 }}]\n",
        digits("digits_cnn.onnx"),
        digits("digits.npz"),
    );
    let path = folder.join("study.toml");
    std::fs::write(&path, text).unwrap();
    path
}

#[test]
fn the_same_study_twice_cannot_tell_from_the_raw_blocks() {
    let folder = tempfile::tempdir().unwrap();
    let study = study(folder.path());
    let runs = ["a", "b"].map(|name| {
        let out = folder.path().join(name);
        paring().arg("run").arg(&study).arg("--out").arg(&out).assert().success();
        out
    });
    let found = json(paring().arg("compare").args(&runs).arg("--json"));
    let rows = found["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 3);
    for row in rows {
        // A machine that others keep busy gives no verdict, and says why.
        let busy = row["not_comparable"].to_string().contains("quiet");
        assert!(row["verdict"] == "cannot tell" || busy, "{row:#}");
        assert_eq!(row["matched_by"], "variant id");
    }
    let half = row(&found, "half");
    assert!(half["basis"] == "paired blocks" || !half["not_comparable"][0].is_null(), "{half:#}");
}

#[test]
fn a_bench_puts_models_side_by_side_with_interval_verdict_and_validity() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let bad = folder.path().join("bad.onnx");
    std::fs::write(&bad, "no model").unwrap();
    let (cnn, transformer) = (digits("digits_cnn.onnx"), digits("digits_transformer.onnx"));
    let output = paring()
        .args(["bench", "--blocks", "9", "--solo-ms", "20", "--paired-ms", "20", "--json", "--out"])
        .arg(&out)
        .args([&cnn, &transformer, &bad])
        .arg("--data")
        .arg(digits("digits.npz"))
        .output()
        .unwrap();
    // The third cannot run: it is a row with its reason, and the answer's code says so.
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("model `bad` was not measured"));
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    let rows = found["rows"].as_array().unwrap();
    assert_eq!((rows.len(), &found["random_inputs"]), (3, &Value::Bool(false)));
    assert_eq!(rows[0]["baseline"], true);
    for row in &rows[..2] {
        let p50 = &row["latency"]["p50_ns"];
        assert!(p50["low"].as_f64().unwrap() <= p50["value"].as_f64().unwrap());
        assert!(row["valid"].is_boolean());
    }
    let speedup = &rows[1]["speed"]["speedup"];
    assert!(speedup["low"].as_f64() <= speedup["high"].as_f64());
    let verdict = rows[1]["verdict"].as_str();
    assert!(verdict.is_none_or(|v| ["faster", "slower", "cannot tell"].contains(&v)));
    assert_eq!(rows[2]["measured"], false);
    assert!(rows[2]["missing"].as_str().unwrap().contains("is not an ONNX model"));
    // What it leaves can be compared like a run.
    let arguments = ["compare", out.to_str().unwrap(), out.to_str().unwrap()];
    paring().args(arguments).assert().success().stdout(contains("digits_transformer"));
}

#[test]
fn a_bench_needs_inputs_and_says_where_they_come_from() {
    let folder = tempfile::tempdir().unwrap();
    let model = digits("digits_cnn.onnx");
    let (model, out) = (model.to_str().unwrap(), folder.path().join("out"));
    let out = out.to_str().unwrap();
    refused(&["bench", model], 2, "give --data FILE.npz");
    refused(
        &["bench", "nowhere.onnx", "--random-inputs"],
        2,
        "no model or run directory at nowhere",
    );
    refused(
        &["bench", folder.path().to_str().unwrap(), "--random-inputs"],
        2,
        "is no run directory",
    );
    let short = ["--blocks", "1", "--solo-ms", "5", "--paired-ms", "5", "--out", out];
    let random = ["bench", model, "--random-inputs"];
    paring().args(random).args(short).assert().success().stdout(contains("RANDOM INPUTS (seed 0)"));
    let csv = std::fs::read_to_string(Path::new(out).join("results.csv")).unwrap();
    assert!(csv.contains("bench with random inputs"), "{csv}");
    let again: Vec<&str> = random.iter().chain(&short).copied().collect();
    refused(&again, 2, "is not empty; choose another --out");
    // A run brings its own inputs.
    let other = folder.path().join("other");
    let run = ["bench", out, "--blocks", "1", "--solo-ms", "5", "--json", "--out"];
    let found = json(paring().args(run).arg(&other));
    assert_eq!(found["inputs"]["run"], out);
    let text = digits("study.toml");
    let text = text.to_str().unwrap();
    refused(&["bench", text, "--random-inputs"], 2, "is not an ONNX model");
}
