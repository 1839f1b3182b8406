//! `paring report` in its forms: page, Markdown, JSON, CSV and Parquet, of one run and of several.

mod common;
#[path = "common/runs.rs"]
mod runs;

use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;
use predicates::str::contains;
use runs::{copy, files, measured, paring};
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
