//! A target's state, and the noise of its measurements: two copies of one model, compared as a baseline
//! and a variant are.

use super::{BenchOptions, Progress, WorkflowError, bench, check_targets, one_target};
use paring_agent::arrays::Dtype;
use paring_agent::measure::{MIN_BLOCKS, PRACTICAL_MARGIN};
use paring_agent::sensors::{self, steadiness_settings};
use paring_boards::{CheckFinding, CheckGrade, FolderTrust, Target, TargetTransport, check_host};
use paring_core::schema::{ConfidenceInterval, MissingReason, SpeedSummary};
use paring_core::units::LatencyNs;
use paring_onnx::graph::{DimensionSize, Graph, Node, Weights, set_ints};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Blocks that the noise is estimated from.
const NOISE_BLOCKS: u32 = 10;
/// The difference whose price is told.
const DIFFERENCE: f64 = 0.01;
/// Channels and side of the network that is measured.
const CHANNELS: usize = 16;
const SIDE: usize = 24;

/// Options of [`doctor`].
#[derive(Clone, Debug)]
pub struct DoctorOptions {
    /// The target: a name of the inventory, or a profile for this machine.
    pub target: String,
    /// Trust in whoever made the inventory.
    pub trust: FolderTrust,
    /// Measures two copies of one model.
    pub noise: bool,
}

/// Checks a target, this machine's settings where it is the target, and the noise of its measurements.
///
/// # Errors
/// [`WorkflowError`] where there is no such target, or the noise cannot be measured.
pub fn doctor(
    options: &DoctorOptions,
    progress: &Progress,
) -> Result<(Target, Vec<CheckFinding>), WorkflowError> {
    let target = one_target(&options.target, options.trust)?;
    let checked = check_targets(std::slice::from_ref(&options.target), options.trust, progress)?;
    let mut findings: Vec<CheckFinding> =
        checked.into_iter().flat_map(|(_, findings)| findings).collect();
    if matches!(target.transport, TargetTransport::Local) {
        findings.extend(check_host(&steadiness_settings(sensors::root())));
    }
    let reached = findings.iter().all(|finding| finding.grade != CheckGrade::Bad);
    if options.noise && reached {
        findings.push(noise(options, progress)?);
    }
    Ok((target, findings))
}

/// Measures two copies of one model.
fn noise(options: &DoctorOptions, progress: &Progress) -> Result<CheckFinding, WorkflowError> {
    let folder = tempfile::tempdir().map_err(WorkflowError::TemporaryFolder)?;
    let models = ["one", "same"].map(|name| folder.path().join(format!("{name}.onnx")));
    for model in &models {
        network().save(model)?;
    }
    let begun = Instant::now();
    let answer = bench(&bench_options(options, models.to_vec(), folder.path()), progress)?;
    let took = begun.elapsed();
    let copy = answer.rows.last().and_then(|row| row.row.as_ref().ok());
    let speed = copy.map(|row| &row.measurement.speed);
    Ok(match speed {
        Some(Ok(speed)) => noise_finding(speed, took),
        Some(Err(MissingReason(why))) => CheckFinding::bad("noise", format!("not known: {why}")),
        None => CheckFinding::bad("noise", "not known: nothing was measured".into()),
    })
}

/// The difference that two copies of one model show, and what a verdict on 1 % takes.
fn noise_finding(speed: &SpeedSummary, took: Duration) -> CheckFinding {
    let ConfidenceInterval { value, low, high } = speed.speedup;
    let percent = |ratio: f64| 100.0 * (ratio - 1.0);
    let blocks = blocks_for(speed, DIFFERENCE);
    let time = took.mul_f64(blocks as f64 / speed.blocks.max(1) as f64);
    let text = format!(
        "two copies of one model differ by {:+.2} % (99 % CI {:+.2} to {:+.2} %) over {} blocks; to tell 1 % apart takes {blocks} blocks a variant, about {} s",
        percent(value),
        percent(low),
        percent(high),
        speed.blocks,
        time.as_secs().max(1),
    );
    match low <= 1.0 + PRACTICAL_MARGIN && high >= 1.0 - PRACTICAL_MARGIN {
        true => CheckFinding::good("noise", text),
        false => CheckFinding::poor(
            "noise",
            text,
            "copies must not differ: look at boost, load and temperature, then try again",
        ),
    }
}

/// Blocks after which a true `difference` lies outside of the interval and the practical margin, by the
/// width that the interval has now: it shrinks with the root of the number of blocks.
fn blocks_for(speed: &SpeedSummary, difference: f64) -> usize {
    let ConfidenceInterval { value, low, high } = speed.speedup;
    let half = (high / value).ln().max((value / low).ln());
    let wanted = ((1.0 + difference) / (1.0 + PRACTICAL_MARGIN)).ln();
    let blocks = (speed.blocks as f64 * (half / wanted).powi(2)).ceil();
    (blocks as usize).max(MIN_BLOCKS)
}

fn bench_options(options: &DoctorOptions, models: Vec<PathBuf>, folder: &Path) -> BenchOptions {
    BenchOptions {
        models,
        data: None,
        study: None,
        random_inputs: true,
        dims: BTreeMap::new(),
        batch: None,
        engine: vec![],
        without_isa: vec![],
        threads: Some(1),
        streams: 1,
        target: options.target.clone(),
        trust: options.trust,
        blocks: NOISE_BLOCKS,
        solo_ns: LatencyNs(20_000_000),
        paired_ns: LatencyNs(300_000_000),
        width: None,
        sustained_ns: None,
        seed: 0,
        out: Some(folder.join("bench")),
    }
}

/// A convolution and a Relu, as small networks have many.
fn network() -> Graph {
    let mut graph = Graph::empty("noise", 13);
    let shape = [1, CHANNELS, SIDE, SIDE].map(DimensionSize::Fixed);
    graph.add_input("x", Dtype::F32, &shape);
    let weights = [CHANNELS, CHANNELS, 3, 3];
    let count: usize = weights.iter().product();
    let values: Vec<f32> = (0..count).map(|i| (i % 17) as f32 / 17.0 - 0.5).collect();
    graph.set_weights("weight", Weights::f32(&weights, &values));
    let mut node = |op: &str, input: &[&str], output: &str| {
        let mut node = Node {
            name: output.into(),
            op_type: op.into(),
            input: input.iter().map(ToString::to_string).collect(),
            output: vec![output.into()],
            ..Node::default()
        };
        if op == "Conv" {
            set_ints(&mut node, "pads", vec![1; 4]);
        }
        graph.add_node(node);
    };
    node("Conv", &["x", "weight"], "features");
    node("Relu", &["features"], "y");
    graph.add_output("y");
    graph
}

#[cfg(test)]
mod tests {
    use super::*;
    use paring_core::schema::SpeedVerdict;

    fn speed(value: f64, low: f64, high: f64, blocks: usize) -> SpeedSummary {
        SpeedSummary {
            blocks,
            speedup: ConfidenceInterval { value, low, high },
            contended_speedup: None,
            quiet_share: 1.0,
            verdict: SpeedVerdict::CannotTell,
        }
    }

    #[test]
    fn blocks_follow_from_the_width_of_the_interval() {
        // Half-width 2 % in logarithms over 10 blocks, 0.6955 % wanted: 10 * (2 / 0.69550)^2 = 82.7.
        let half = 0.02_f64.exp();
        assert_eq!(blocks_for(&speed(1.0, 1.0 / half, half, 10), 0.01), 83);
        // A verdict takes 9 blocks in any case.
        assert_eq!(blocks_for(&speed(1.0, 0.9999, 1.0001, 10), 0.01), MIN_BLOCKS);
    }

    #[test]
    fn copies_that_differ_are_a_finding() {
        let found = noise_finding(&speed(1.0005, 0.999, 1.002, 10), Duration::from_secs(20));
        assert_eq!(found.grade, CheckGrade::Good);
        assert_eq!(
            found.observation,
            "two copies of one model differ by +0.05 % (99 % CI -0.10 to +0.20 %) over 10 blocks; to tell 1 % apart takes 9 blocks a variant, about 18 s"
        );
        let found = noise_finding(&speed(1.02, 1.01, 1.03, 10), Duration::from_secs(20));
        assert_eq!(found.grade, CheckGrade::Poor);
    }
}
