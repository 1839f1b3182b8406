//! The same answer on a bad day: a model against its form with channels last, several times on the
//! machine as it is and several times beside a load on all processors that comes and goes. Prints the
//! ratio of quiet pairs and of all pairs of each run, and how far they spread.
//!
//! Usage: cargo bench --bench bad_day -- [RUNS [MODEL DATA [VARIANT]]]; 3 of each with the digits by
//! default, and the model itself as its variant.

#[path = "comparing/mod.rs"]
mod comparing;

use comparing::{Load, Stage};
use paring::measure::JournalSummary;
use paring::schema::{BlockData, BlockOutcome, EngineOptions, ExecutionSetting};
use paring::stats;
use std::path::{Path, PathBuf};
use std::time::Duration;

const BLOCKS: u32 = 10;

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    let runs: usize = arguments.first().map_or(Ok(3), |text| text.parse())?;
    let digits = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/digits");
    let file = |index: usize, usual: &str| {
        arguments.get(index).map_or_else(|| digits.join(usual), PathBuf::from)
    };
    let (model, data) = (file(1, "digits_cnn.onnx"), file(2, "digits.npz"));
    let variant = arguments.get(3).map_or_else(|| model.clone(), PathBuf::from);
    let folder = tempfile::tempdir()?;
    let stage = Stage::new(folder.path(), &data, &model)?;
    let (mut quiet, mut plain) = (Vec::new(), Vec::new());
    for busy in [false, true] {
        for run in 0..runs {
            let load = busy.then(|| {
                Load::coming_and_going(Duration::from_millis(700), Duration::from_millis(500))
            });
            let (ratio, all) = ratio(&stage, &variant, run as u64)?;
            drop(load);
            let (shown, share) = match &ratio {
                Some((value, share)) => (format!("{value:.4}"), 100.0 * share),
                None => ("none".into(), 0.0),
            };
            println!(
                "{:<12} quiet pairs {shown} ({share:.0} % of all), all pairs {all:.4}",
                if busy { "with load" } else { "without" }
            );
            quiet.extend(ratio.map(|(value, _)| value));
            plain.push(all);
        }
    }
    println!("quiet pairs of {} of {} runs: {}", quiet.len(), 2 * runs, spread(&quiet));
    println!("all pairs: {}", spread(&plain));
    Ok(())
}

/// Speed-up by quiet pairs and their share, and by all pairs alike.
fn ratio(stage: &Stage, variant: &Path, seed: u64) -> anyhow::Result<(Option<(f64, f64)>, f64)> {
    let options = EngineOptions { transforms: vec!["conv_nhwc".into()], ..Default::default() };
    let (records, id) = stage.journal(variant, options, |job| {
        (job.blocks, job.seed) = (BLOCKS, seed);
        job.rules.solo_ns = paring::units::LatencyNs(0);
        job.rules.paired_ns = paring::units::LatencyNs(300_000_000);
    })?;
    let found = JournalSummary::new(&records).speedup(&id, ExecutionSetting::of_batch(1));
    let median = |samples: &[paring::units::LatencyNs]| {
        stats::median(&samples.iter().skip(1).map(|s| s.as_f64()).collect::<Vec<_>>())
    };
    let mut all = Vec::new();
    for record in &records {
        if let BlockOutcome::Done { data: BlockData::Paired(block) } = &record.outcome {
            all.extend(block.pairs.iter().filter_map(|pair| {
                Some(median(&pair.baseline.samples_ns)? / median(&pair.variant.samples_ns)?)
            }));
        }
    }
    let all = stats::median(&all).ok_or_else(|| anyhow::anyhow!("no pairs"))?;
    Ok((found.map(|f| (f.speedup.value, f.quiet_share)), all))
}

fn spread(values: &[f64]) -> String {
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    format!("{least:.4} to {most:.4}, {:.2} % apart", 100.0 * (most / least - 1.0))
}
