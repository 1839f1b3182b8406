//! What the agent's sample loop costs: its median against a bare loop over the same plan.
//!
//! Bursts of both alternate in random order, so that the machine's moods fall on both alike. The
//! bare loop reads the clock once around eight inferences, the agent around each. Before timing,
//! both must give the same outputs.

use paring::bench::{Cycle, Watch, sample_burst, warm_up};
use paring::data::{Dataset, Pixels, Wanted};
use paring::engine::{self, Bindings, Model, Source};
use paring::record::{EngineOptions, SampleRules};
use paring::stats::{self, Resampling};
use paring::units::LatencyNs;
use rand::RngExt;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;

const BURST: usize = 8;
const PAIRS: usize = 1_000;

fn main() -> anyhow::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/digits");
    for model in ["digits_cnn.onnx", "digits_transformer.onnx"] {
        let path = folder.join(model);
        let signature = engine::describe(Source::File(&path))?;
        let wanted = Wanted {
            inputs: &signature.inputs,
            columns: vec![],
            extras: vec![],
            pixels: Pixels::default(),
        };
        let data = Dataset::load(&folder.join("digits.npz"), &wanted)?;
        let bindings = Bindings { batch: 1, dims: &BTreeMap::new() };
        let plan =
            Model::load(Source::File(&path), bindings)?.optimise(&EngineOptions::default())?;
        let inputs = plan.inputs(&data.inputs_at(&[0]))?;
        let mut cycle =
            Cycle::new(vec![inputs.clone()]).ok_or_else(|| anyhow::anyhow!("no inputs"))?;
        anyhow::ensure!(plan.digest(&inputs)? == plan.digest(&cycle.all()[0])?, "outputs differ");

        warm_up(&plan, &mut cycle, &rules())?;
        let (mut rng, mut watch) = (stats::generator(1, "overhead"), Watch::new());
        let mut ratios = Vec::new();
        for _ in 0..PAIRS {
            let mut agent = || -> anyhow::Result<f64> {
                let burst = sample_burst(&plan, &mut cycle, BURST, &mut watch)?;
                let samples: Vec<f64> = burst.samples_ns.iter().map(|s| s.as_f64()).collect();
                Ok(samples.iter().sum::<f64>() / BURST as f64)
            };
            let bare = || -> anyhow::Result<f64> {
                let start = Instant::now();
                for _ in 0..BURST {
                    plan.execute(&inputs)?;
                }
                Ok(start.elapsed().as_nanos() as f64 / BURST as f64)
            };
            let (a, b) = if rng.random() {
                let a = agent()?;
                (a, bare()?)
            } else {
                let b = bare()?;
                (agent()?, b)
            };
            ratios.push((a / b).ln());
        }
        let how = Resampling { resamples: 10_000, level: 0.99, seed: 0 };
        let found =
            stats::bootstrap_median(&ratios, how).ok_or_else(|| anyhow::anyhow!("no pairs"))?;
        println!(
            "{model}: agent / bare loop {:.4} [{:.4}, {:.4}] over {PAIRS} pairs",
            found.value.exp(),
            found.low.exp(),
            found.high.exp()
        );
    }
    Ok(())
}

fn rules() -> SampleRules {
    let ms = |n: u64| LatencyNs(n * 1_000_000);
    SampleRules {
        warmup_min_ns: ms(100),
        warmup_max_ns: ms(2_000),
        solo_ns: ms(0),
        paired_ns: ms(0),
        burst_ns: ms(2),
        max_samples: 0,
        limit_ns: ms(0),
        retries: 0,
    }
}
