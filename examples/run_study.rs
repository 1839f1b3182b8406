//! Runs a study through the library and prints one line a variant.
//!
//! Usage: cargo run --release --example run_study -- examples/digits/study.toml OUT

use paring::schema::Metric;
use paring::workflow::{ProgressEvent, RunOptions, run};

fn main() -> anyhow::Result<()> {
    paring::engine::avoid_faulty_tier();
    // Blocks are measured by this program, started anew as the agent.
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.first().is_some_and(|argument| argument == "agent") {
        return paring::measure::main(&arguments[1..], &["agent"]);
    }
    let [study, out] = arguments.as_slice() else { anyhow::bail!("usage: run_study STUDY OUT") };
    let options = RunOptions { out: Some(out.into()), ..RunOptions::new(study) };
    let result = run(&options, &|event| match event {
        ProgressEvent::StageItem { stage, item } => eprintln!("{stage:?} {item}"),
        ProgressEvent::TargetStart(target) => eprintln!("measure on {target}"),
        _ => {}
    })?;
    for variant in &result.variants {
        let accuracy = variant.evaluation.as_ref().ok().and_then(|e| e.value(Metric::Accuracy));
        let accuracy = accuracy.map_or("unknown".into(), |a| format!("{:.2} %", 100.0 * a.value));
        for found in &variant.measurements {
            let latency = found.measurement.latency.as_ref();
            let latency =
                latency.map_or("unknown".into(), |l| format!("{:.1} µs", l.p50_ns.value / 1e3));
            let speedup = found.measurement.speed.as_ref().map(|s| s.speedup);
            let speedup = speedup.map_or("1 (the baseline)".into(), |s| {
                format!("{:.3} [{:.3}, {:.3}]", s.value, s.low, s.high)
            });
            println!(
                "{}: accuracy {accuracy}, latency {latency}, speedup {speedup}",
                variant.record.name
            );
        }
    }
    Ok(result.check_complete()?)
}
