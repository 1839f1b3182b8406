//! Names that are markup, scripts, endless, right-to-left or emoji, in everything that a report consists of:
//! report.html, report.md, the index, the page of `paring compare --html` and the overlays.

mod common;
#[path = "common/browser.rs"]
mod browser;
#[path = "common/runs.rs"]
mod runs;

use browser::Browser;
use paring::graph::Graph;
use prost::Message;
use runs::{copy, explain, paring};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use tract_onnx::pb::ModelProto;

/// Beginnings of the nodes' names, in turn.
const NAMES: [&str; 8] = [
    "<script>window.ran=1</script>",
    "\"><img src=x onerror=window.ran=1>",
    "</title></style><svg onload=window.ran=1>",
    "שלום\u{202e}gnp",
    "🙂🧪",
    "'};window.ran=1;//{{7*7}}",
    "&lt;b&gt;`| **a** [x](javascript:window.ran=1)",
    "endless",
];
/// The digits network with every node renamed.
fn model(folder: &Path) -> PathBuf {
    let bytes = std::fs::read(common::digits("digits_cnn.onnx")).unwrap();
    let mut model = ModelProto::decode(bytes.as_slice()).unwrap();
    for (place, node) in model.graph.as_mut().unwrap().node.iter_mut().enumerate() {
        let beginning = match NAMES[place % NAMES.len()] {
            "endless" => "x".repeat(10_000),
            name => name.to_string(),
        };
        node.name = format!("{beginning}{place}");
    }
    let path = folder.join("named.onnx");
    std::fs::write(&path, model.encode_to_vec()).unwrap();
    path
}

fn study(folder: &Path) -> PathBuf {
    let path = folder.join("study.toml");
    let text = format!(
        "[study]\nname = \"<b>study</b>\"\nowner = \"<img src=x onerror=window.ran=1>\"\n\
         purpose = \"{}\"\n[model]\npath = {:?}\n[data]\npath = {:?}\n\
         splits = {{ calibrate = 0.2, select = 0.2, report = 0.6, seed = 1 }}\n\
         [protocol]\nblocks = 3\nprobes = 0\nsolo_ms = 10\npaired_ms = 10\n\
         [[variant]]\nname = \"pruned\"\nsteps = [{{ prune = \"channels\", ratio = 0.25, criterion = \"l1\" }}]\n\
         [[variant]]\nname = \"both\"\nfrom = \"pruned\"\nsteps = [{{ quantize = \"int8-weights\" }}]\n",
        "</p><script>window.ran=1</script>",
        model(folder),
        common::digits("digits.npz"),
    );
    std::fs::write(&path, text).unwrap();
    path
}

/// A page that runs and loads nothing but its own, and shows the names as text.
#[track_caller]
fn check_page(page: &Path, names: &[&str]) {
    let html = std::fs::read_to_string(page).unwrap();
    for markup in ["<img src=x", "<svg onload", "<script>window", "<b>study", "\u{202e}"] {
        assert!(!html.contains(markup), "{} holds {markup}", page.display());
    }
    assert_eq!((html.matches("<script").count(), html.matches("<style").count()), (1, 1));
    assert!(html.contains("http-equiv=\"Content-Security-Policy\" content=\"default-src 'none';"));
    for name in names {
        assert!(html.contains(name), "{} does not show {name}", page.display());
    }
}

fn check_overlays(run: &Path) {
    let graph = Graph::load(&run.join("variants/both.onnx")).unwrap();
    let nodes = graph.nodes();
    let known: BTreeSet<&str> = nodes
        .iter()
        .flat_map(|node| node.output.iter().chain([&node.name]))
        .map(String::as_str)
        .collect();
    let mut shown = 0;
    for entry in std::fs::read_dir(run.join("overlay/both")).unwrap() {
        let text = std::fs::read(entry.unwrap().path()).unwrap();
        let value: Value = serde_json::from_slice(&text).unwrap();
        for key in value["results"].as_object().into_iter().flat_map(serde_json::Map::keys) {
            assert!(known.contains(key.as_str()), "neither node nor tensor is called {key}");
            shown += usize::from(NAMES.iter().any(|name| key.starts_with(name)));
        }
    }
    assert!(shown > 0, "names are whole in overlays");
}

/// Markdown without its code, in which markup is text: from a run of backticks to the next one as long.
fn outside_code(markdown: &str) -> String {
    let mut out = String::new();
    let mut rest = markdown;
    while let Some(start) = rest.find('`') {
        out.push_str(&rest[..start]);
        let ticks = rest[start..].chars().take_while(|c| *c == '`').count();
        let inside = &rest[start + ticks..];
        let mut at = 0;
        let end = loop {
            let Some(next) = inside[at..].find('`') else { break None };
            let run = inside[at + next..].chars().take_while(|c| *c == '`').count();
            at += next + run;
            if run == ticks {
                break Some(at);
            }
        };
        rest = &inside[end.unwrap_or(0)..];
    }
    out + rest
}

#[test]
fn hostile_names_are_text_in_every_page_and_file() {
    let folder = tempfile::tempdir().unwrap();
    let (study, out) = (study(folder.path()), folder.path().join("run"));
    let run = out.to_str().unwrap();
    let make = ["run", study.to_str().unwrap(), "--out", run, "--quick"];
    paring(folder.path(), &make).success();
    paring(folder.path(), &explain(run, "3")).success();
    let report = out.join("report.html");
    let escaped = ["&#60;script&#62;window.ran=1", "שלום", "🙂🧪", "…(98", "\\u{202e}gnp"];
    check_page(&report, &escaped);

    let second = copy(&out, &folder.path().join("second"));
    let both = [run, second.to_str().unwrap()];
    let at = |name: &str| folder.path().join(name);
    let (index, trends) = (at("index.html"), at("trends.html"));
    let page = ["report", both[0], both[1], "--out", index.to_str().unwrap()];
    paring(folder.path(), &page).success();
    check_page(&index, &["&#60;b&#62;study"]);
    let page = ["compare", both[0], both[1], "--html", trends.to_str().unwrap()];
    paring(folder.path(), &page).success();
    check_page(&trends, &["&#60;b&#62;study"]);

    let markdown = std::fs::read_to_string(out.join("report.md")).unwrap();
    assert!(!markdown.contains('\u{202e}'), "report.md turns the direction of writing");
    let written = outside_code(&markdown).replace("\\]", "");
    for markup in ["<script>window", "<img src=x", "<svg onload", "<b>study", "](javascript:"] {
        assert!(!written.contains(markup), "report.md holds {markup}");
    }
    check_overlays(&out);

    match Browser::find() {
        Err(why) => println!("skipped: hostile names in a browser, because {why}"),
        Ok(browser) => println!("{}", browser.run("names.mjs", &[&report, &index, &trends])),
    }
}
