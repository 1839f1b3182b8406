//! How long intervals take: 100,000 samples of 10 classes, a baseline and 20 variants, every metric
//! of classification with 10,000 paired draws; and the peak of memory.
//!
//! `cargo bench --bench evaluation`

use paring::evaluate::{
    BootstrapSampling, EvaluationTask, GroundTruth, ModelOutputs, PixelOutputs,
    PredictionStatistics, evaluate_variants,
};
use paring::schema::ScoreKind;
use paring::schema::{Metric, Sha256Hex, TaskKind};
use paring::sensors;
use paring::stats;
use rand::RngExt;
use std::time::Instant;

const SAMPLES: usize = 100_000;
const CLASSES: usize = 10;
const VARIANTS: usize = 20;

fn main() -> anyhow::Result<()> {
    let task = EvaluationTask::new(TaskKind::Classification, ScoreKind::Probabilities);
    let baseline = answers(0, 0.0);
    let begun = Instant::now();
    let mut exams = vec![PredictionStatistics::new(id(0), &task, &baseline, None, &[])?];
    let mut making = 0.0;
    for variant in 1..=VARIANTS {
        let start = Instant::now();
        let own = answers(variant as u64, variant as f32 / 100.0);
        making += start.elapsed().as_secs_f64();
        exams.push(PredictionStatistics::new(id(variant), &task, &own, Some(&baseline), &[])?);
    }
    let sums = begun.elapsed().as_secs_f64() - making;
    let start = Instant::now();
    let found = evaluate_variants(&exams, &BootstrapSampling::default());
    let draws = start.elapsed().as_secs_f64();
    // The draws are right before they are fast: the interval of accuracy's change is about as wide
    // as that of the normal approximation.
    for one in &found[1..] {
        let change = one.change(Metric::Accuracy).ok_or_else(|| anyhow::anyhow!("no change"))?;
        let flips = one.flip_kinds.ok_or_else(|| anyhow::anyhow!("no flips"))?;
        let moved = (flips.right_to_wrong + flips.wrong_to_right) as f64;
        let normal = 2.0 * 1.96 * moved.sqrt() / SAMPLES as f64;
        let ratio = (change.high - change.low) / normal;
        anyhow::ensure!((ratio - 1.0).abs() < 0.1, "width over the normal one's: {ratio}");
    }
    println!("{SAMPLES} samples, {CLASSES} classes, {VARIANTS} variants and their baseline");
    println!("answers to sums: {sums:.1} s");
    println!("10,000 paired draws, {} metrics each: {draws:.1} s", found[1].metrics.len());
    println!("together: {:.1} s", sums + draws);
    if let Some(peak) = sensors::memory(sensors::root()).vm_hwm_bytes {
        println!("peak memory: {:.2} GiB", peak.0 as f64 / f64::from(1 << 30));
    }
    Ok(())
}

fn id(variant: usize) -> Sha256Hex {
    Sha256Hex::of(format!("variant {variant}").as_bytes())
}

/// Answers that are right four times in five, and differ from the baseline's by `noise`.
fn answers(variant: u64, noise: f32) -> ModelOutputs {
    let mut base = stats::generator(1, "baseline");
    let mut own = stats::generator(variant, "variant");
    let (mut labels, mut values, mut class) = (vec![], vec![], vec![]);
    for _ in 0..SAMPLES {
        let label = base.random_range(0..CLASSES);
        let mut row: [f32; CLASSES] = std::array::from_fn(|_| base.random::<f32>());
        row[label] += 0.6;
        row.iter_mut().for_each(|v| *v = (8.0 * (*v + noise * own.random::<f32>())).exp());
        let sum: f32 = row.iter().sum();
        row.iter_mut().for_each(|v| *v /= sum);
        let top = (1..CLASSES).fold(0, |best, c| if row[c] > row[best] { c } else { best });
        labels.push(label as i64);
        values.extend(row);
        class.push(Some(top as i64));
    }
    ModelOutputs {
        kind: TaskKind::Classification,
        samples: (0..SAMPLES).collect(),
        labels,
        truth: GroundTruth::Classes,
        width: CLASSES,
        values,
        class,
        pixels: PixelOutputs::default(),
    }
}
