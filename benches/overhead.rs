//! What the agent's sample loop costs: its median against a bare loop over the same plan, and what its
//! allocator adds, while it counts and while it does not, as it does not beside timed samples.
//!
//! Bursts of both alternate in random order, so that the machine's moods fall on both alike. The
//! bare loop reads the clock once around eight inferences, the agent around each. Before timing,
//! both must give the same outputs.

use paring::data::{Dataset, DatasetRequest, DatasetRules};
use paring::engine::{self, AnalysedModel, DimensionBindings, ModelSource};
use paring::measure::{
    ContentionProbe, CountingAllocator, InputCycle, count_allocations, sample_burst, warm_up,
};
use paring::schema::{EngineOptions, SampleRules};
use paring::stats::{self, BootstrapOptions};
use paring::units::LatencyNs;
use rand::RngExt;
use std::alloc::{GlobalAlloc, Layout, System};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::time::Instant;

const BURST: usize = 8;
const PAIRS: usize = 1_000;

#[global_allocator]
static ALLOCATOR: Tallied = Tallied;

static TALLYING: AtomicBool = AtomicBool::new(false);
static CALLS: AtomicUsize = AtomicUsize::new(0);

/// The agent's allocator, with its calls told while that is asked for.
struct Tallied;

// SAFETY: every call goes to the agent's allocator as it came.
unsafe impl GlobalAlloc for Tallied {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if TALLYING.load(Relaxed) {
            CALLS.fetch_add(1, Relaxed);
        }
        // SAFETY: the caller's promises are those that it asks for.
        unsafe { CountingAllocator.alloc(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { CountingAllocator.dealloc(ptr, layout) }
    }
}

fn main() -> anyhow::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/digits");
    for model in ["digits_cnn.onnx", "digits_transformer.onnx"] {
        let path = folder.join(model);
        let signature = engine::describe(ModelSource::File(&path))?;
        let wanted = DatasetRequest {
            inputs: &signature.inputs,
            columns: vec![],
            extras: vec![],
            rules: DatasetRules::default(),
        };
        let data = Dataset::load(&folder.join("digits.npz"), &wanted)?;
        let bindings = DimensionBindings { batch: 1, dims: &BTreeMap::new() };
        let plan = AnalysedModel::load(ModelSource::File(&path), bindings)?
            .optimise(&EngineOptions::default())?;
        let inputs = plan.inputs(&data.inputs_at(&[0])?)?;
        let cycle =
            || InputCycle::new(vec![inputs.clone()]).ok_or_else(|| anyhow::anyhow!("no inputs"));
        let mut warm = cycle()?;
        anyhow::ensure!(plan.digest(&inputs)? == plan.digest(&warm.all()[0])?, "outputs differ");
        let (_, each) = warm_up(&plan, &mut warm, &rules())?;

        let (mut own, mut watch) = (cycle()?, ContentionProbe::new());
        let mut agent = || -> anyhow::Result<f64> {
            let burst = sample_burst(&plan, &mut own, BURST, &mut watch)?;
            let samples: Vec<f64> = burst.samples_ns.iter().map(|s| s.as_f64()).collect();
            Ok(samples.iter().sum::<f64>() / BURST as f64)
        };
        let mut bare = || -> anyhow::Result<f64> {
            let start = Instant::now();
            for _ in 0..BURST {
                plan.execute(&inputs)?;
            }
            Ok(start.elapsed().as_nanos() as f64 / BURST as f64)
        };
        compare(&format!("{model}: agent / bare loop"), &mut agent, &mut bare)?;
        let mut counting = || {
            count_allocations(true);
            let found = bare();
            count_allocations(false);
            found
        };
        let mut again = || -> anyhow::Result<f64> {
            let start = Instant::now();
            for _ in 0..BURST {
                plan.execute(&inputs)?;
            }
            Ok(start.elapsed().as_nanos() as f64 / BURST as f64)
        };
        let what = format!("{model}: counting allocations / not counting");
        compare(&what, &mut counting, &mut again)?;

        CALLS.store(0, Relaxed);
        TALLYING.store(true, Relaxed);
        plan.execute(&inputs)?;
        TALLYING.store(false, Relaxed);
        let (calls, more) = (CALLS.load(Relaxed), more_a_call());
        println!(
            "{model}: {calls} allocations an inference, {more:.2} ns more each: {:.3} % of {each}",
            100.0 * calls as f64 * more / each.as_f64()
        );
    }
    Ok(())
}

/// Median ratio of two ways to spend time, run side by side.
fn compare(
    what: &str,
    first: &mut dyn FnMut() -> anyhow::Result<f64>,
    second: &mut dyn FnMut() -> anyhow::Result<f64>,
) -> anyhow::Result<()> {
    let (mut rng, mut ratios) = (stats::generator(1, "overhead"), Vec::new());
    for _ in 0..PAIRS {
        let (a, b) = if rng.random() {
            let a = first()?;
            (a, second()?)
        } else {
            let b = second()?;
            (first()?, b)
        };
        ratios.push((a / b).ln());
    }
    let how = BootstrapOptions { resamples: 10_000, level: 0.99, seed: 0 };
    let found = stats::bootstrap_median(&ratios, how).ok_or_else(|| anyhow::anyhow!("no pairs"))?;
    println!(
        "{what} {:.4} [{:.4}, {:.4}] over {PAIRS} pairs",
        found.value.exp(),
        found.low.exp(),
        found.high.exp()
    );
    Ok(())
}

/// What an allocation and its release take longer with the agent's allocator, which does not count
/// now, than with the system's: medians of turns that alternate, in nanoseconds.
fn more_a_call() -> f64 {
    let layout = Layout::new::<[u64; 8]>();
    let turn = |allocator: &dyn Fn() -> *mut u8, release: &dyn Fn(*mut u8)| {
        let start = Instant::now();
        for _ in 0..10_000 {
            release(std::hint::black_box(allocator()));
        }
        start.elapsed().as_nanos() as f64 / 10_000.0
    };
    // SAFETY: the layout has a size, and each block is released once, where it came from.
    let own = |_| {
        turn(&|| unsafe { CountingAllocator.alloc(layout) }, &|at| unsafe {
            CountingAllocator.dealloc(at, layout)
        })
    };
    // SAFETY: likewise.
    let system =
        |_| turn(&|| unsafe { System.alloc(layout) }, &|at| unsafe { System.dealloc(at, layout) });
    let differences: Vec<f64> = (0..200).map(|index| own(index) - system(index)).collect();
    stats::median(&differences).unwrap_or(0.0)
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
