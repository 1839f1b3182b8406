//! How often a comparison is wrong: a model against itself, without and with both processors busy, and
//! against the same model with one per cent of work added. Beside paring's verdict stand those that
//! criterion's rule and Welch's test, as hyperfine's own script applies it, give when the two are
//! timed one after the other.
//!
//! Usage: cargo bench --bench honesty -- [COMPARISONS [SLOWER]]; 20 and 10 by default.

#[path = "comparing/mod.rs"]
mod comparing;

use comparing::{Load, Stage, heavier};
use paring::schema::{SpeedSummary, SpeedVerdict, StopRule};
use paring::stats::{self, BootstrapOptions};
use paring::units::LatencyNs;
use std::path::Path;
use std::time::Instant;

/// Enough for a difference of one per cent with a margin of 0.3 %: half of it is what the interval may
/// reach to either side.
const WIDTH: f64 = 0.006;
const BLOCKS: u32 = 9;
const MOST_BLOCKS: u32 = 60;
/// A comparison must be over in so many seconds.
const SECONDS: f64 = 20.0;
/// Samples and inferences in one, for the rules that time one after the other.
const SAMPLES: usize = 100;
const IN_SAMPLE: usize = 20;
/// Nodes that are tried to make a model slower by one per cent.
const MOST_NODES: usize = 8;

/// What one rule said of the same number of comparisons.
#[derive(Default)]
struct Tally {
    name: &'static str,
    wrong_quiet: usize,
    wrong_busy: usize,
    found: usize,
}

fn main() -> anyhow::Result<()> {
    let arguments: Vec<usize> = std::env::args().filter_map(|a| a.parse().ok()).collect();
    let comparisons = arguments.first().copied().unwrap_or(20);
    let slower = arguments.get(1).copied().unwrap_or(10);
    let folder = tempfile::tempdir()?;
    let digits = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/digits");
    let model = digits.join("digits_cnn.onnx");
    let stage = Stage::new(folder.path(), &digits.join("digits.npz"), &model)?;
    let (heavy, ratio) = slower_model(&stage, &model, folder.path())?;
    println!(
        "slower by {:.2} % [{:.2}, {:.2}] in {} paired blocks",
        percent(ratio.speedup.value),
        percent(ratio.speedup.high),
        percent(ratio.speedup.low),
        ratio.blocks
    );
    let names = ["paring", "criterion's rule", "Welch's test"];
    let mut tallies = names.map(|name| Tally { name, ..Tally::default() });
    let (mut longest, mut undecided) = (0f64, 0);
    for index in 0..comparisons {
        let busy = index % 2 == 1;
        let load = busy.then(Load::start);
        let (verdicts, seconds) = compare(&stage, &model, index as u64)?;
        drop(load);
        longest = longest.max(seconds);
        undecided += usize::from(verdicts[0].is_none());
        for (tally, verdict) in tallies.iter_mut().zip(verdicts) {
            let wrong = usize::from(verdict.is_some_and(|v| v != SpeedVerdict::CannotTell));
            if busy { tally.wrong_busy += wrong } else { tally.wrong_quiet += wrong }
        }
        eprint!("\r{} of {comparisons} with itself", index + 1);
    }
    let mut found_longest = 0f64;
    for index in 0..slower {
        let (verdicts, seconds) = compare(&stage, &heavy, (comparisons + index) as u64)?;
        found_longest = found_longest.max(seconds);
        for (tally, verdict) in tallies.iter_mut().zip(verdicts) {
            tally.found += usize::from(verdict == Some(SpeedVerdict::Slower));
        }
        eprint!("\r{} of {slower} with the slower     ", index + 1);
    }
    eprintln!();
    let (quiet, busy) = (comparisons.div_ceil(2), comparisons / 2);
    println!("{:<18} {:>22} {:>22} {:>20}", "", "false, alone", "false, both busy", "slower found");
    for tally in &tallies {
        println!(
            "{:<18} {:>15} of {quiet:>3} {:>15} of {busy:>3} {:>13} of {slower:>3}",
            tally.name, tally.wrong_quiet, tally.wrong_busy, tally.found
        );
    }
    println!("longest: {longest:.1} s with itself, {found_longest:.1} s with the slower");
    println!("{undecided} comparisons with itself had too few quiet blocks for a verdict");
    Ok(())
}

fn percent(speedup: f64) -> f64 {
    100.0 * (1.0 / speedup - 1.0)
}

/// The model with the number of added nodes that comes nearest to one per cent by a line through
/// the measurements of all numbers: a single one scatters by half a per cent.
fn slower_model(
    stage: &Stage,
    model: &Path,
    folder: &Path,
) -> anyhow::Result<(std::path::PathBuf, SpeedSummary)> {
    let measure = |path: &Path, blocks, seed| {
        let found = stage.paired(path, blocks, None, seed)?;
        found.ok_or_else(|| anyhow::anyhow!("the machine is never quiet"))
    };
    let path = |nodes: usize| folder.join(format!("heavier-{nodes}.onnx"));
    let mut points = Vec::new();
    for nodes in 1..=MOST_NODES {
        heavier(model, &path(nodes), nodes)?;
        let found = measure(&path(nodes), 20, nodes as u64)?;
        points.push((nodes as f64, percent(found.speedup.value)));
    }
    let (at, slope) = line(&points);
    let away = |nodes: &usize| (at + slope * *nodes as f64 - 1.0).abs();
    let nodes = (1..=MOST_NODES).min_by(|a, b| away(a).total_cmp(&away(b)));
    let path = path(nodes.unwrap_or(1));
    let found = measure(&path, MOST_BLOCKS, 100)?;
    Ok((path, found))
}

/// Intercept and slope of the line with the least squared distances.
fn line(points: &[(f64, f64)]) -> (f64, f64) {
    let n = points.len() as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / n;
    let (x, y) = (mean(|p| p.0), mean(|p| p.1));
    let along = points.iter().map(|p| (p.0 - x) * (p.1 - y)).sum::<f64>();
    let slope = along / points.iter().map(|p| (p.0 - x).powi(2)).sum::<f64>();
    (y - slope * x, slope)
}

/// The three verdicts on a variant, and the seconds that paring's took.
fn compare(
    stage: &Stage,
    variant: &Path,
    seed: u64,
) -> anyhow::Result<([Option<SpeedVerdict>; 3], f64)> {
    let limit_ns = LatencyNs((0.75 * SECONDS * 1e9) as u64);
    let stop = StopRule { width: WIDTH, most_blocks: MOST_BLOCKS, limit_ns };
    let begun = Instant::now();
    let found = stage.paired(variant, BLOCKS, Some(stop), seed)?;
    let seconds = begun.elapsed().as_secs_f64();
    let own = found.filter(|f| f.blocks >= BLOCKS as usize).map(|f| f.verdict);
    let a = stage.one_after_the_other(stage.model(), SAMPLES, IN_SAMPLE)?;
    let b = stage.one_after_the_other(variant, SAMPLES, IN_SAMPLE)?;
    Ok(([own, Some(criterion(&a, &b)), Some(welch(&a, &b))], seconds))
}

/// Criterion's rule for a change against a saved baseline: the mean changed with p < 0.05, and the
/// whole 95 % bootstrap interval of the relative change lies beyond 1 %.
///
/// Source: criterion 0.8, `compare_to_threshold` in `report.rs` and the defaults of its benchmarks'
/// configuration; the bootstrap replaces its permutation of t statistics.
fn criterion(a: &[f64], b: &[f64]) -> SpeedVerdict {
    let how = |seed| BootstrapOptions { resamples: 2_000, level: 0.95, seed };
    let mean = |values: &[f64]| Some(values.iter().sum::<f64>() / values.len() as f64);
    let (Some(old), Some(new)) =
        (stats::bootstrap(a, mean, how(1)), stats::bootstrap(b, mean, how(2)))
    else {
        return SpeedVerdict::CannotTell;
    };
    // Independent means: their errors add up in squares.
    let half = |i: paring::schema::ConfidenceInterval| (i.high - i.low) / 2.0 / i.value;
    let change = new.value / old.value - 1.0;
    let wide = (half(old).powi(2) + half(new).powi(2)).sqrt();
    match welch(a, b) {
        SpeedVerdict::CannotTell => SpeedVerdict::CannotTell,
        _ if change - wide > 0.01 => SpeedVerdict::Slower,
        _ if change + wide < -0.01 => SpeedVerdict::Faster,
        _ => SpeedVerdict::CannotTell,
    }
}

/// Welch's t-test at p < 0.05, as hyperfine's `scripts/welch_ttest.py` judges two commands.
fn welch(a: &[f64], b: &[f64]) -> SpeedVerdict {
    let moments = |values: &[f64]| {
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        (mean, values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0) / n)
    };
    let ((old, of_old), (new, of_new)) = (moments(a), moments(b));
    let t = (new - old) / (of_old + of_new).sqrt();
    // With a hundred samples each, Student's distribution is the normal one within 1 %.
    match t {
        late if late > 1.972 => SpeedVerdict::Slower,
        early if early < -1.972 => SpeedVerdict::Faster,
        _ => SpeedVerdict::CannotTell,
    }
}
