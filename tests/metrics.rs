//! Metrics against scikit-learn's, on the vectors that `scripts/metric-vectors` makes.

use paring::evaluate::{
    BootstrapSampling, EvaluationTask, GroundTruth, ModelOutputs, PixelOutputs,
    PredictionStatistics, evaluate_variants, metrics,
};
use paring::schema::ScoreKind;
use paring::schema::{Evaluation, Metric, Sha256Hex, TaskKind};
use serde_json::Value;

const VECTORS: &str = include_str!("vectors/metrics.json");
const CLOSE: f64 = 1e-12;

fn numbers(value: &Value) -> Vec<f64> {
    let number = |v: &Value| v.as_f64().unwrap_or_else(|| f64::from(v.as_bool().unwrap()));
    value.as_array().unwrap().iter().map(number).collect()
}

/// A case as answers to its task.
fn case(case: &Value) -> (EvaluationTask, ModelOutputs) {
    let kind: TaskKind = case["kind"].as_str().unwrap().parse().unwrap();
    let width = case["width"].as_u64().unwrap() as usize;
    let mut task = EvaluationTask::new(kind, ScoreKind::Probabilities);
    task.threshold = case["threshold"].as_f64();
    task.further = vec![Metric::Top(2)];
    let (labels, values) = (numbers(&case["labels"]), numbers(&case["values"]));
    let values: Vec<f32> = values.iter().map(|v| *v as f32).collect();
    let samples = values.len() / width;
    let classes: Vec<i64> = labels.iter().map(|l| *l as i64).collect();
    let class = |row: &[f32]| match (kind, task.threshold) {
        (TaskKind::Classification, None) => {
            let top = (1..width).fold(0, |best, c| if row[c] > row[best] { c } else { best });
            Some(top as i64)
        }
        (_, Some(threshold)) => Some(i64::from(f64::from(row[width - 1]) >= threshold)),
        _ => None,
    };
    let class = values.chunks(width).map(class).collect();
    let truth = match kind {
        TaskKind::Multilabel => GroundTruth::Sets(labels.iter().map(|l| *l == 1.0).collect()),
        TaskKind::Regression => GroundTruth::Numbers(labels),
        _ => GroundTruth::Classes,
    };
    let labels = if truth == GroundTruth::Classes { classes } else { vec![0; samples] };
    let samples = (0..samples).collect();
    let pixels = PixelOutputs::default();
    (task, ModelOutputs { kind, samples, labels, truth, width, values, class, pixels })
}

/// Pixels of a segmentation, counted one sample at a time by the class with the highest score.
fn segmentation(case: &Value) -> (EvaluationTask, ModelOutputs) {
    let classes = case["width"].as_u64().unwrap() as usize;
    let labels: Vec<i64> = numbers(&case["labels"]).iter().map(|l| *l as i64).collect();
    let scores = numbers(&case["values"]);
    let samples = 4;
    let pixels = labels.len() / samples;
    let mut values = Vec::new();
    for sample in 0..samples {
        let own = &scores[sample * classes * pixels..];
        let found = |pixel: usize| {
            let at = |c: usize| own[c * pixels + pixel];
            let top = (1..classes).fold(0, |best, c| if at(c) > at(best) { c } else { best });
            Some(top as i64)
        };
        let found: Vec<Option<i64>> = (0..pixels).map(found).collect();
        let own = &labels[sample * pixels..(sample + 1) * pixels];
        values
            .extend(metrics::class_counts(own, &found, classes).concat().iter().map(|v| *v as f32));
    }
    let kind = TaskKind::Segmentation;
    let answers = ModelOutputs {
        kind,
        samples: (0..samples).collect(),
        labels: vec![0; samples],
        truth: GroundTruth::Counted,
        width: 3 * classes,
        values,
        class: vec![None; samples],
        pixels: PixelOutputs::default(),
    };
    (EvaluationTask::new(kind, ScoreKind::Logits), answers)
}

fn evaluation(
    task: &EvaluationTask,
    answers: &ModelOutputs,
    baseline: Option<&ModelOutputs>,
) -> Vec<Evaluation> {
    let exam = |answers, baseline| {
        PredictionStatistics::new(Sha256Hex::of(b"variant"), task, answers, baseline, &[]).unwrap()
    };
    let base = baseline.map(|b| exam(b, None));
    let exams: Vec<PredictionStatistics> =
        base.into_iter().chain([exam(answers, baseline)]).collect();
    evaluate_variants(&exams, &BootstrapSampling { resamples: 400, ..BootstrapSampling::default() })
}

#[test]
fn all_metrics_are_those_of_scikit_learn() {
    let cases: Vec<Value> = serde_json::from_str(VECTORS).unwrap();
    let mut checked = 0;
    for one in &cases {
        let segments = one["kind"] == "segmentation";
        let (task, answers) = if segments { segmentation(one) } else { case(one) };
        let found = evaluation(&task, &answers, None).remove(0);
        for (name, expected) in one["metrics"].as_object().unwrap() {
            let metric: Metric = name.parse().unwrap();
            let score = found.metrics[&metric];
            let expected = expected.as_f64().unwrap();
            let off = (score.value.value - expected).abs();
            assert!(off < CLOSE, "{} {name}: {} is not {expected}", task.kind, score.value.value);
            assert!(score.value.low <= score.value.high, "{name}: {score:?}");
            checked += 1;
        }
        for (label, row) in one["confusion"].as_array().into_iter().flatten().enumerate() {
            let row: Vec<u64> = numbers(row).iter().map(|v| *v as u64).collect();
            assert_eq!(found.confusion[label], row);
        }
        for (class, f1) in one["f1"].as_array().into_iter().flatten().enumerate() {
            let own = found.classes[class].f1.unwrap().value.value;
            assert!((own - f1.as_f64().unwrap()).abs() < CLOSE);
        }
    }
    assert!(checked > 50, "{checked} values");
}

#[test]
fn pure_functions_agree_with_the_sums() {
    let cases: Vec<Value> = serde_json::from_str(VECTORS).unwrap();
    let (task, answers) = case(&cases[0]);
    let found = evaluation(&task, &answers, None).remove(0);
    let is = |metric: Metric, value: Option<f64>| {
        let own = found.value(metric).unwrap().value;
        assert!((own - value.unwrap()).abs() < CLOSE, "{metric}: {own} is not {value:?}");
    };
    is(Metric::LogLoss, metrics::log_loss(&answers.values, &answers.labels));
    let auc = metrics::roc_auc_one_vs_rest(&answers.values, &answers.labels).unwrap();
    is(Metric::Auc, Some(auc.value));
    let (task, answers) = case(cases.iter().find(|c| c["kind"] == "regression").unwrap());
    let GroundTruth::Numbers(truth) = &answers.truth else { panic!() };
    let values: Vec<f64> = answers.values.iter().map(|v| f64::from(*v)).collect();
    let found = evaluation(&task, &answers, None).remove(0);
    let is = |metric: Metric, value: Option<f64>| {
        let own = found.value(metric).unwrap().value;
        assert!((own - value.unwrap()).abs() < CLOSE, "{metric}: {own} is not {value:?}");
    };
    is(Metric::Mse, metrics::mean_squared_error(truth, &values));
    is(Metric::Mae, metrics::mean_absolute_error(truth, &values));
    is(Metric::R2, metrics::r2(truth, &values, answers.width));
}

#[test]
fn the_same_answers_have_not_changed_and_nan_is_counted_as_wrong() {
    let cases: Vec<Value> = serde_json::from_str(VECTORS).unwrap();
    let (task, answers) = case(&cases[0]);
    let same = evaluation(&task, &answers, Some(&answers)).remove(1);
    assert_eq!(same.flips, Some(0));
    for (metric, score) in &same.metrics {
        if let Some(change) = score.change {
            assert!(change.value == 0.0 && change.low <= 0.0 && 0.0 <= change.high, "{metric}");
            // Rates of right answers say how little so few samples prove; probabilities are the same.
            let none = (change.low, change.high) == (0.0, 0.0);
            let rate = !matches!(metric, Metric::LogLoss | Metric::Brier | Metric::Ece);
            assert!(none || rate, "{metric}: {change:?}");
        }
    }
    assert_eq!(same.value(Metric::Agreement).unwrap().value, 1.0);
    let right = (0..answers.len()).find(|p| answers.class[*p] == Some(answers.labels[*p])).unwrap();
    let mut broken = answers.clone();
    broken.class[right] = None;
    broken.values[right * broken.width..(right + 1) * broken.width].fill(f32::NAN);
    let found = evaluation(&task, &broken, Some(&answers)).remove(1);
    assert_eq!((found.unusable, found.flips), (1, Some(1)));
    let lost = found.change(Metric::Accuracy).unwrap().value;
    assert!((lost + 1.0 / answers.len() as f64).abs() < CLOSE);
    assert_eq!(found.confusion[answers.labels[right] as usize][answers.width], 1);
    assert_eq!(found.flip_kinds.unwrap().right_to_wrong, 1);
}

#[test]
fn a_slice_of_three_samples_is_shown_with_its_wide_interval() {
    let cases: Vec<Value> = serde_json::from_str(VECTORS).unwrap();
    let (mut task, answers) = case(&cases[0]);
    let few = |p: usize| if p < 3 { "few" } else { "many" }.to_string();
    let slices = [("size".to_string(), (0..answers.len()).map(few).collect())];
    for primary in [Metric::Accuracy, Metric::F1Macro, Metric::Auc] {
        task.primary = primary;
        let exam = |base| {
            PredictionStatistics::new(Sha256Hex::of(b"v"), &task, &answers, base, &slices).unwrap()
        };
        let exams = [exam(None), exam(Some(&answers))];
        let found = evaluate_variants(
            &exams,
            &BootstrapSampling { resamples: 400, ..BootstrapSampling::default() },
        )
        .remove(1);
        let few = found.slices.iter().find(|s| s.value == "few").unwrap();
        assert_eq!((few.samples, few.flips, few.p_adjusted), (3, Some(0), Some(1.0)));
        let accuracy = few.metrics[&Metric::Accuracy];
        assert!(accuracy.value.high - accuracy.value.low > 0.5);
        let change = accuracy.change.unwrap();
        assert!(change.low < -0.5 && change.high > 0.5, "{change:?}");
        let many = found.slices.iter().find(|s| s.value == "many").unwrap();
        assert!(many.metrics.contains_key(&primary));
        assert!(found.slice_spread["size"] >= 0.0 || primary == Metric::Auc);
    }
}

#[test]
fn the_distance_of_pixels_is_the_mean_over_pixels_and_samples() {
    // Two samples of two pixels, two classes: `[classes, pixels]` each.
    let answers = |chances: Vec<f32>| ModelOutputs {
        kind: TaskKind::Segmentation,
        samples: vec![0, 1],
        labels: vec![0; 2],
        truth: GroundTruth::Counted,
        width: 6,
        values: vec![1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0],
        class: vec![None; 2],
        pixels: PixelOutputs { class: vec![0, 1, 0, 1], chances },
    };
    let base = answers(vec![0.75, 0.25, 0.25, 0.75, 0.5, 0.5, 0.5, 0.5]);
    let other = answers(vec![0.5, 0.25, 0.5, 0.75, 0.5, 0.5, 0.5, 0.5]);
    let task = EvaluationTask::new(TaskKind::Segmentation, ScoreKind::Probabilities);
    let found = evaluation(&task, &other, Some(&base));
    let value = |metric| found[1].value(metric).unwrap().value;
    let one = 0.75 * 1.5f64.ln() + 0.25 * 0.5f64.ln();
    assert!((value(Metric::KlDivergence) - one / 4.0).abs() < 1e-12);
    assert!((value(Metric::Agreement) - 1.0).abs() < 1e-12);
}
