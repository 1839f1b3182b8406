//! `paring report` in its forms: page, Markdown, JSON, CSV and Parquet, of one run and of several.

mod common;
#[path = "common/runs.rs"]
mod runs;

use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;
use predicates::str::contains;
use runs::{copy, explain, files, measured, paring};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;

fn printed(folder: &Path, arguments: &[&str]) -> String {
    let ended = paring(folder, arguments).success();
    String::from_utf8(ended.get_output().stdout.clone()).unwrap()
}

/// Rows of a CSV file by column.
fn rows(text: &str) -> Vec<BTreeMap<String, String>> {
    csv::Reader::from_reader(text.as_bytes()).deserialize().map(Result::unwrap).collect()
}

/// Rows of a Parquet file by column, nulls left out.
fn records(path: &Path) -> Vec<BTreeMap<String, Field>> {
    let reader = SerializedFileReader::new(std::fs::File::open(path).unwrap()).unwrap();
    let record = |row: parquet::record::Row| {
        let cells = row.get_column_iter().map(|(name, field)| (name.clone(), field.clone()));
        cells.filter(|(_, field)| !matches!(field, Field::Null)).collect()
    };
    reader.get_row_iter(None).unwrap().map(|row| record(row.unwrap())).collect()
}

#[track_caller]
fn same(text: &BTreeMap<String, String>, record: &BTreeMap<String, Field>) {
    for (column, cell) in text {
        match record.get(column) {
            None => assert_eq!(cell, "", "{column}"),
            Some(Field::Long(number)) => assert_eq!(cell.parse::<i64>().unwrap(), *number),
            Some(Field::Double(number)) => assert_eq!(cell.parse::<f64>().unwrap(), *number),
            Some(Field::Bool(flag)) => assert_eq!(cell.parse::<bool>().unwrap(), *flag),
            Some(Field::Str(word)) => assert_eq!(cell, word, "{column}"),
            Some(other) => panic!("{column} is {other}"),
        }
    }
    assert!(record.keys().all(|column| text.contains_key(column)));
}

#[test]
fn every_form_says_the_same_of_a_run_and_leaves_it_alone() {
    let folder = tempfile::tempdir().unwrap();
    let run = measured(folder.path());
    let out = run.to_str().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_string();
    assert!(run.join("report.html").exists() && run.join("report.md").exists());
    paring(folder.path(), &["verify", out]).success();
    let before = files(&run);
    let results = std::fs::read_to_string(run.join("results.csv")).unwrap();

    let text = printed(folder.path(), &["report", out, "--format", "md"]);
    assert!(text.starts_with("## Compression of `small`\n"), "{text}");
    assert!(text.contains("| variant | target | speed |"), "{text}");
    paring(folder.path(), &["report", out, "--format", "md", "--out", &at("a/b.md")])
        .success()
        .stdout(contains("b.md"));
    assert_eq!(std::fs::read_to_string(at("a/b.md")).unwrap().trim_end(), text.trim_end());

    let text = printed(folder.path(), &["report", out, "--format", "json"]);
    let value: Value = serde_json::from_str(&text).unwrap();
    // Canonical: keys in order, no space.
    assert!(text.starts_with("{\"runs\":[{\"data_sha256\":\""), "{text}");
    assert!(text.trim_end().ends_with(&format!("}}],\"schema\":{}}}", paring::schema::SCHEMA)));
    let [found] = value["runs"].as_array().unwrap().as_slice() else { panic!("{value}") };
    let named: Vec<&str> = found["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| r["variant"].as_str().unwrap())
        .collect();
    assert_eq!(named, ["baseline", "pruned", "both"]);
    assert_eq!(found["results"][0]["speed"], Value::Null);
    assert!(found["results"][0]["speed_missing"].is_string());
    assert_eq!(found["variants"]["both"]["parent"], "pruned");

    let text = printed(folder.path(), &["report", out, "--format", "csv"]);
    assert_eq!(text.trim_end(), results.trim_end());

    let parquet = ["report", out, "--format", "parquet"];
    paring(folder.path(), &parquet).code(2).stderr(contains("name a folder with --out"));
    paring(folder.path(), &[&parquet[..], &["--out", &at("tables")]].concat()).success();
    for (table, text) in
        [("results", results), ("layers", std::fs::read_to_string(run.join("layers.csv")).unwrap())]
    {
        let (expected, found) =
            (rows(&text), records(Path::new(&at(&format!("tables/{table}.parquet")))));
        assert_eq!(expected.len(), found.len());
        expected.iter().zip(&found).for_each(|(text, record)| same(text, record));
    }

    paring(folder.path(), &["report", out, "--out", &at("page.html")]).success();
    assert!(std::fs::read_to_string(at("page.html")).unwrap().contains("compression report"));
    let inside = run.join("page.html");
    paring(folder.path(), &["report", out, "--out", inside.to_str().unwrap()])
        .code(2)
        .stderr(contains("lies in the run directory"));
    assert_eq!(files(&run), before);
}

#[test]
fn several_runs_stand_below_each_other_and_an_index_leads_to_each() {
    let folder = tempfile::tempdir().unwrap();
    let first = measured(folder.path());
    let second = copy(&first, &folder.path().join("second <b>"));
    let both = [first.to_str().unwrap(), second.to_str().unwrap()];
    let report = |more: &[&str]| printed(folder.path(), &[&["report"], &both[..], more].concat());
    let text = report(&["--format", "csv"]);
    assert_eq!(rows(&text).len(), 6);
    assert_eq!(text.matches("schema,study").count(), 1);
    assert_eq!(report(&["--format", "md"]).matches("## Compression of").count(), 2);
    let value: Value = serde_json::from_str(&report(&["--format", "json"])).unwrap();
    assert_eq!(value["runs"].as_array().unwrap().len(), 2);
    let index = folder.path().join("pages/index.html");
    let said = report(&["--out", index.to_str().unwrap()]);
    assert_eq!(said.lines().count(), 3, "{said}");
    let page = std::fs::read_to_string(&index).unwrap();
    assert!(page.contains("href=\"./../run/report.html\""), "{page}");
    assert!(page.contains("href=\"./../second%20%3Cb%3E/report.html\""), "{page}");
    assert!(page.contains("Content-Security-Policy") && !page.contains("<b>"));
    for run in [&first, &second] {
        paring(folder.path(), &["verify", run.to_str().unwrap()]).success();
    }
}

/// The samples that a report's forms speak of: pictures in the page, records in JSON, words in Markdown.
fn single_samples(folder: &Path, run: &str, more: &[&str]) -> [bool; 3] {
    let page = folder.join("some page.html");
    let to = ["report", run, "--out", page.to_str().unwrap()];
    paring(folder, &[&to[..], more].concat()).success();
    let html = std::fs::read_to_string(&page).unwrap();
    let text = printed(folder, &[&["report", run, "--format", "json"], more].concat());
    let value: Value = serde_json::from_str(&text).unwrap();
    let found = &value["runs"][0]["explanations"][0];
    let listed = ["flips", "hits"].map(|list| !found[list].as_array().unwrap().is_empty());
    assert_eq!(listed[0], listed[1]);
    let text = printed(folder, &[&["report", run, "--format", "md"], more].concat());
    let redacted = html.contains("Single samples are not shown: the report is redacted.");
    assert_eq!(redacted, value["runs"][0]["redacted"] == true);
    assert_eq!(html.contains("<strong>Sample "), html.contains("data:image/png"));
    [html.contains("data:image/png"), listed[0], names_a_sample(&text)]
}

#[test]
fn private_data_leave_no_sample_in_any_form_of_a_report() {
    let folder = tempfile::tempdir().unwrap();
    let run = measured(folder.path());
    let out = run.to_str().unwrap();
    paring(folder.path(), &explain(out, "2")).success();
    assert_eq!(single_samples(folder.path(), out, &[]), [true; 3]);
    assert_eq!(single_samples(folder.path(), out, &["--redact"]), [false; 3]);
    // Where the run's study asks for it, nobody has to.
    let study = run.join("study.toml");
    let text = std::fs::read_to_string(&study).unwrap();
    std::fs::write(&study, text.replace("[data]\n", "[data]\nprivate = true\n")).unwrap();
    assert_eq!(single_samples(folder.path(), out, &[]), [false; 3]);
    // Nor where it cannot be read.
    std::fs::write(&study, "[data\n").unwrap();
    assert_eq!(single_samples(folder.path(), out, &[]), [false; 3]);
    std::fs::write(&study, text).unwrap();
    assert_eq!(single_samples(folder.path(), out, &[]), [true; 3]);
    // Nor where the study itself has become private since, or cannot be read.
    let study = folder.path().join("study.toml");
    let text = std::fs::read_to_string(&study).unwrap();
    for now in [text.replace("[data]\n", "[data]\nprivate = true\n"), "[data\n".to_string()] {
        assert_ne!(now, text);
        std::fs::write(&study, now).unwrap();
        assert_eq!(single_samples(folder.path(), out, &[]), [false; 3]);
    }
    std::fs::write(&study, text).unwrap();
    assert_eq!(single_samples(folder.path(), out, &[]), [true; 3]);
}

/// True where a text speaks of a sample by its number.
fn names_a_sample(text: &str) -> bool {
    let numbered = |rest: &str| rest.starts_with(|c: char| c.is_ascii_digit());
    text.split("ample ").skip(1).any(numbered)
}

#[test]
fn explaining_private_data_names_no_sample() {
    let folder = tempfile::tempdir().unwrap();
    let run = measured(folder.path());
    let out = run.to_str().unwrap();
    let file = run.join("explain.json");
    let found = |private: bool| {
        let json = printed(folder.path(), &[&explain(out, "2")[..], &["--json"]].concat());
        let said: Value = serde_json::from_str(&json).unwrap();
        let text = std::fs::read_to_string(&file).unwrap();
        let kept: Value = serde_json::from_str(&text).unwrap();
        let empty = |value: &Value, list: &str| value[0][list].as_array().unwrap().is_empty();
        let counts = said[0]["flip_counts"]["lost"].as_u64().unwrap();
        assert!(counts > 0 && kept[0]["flip_counts"] == said[0]["flip_counts"], "counts stay");
        assert!(!empty(&kept, "flips"), "causes of classes are counted from them");
        assert_eq!([empty(&said, "flips"), empty(&said, "hits")], [private; 2]);
        assert_eq!(empty(&kept, "hits"), private);
        let sentences = [said[0]["narrative"].to_string(), kept[0]["narrative"].to_string()];
        sentences.map(|text| names_a_sample(&text))
    };
    assert_eq!(found(false), [true; 2]);
    let study = folder.path().join("study.toml");
    let text = std::fs::read_to_string(&study).unwrap();
    std::fs::write(&study, text.replace("[data]\n", "[data]\nprivate = true\n")).unwrap();
    assert_eq!(found(true), [false; 2]);
    let told = printed(folder.path(), &explain(out, "2"));
    assert!(!names_a_sample(&told), "{told}");
    let report = std::fs::read_to_string(run.join("report.md")).unwrap();
    assert!(!names_a_sample(&report) && !report.contains("hit hardest"), "{report}");
}

#[test]
fn samples_are_drawn_from_the_run_s_own_data_alone() {
    let folder = tempfile::tempdir().unwrap();
    let run = measured(folder.path());
    let said = |run: &Path| {
        let page = folder.path().join("page.html");
        let to = ["report", run.to_str().unwrap(), "--out", page.to_str().unwrap()];
        paring(folder.path(), &to).success();
        let html = std::fs::read_to_string(&page).unwrap();
        assert!(html.contains("<strong>Sample "), "samples are named whatever is drawn");
        let at = html.find("Inputs are not drawn: ").map(|at| html[at..].lines().next().unwrap());
        assert_eq!(at.is_none(), html.contains("data:image/png"));
        at.unwrap_or_default().to_string()
    };
    assert_eq!(said(&run), "");
    let study = folder.path().join("study.toml");
    let text = std::fs::read_to_string(&study).unwrap();
    // Another division of the data: other samples have these numbers.
    std::fs::write(&study, text.replace("seed = 1", "seed = 2")).unwrap();
    assert!(said(&run).contains("data, splits or metrics"), "{}", said(&run));
    std::fs::remove_file(&study).unwrap();
    assert!(said(&run).contains("the study is no longer at"), "{}", said(&run));
}

#[test]
fn records_that_cannot_be_read_are_named_in_the_page() {
    let folder = tempfile::tempdir().unwrap();
    let run = measured(folder.path());
    let page = |run: &Path| {
        let to = folder.path().join("page.html");
        let words = ["report", run.to_str().unwrap(), "--out", to.to_str().unwrap()];
        paring(folder.path(), &words).success();
        std::fs::read_to_string(&to).unwrap()
    };
    let whole = page(&run);
    for sentence in ["Not shown: ", "are not shown: ", "is not drawn: ", "cannot be read"] {
        assert!(!whole.contains(sentence), "{sentence}");
    }
    let damaged = copy(&run, &folder.path().join("damaged"));
    let nodes = damaged.join("journal/host/nodes");
    for entry in std::fs::read_dir(&nodes).unwrap() {
        std::fs::write(entry.unwrap().path(), "{").unwrap();
    }
    std::fs::write(damaged.join("explain.json"), "[{").unwrap();
    std::fs::write(damaged.join("predictions/pruned.scores.safetensors"), "no tensors").unwrap();
    runs::edit(&damaged.join("variants/pruned.json"), |record| {
        record["decisions"][0] = Value::from("0".repeat(64));
    });
    let html = page(&damaged);
    for sentence in [
        "Effects are not shown: explain.json cannot be read",
        "Times by layer of pruned on host are not shown: ",
        "Single answers of pruned are not shown: ",
        "Not shown: decision 000000000000 is not in ledger.jsonl",
    ] {
        assert!(html.contains(sentence), "the page does not say: {sentence}");
    }
    std::fs::write(damaged.join("variants/baseline.onnx"), "no model").unwrap();
    assert!(page(&damaged).contains("The network is not drawn: "));
}
