//! Size of the page of large runs, the time that it takes to build, and the time until a browser shows it.
//!
//! Time depends on the machine: the tests hold sizes, and print times. `scripts/report-size` runs them and
//! the larger one.

mod common;
#[path = "common/browser.rs"]
mod browser;
#[path = "common/large_run.rs"]
mod large_run;
#[path = "common/runs.rs"]
mod runs;

use browser::Browser;
use large_run::{LargeRun, RunSize};
use paring::report::html::report_html;
use runs::{explain, measured, paring};
use std::time::Instant;

const MIB: usize = 1 << 20;

#[track_caller]
fn build(size: RunSize, most_bytes: usize) {
    let folder = tempfile::tempdir().unwrap();
    let run = measured(folder.path());
    let out = run.to_str().unwrap();
    paring(folder.path(), &explain(out, "6")).success();
    let json = paring(folder.path(), &["report", out, "--format", "json"]).success();
    let document = serde_json::from_slice(&json.get_output().stdout).unwrap();
    let large = LargeRun::new(&document, size);
    let begun = Instant::now();
    let html = report_html(&large.report()).unwrap();
    let built = begun.elapsed();
    let RunSize { variants, targets, layers, predictions } = size;
    println!(
        "{variants} variants × {targets} targets × {layers} layers × {predictions} predictions: {:.2} MiB, built in {:.2} s",
        html.len() as f64 / MIB as f64,
        built.as_secs_f64()
    );
    assert!(html.len() < most_bytes, "{} bytes", html.len());
    let page = folder.path().join("large.html");
    std::fs::write(&page, html).unwrap();
    if let Some(place) = std::env::var_os("PARING_SCREENSHOTS") {
        std::fs::copy(&page, std::path::Path::new(&place).join(format!("large-{variants}.html")))
            .unwrap();
    }
    match Browser::find() {
        Err(why) => println!("skipped: first paint in a browser, because {why}"),
        Ok(browser) => print!("{}", browser.run("paint.mjs", &[&page])),
    }
}

#[test]
fn twenty_variants_on_four_targets_stay_below_six_mebibytes() {
    build(RunSize { variants: 20, targets: 4, layers: 60, predictions: 2_000 }, 6 * MIB);
}

#[test]
fn a_network_of_two_thousand_layers_stays_below_twenty_five_mebibytes() {
    build(RunSize { variants: 10, targets: 1, layers: 2_000, predictions: 200 }, 25 * MIB);
}

#[test]
#[ignore = "larger than what a page is usually for; scripts/report-size runs it"]
fn two_hundred_variants_on_ten_targets_stay_below_twenty_five_mebibytes() {
    build(RunSize { variants: 200, targets: 10, layers: 60, predictions: 2_000 }, 25 * MIB);
}
