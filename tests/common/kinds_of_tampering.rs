//! Kinds of tampering with a run, and whether each contradicts what else the run holds.

use super::runs::{edit, files};
use paring::files::ConfinedPath;
use paring::ledger::{Ledger, LedgerHead, read_ledger};
use paring::pipeline::Folders;
use paring::schema::{LedgerEntryBody, LedgerEntryKind, Sha256Hex};
use paring::study::RunManifest;
use serde_json::{Value, json};
use std::path::Path;

/// All kinds.
pub fn kinds() -> Vec<Kind> {
    let kinds = [of_the_ledger(), of_the_lineage(), of_the_files(), of_the_measurements()];
    let all = kinds.into_iter().chain([of_the_answers()]);
    all.flatten().collect()
}

/// Rewrites a text file of a run.
pub fn rewrite(path: &Path, change: impl FnOnce(String) -> String) {
    let text = std::fs::read_to_string(path).unwrap();
    let changed = change(text.clone());
    assert_ne!(changed, text, "nothing of {} was changed", path.display());
    std::fs::write(path, changed).unwrap();
}

/// Flips a bit in the middle of a file.
fn flip(path: &Path) {
    let mut bytes = std::fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 4;
    std::fs::write(path, bytes).unwrap();
}

/// Writes the ledger anew, its chain in order, with other entries.
fn rechained(run: &Path, change: impl FnOnce(&mut Vec<(LedgerEntryKind, Value)>)) {
    let path = ConfinedPath::root(run).join("ledger.jsonl");
    let entries = read_ledger(&path).unwrap();
    let actor = entries[0].actor.clone();
    let mut bodies: Vec<_> = entries.into_iter().map(|e| (e.kind, e.body)).collect();
    change(&mut bodies);
    std::fs::remove_file(&path).unwrap();
    let mut ledger = Ledger::open(&path, &actor).unwrap();
    for (kind, body) in bodies {
        ledger.record(LedgerEntryBody { kind, body }).unwrap();
    }
}

/// Writes the ledger anew, its chain in order, with other times.
fn retimed(run: &Path, change: impl FnOnce(&mut Vec<String>)) {
    let path = ConfinedPath::root(run).join("ledger.jsonl");
    let mut entries = read_ledger(&path).unwrap();
    let mut times: Vec<String> = entries.iter().map(|entry| entry.time.clone()).collect();
    change(&mut times);
    let (mut text, mut before) = (Vec::new(), Sha256Hex::zeros());
    for (entry, time) in entries.iter_mut().zip(times) {
        (entry.time, entry.prev_sha256) = (time, before);
        let line = serde_json_canonicalizer::to_vec(entry).unwrap();
        before = Sha256Hex::of(&line);
        text.extend(line);
        text.push(b'\n');
    }
    std::fs::write(&path, text).unwrap();
}

fn position(entries: &[(LedgerEntryKind, Value)], kind: LedgerEntryKind) -> usize {
    entries.iter().position(|(own, _)| *own == kind).unwrap()
}

fn decision(run: &Path, change: impl FnOnce(&mut Value)) {
    rechained(run, |entries| {
        let place = position(entries, LedgerEntryKind::Decision);
        change(&mut entries[place].1);
    });
}

/// Makes the manifest fit what lies in the run now, as whoever can write it could.
pub fn remanifested(run: &Path) {
    let folders = Folders::new(run);
    let (mut manifest, _) = RunManifest::read(&folders).unwrap();
    manifest.files = files(run);
    manifest.files.retain(|path, _| ![".lock", "run.manifest", "run.sig"].contains(&path.as_str()));
    // What has no head is found by its chain.
    manifest.ledger = LedgerHead::of(&folders.ledger()).unwrap_or(manifest.ledger);
    let mut bytes = serde_json::to_vec_pretty(&manifest).unwrap();
    bytes.push(b'\n');
    std::fs::write(run.join("run.manifest"), bytes).unwrap();
}

/// A kind of tampering.
pub struct Kind {
    /// The file that it is about.
    pub file: &'static str,
    /// What it does to a run.
    pub act: Box<dyn Fn(&Path)>,
    /// Whether it shows even where somebody made the manifest fit.
    pub contradicts: bool,
}

fn kind(file: &'static str, contradicts: bool, act: impl Fn(&Path) + 'static) -> Kind {
    Kind { file, act: Box::new(act), contradicts }
}

pub const LEDGER: &str = "ledger.jsonl";
const RECORD: &str = "variants/pruned.json";

fn of_the_ledger() -> Vec<Kind> {
    let file = |run: &Path| run.join(LEDGER);
    vec![
        kind(LEDGER, true, move |run| flip(&file(run))),
        kind(LEDGER, true, move |run| {
            rewrite(&file(run), |text| text.lines().skip(1).map(|l| format!("{l}\n")).collect())
        }),
        kind(LEDGER, false, move |run| {
            rewrite(&file(run), |text| {
                let lines: Vec<&str> = text.lines().collect();
                lines[..lines.len() - 1].iter().map(|l| format!("{l}\n")).collect()
            })
        }),
        kind(LEDGER, true, move |run| std::fs::write(file(run), "").unwrap()),
        kind(LEDGER, true, move |run| std::fs::remove_file(file(run)).unwrap()),
        kind(LEDGER, true, |run| decision(run, |body| body["reason"] = json!("none"))),
        kind(LEDGER, true, |run| decision(run, |body| body["owner"] = json!("nobody"))),
        kind(LEDGER, true, |run| decision(run, |body| body["components"][0]["score"] = json!(0.0))),
        kind(LEDGER, true, |run| {
            rechained(run, |entries| {
                drop(entries.remove(position(entries, LedgerEntryKind::Decision)))
            })
        }),
        kind(LEDGER, true, |run| {
            rechained(run, |entries| {
                let place = position(entries, LedgerEntryKind::Decision);
                entries.swap(place, place + 1);
            })
        }),
        kind(LEDGER, false, |run| {
            rechained(run, |entries| {
                entries.push((LedgerEntryKind::Outcome, json!({ "variant": "x" })))
            })
        }),
        kind(LEDGER, false, |run| rechained(run, |_| ())),
        kind(LEDGER, true, move |run| {
            rewrite(&file(run), |text| {
                let first = text.lines().next().unwrap();
                format!("{first}\n{text}")
            })
        }),
        kind(LEDGER, true, |run| {
            retimed(run, |times| times.last_mut().unwrap().replace_range(..4, "2001"))
        }),
        kind(LEDGER, true, |run| retimed(run, |times| times[0] = "yesterday".into())),
        kind(LEDGER, false, |run| {
            retimed(run, |times| times.iter_mut().for_each(|time| time.replace_range(..4, "2001")))
        }),
        kind(LEDGER, true, |run| {
            rechained(run, |entries| {
                let place = position(entries, LedgerEntryKind::Protocol);
                entries[place].1["words"] = json!({ "risk": "none" });
            })
        }),
    ]
}

fn of_the_lineage() -> Vec<Kind> {
    let field = |name: &'static str, value: Value, contradicts| {
        kind(RECORD, contradicts, move |run| {
            edit(&run.join(RECORD), |record| {
                assert_ne!(record[name], value, "{name}");
                record[name] = value.clone();
            })
        })
    };
    let zeros = || json!(Sha256Hex::zeros());
    vec![
        field("name", json!("other"), true),
        field("variant_id", zeros(), true),
        field("file", json!("baseline.onnx"), true),
        field("file_sha256", zeros(), true),
        field("file_bytes", json!(1), true),
        field("options", json!({ "transforms": ["conv_nhwc"], "without_isa": [] }), true),
        field("parent", json!("both"), true),
        field("recipe", json!(["nothing"]), true),
        field("recipe_sha256", zeros(), false),
        field("decisions", json!([]), true),
        field("components_removed", json!({}), true),
        field("origins", json!({}), false),
        field("sparse", json!(["w"]), false),
        field("parings", json!([]), true),
        field("steps", json!([]), true),
        field("unexplained", json!(["a reason"]), false),
        field("params", json!(1), true),
        field("weights", json!(1), true),
        field("macs", json!(1), true),
        field("sparsity", json!(0.5), true),
        field("precision_mix", json!({ "int4": 1.0 }), true),
    ]
}

fn of_the_files() -> Vec<Kind> {
    let paring = |run: &Path| {
        let record: Value =
            serde_json::from_slice(&std::fs::read(run.join(RECORD)).unwrap()).unwrap();
        run.join(format!("parings/{}.safetensors", record["parings"][0].as_str().unwrap()))
    };
    let kept = "variants/pruned.kept.safetensors";
    vec![
        kind("variants/pruned.onnx", true, |run| flip(&run.join("variants/pruned.onnx"))),
        kind("variants/pruned.onnx", true, |run| {
            let variants = run.join("variants");
            std::fs::copy(variants.join("baseline.onnx"), variants.join("pruned.onnx")).unwrap();
        }),
        kind("variants/both.onnx", true, |run| {
            let (one, other) = (run.join("variants/both.onnx"), run.join("variants/pruned.onnx"));
            let (bytes, others) = (std::fs::read(&one).unwrap(), std::fs::read(&other).unwrap());
            std::fs::write(one, others).unwrap();
            std::fs::write(other, bytes).unwrap();
        }),
        kind("variants/baseline.onnx", true, |run| flip(&run.join("variants/baseline.onnx"))),
        kind("variants/both.onnx", true, |run| {
            std::fs::remove_file(run.join("variants/both.onnx")).unwrap();
        }),
        kind(kept, false, move |run| flip(&run.join(kept))),
        kind(kept, false, move |run| std::fs::remove_file(run.join(kept)).unwrap()),
        kind("parings/", true, move |run| flip(&paring(run))),
        kind("parings/", true, move |run| std::fs::remove_file(paring(run)).unwrap()),
        kind("protocol.json", false, |run| {
            edit(&run.join("protocol.json"), |json| json["study_file"] = json!("/elsewhere"))
        }),
        kind("protocol.json", true, |run| {
            edit(&run.join("protocol.json"), |json| json["data_sha256"] = json!(Sha256Hex::zeros()))
        }),
        kind("study.toml", false, |run| {
            rewrite(&run.join("study.toml"), |text| text.replace("tests", "nobody"))
        }),
        kind("variants/extra.json", true, |run| {
            std::fs::write(run.join("variants/extra.json"), "{}").unwrap();
        }),
        kind("notes.txt", false, |run| std::fs::write(run.join("notes.txt"), "mine").unwrap()),
    ]
}

fn of_the_measurements() -> Vec<Kind> {
    let journal = "journal/host/blocks.jsonl";
    let cell = |column: &'static str, value: &'static str| {
        kind("results.csv", true, move |run| {
            let path = run.join("results.csv");
            let mut reader = csv::Reader::from_path(&path).unwrap();
            let header = reader.headers().unwrap().clone();
            let place = header.iter().position(|name| name == column).unwrap();
            let mut rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
            let changed = rows[1].iter().enumerate();
            let changed = changed.map(|(i, cell)| if i == place { value } else { cell });
            rows[1] = changed.collect();
            let mut writer = csv::Writer::from_path(&path).unwrap();
            std::iter::once(&header).chain(&rows).for_each(|r| writer.write_record(r).unwrap());
        })
    };
    vec![
        kind(journal, true, move |run| {
            rewrite(&run.join(journal), |text| text.replace("samples_ns\":[", "samples_ns\":[9"))
        }),
        // No result tells how long the warm-up took.
        kind(journal, false, move |run| {
            rewrite(&run.join(journal), |text| text.replacen("took_ns\":", "took_ns\":9", 1))
        }),
        kind(journal, true, move |run| {
            rewrite(&run.join(journal), |text| {
                text.lines().skip(1).map(|line| format!("{line}\n")).collect()
            })
        }),
        kind(journal, true, move |run| std::fs::remove_file(run.join(journal)).unwrap()),
        cell("latency_p50_ns", "1"),
        cell("speedup", "9.00000"),
        cell("accuracy", "1.000000"),
        cell("params", "1"),
        cell("run_id", "other"),
        kind("results.csv", false, |run| {
            rewrite(&run.join("results.csv"), |text| {
                let lines: Vec<&str> = text.lines().collect();
                lines[..lines.len() - 1].iter().map(|l| format!("{l}\n")).collect()
            })
        }),
    ]
}

fn of_the_answers() -> Vec<Kind> {
    vec![
        kind("predictions/both.quality.json", true, |run| {
            let path = run.join("predictions/both.quality.json");
            edit(&path, |json| json["primary"] = json!("f1_macro"))
        }),
        kind("predictions/both.parquet", false, |run| flip(&run.join("predictions/both.parquet"))),
        kind("predictions/both.scores.safetensors", false, |run| {
            flip(&run.join("predictions/both.scores.safetensors"))
        }),
        kind("journal/host/environment.json", true, |run| {
            edit(&run.join("journal/host/environment.json"), |json| json["board"] = json!("other"))
        }),
        kind("journal/host/job.json", false, |run| {
            edit(&run.join("journal/host/job.json"), |json| json["seed"] = json!(99))
        }),
        kind("report.md", false, |run| {
            rewrite(&run.join("report.md"), |text| text.replace("small", "large"))
        }),
        kind("report.html", false, |run| flip(&run.join("report.html"))),
        kind("layers.csv", false, |run| flip(&run.join("layers.csv"))),
    ]
}
