//! From a model's output to one row of numbers a sample.

use super::answers::{MOST_CHANCES, MOST_PIXELS};
use super::{PixelAnswers, PredictError, Scores, Task};
use crate::record::TaskKind;

/// What one sample's part of an output says.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Row {
    /// Probabilities or other numbers; not finite where the model gave nothing usable.
    pub(super) values: Vec<f32>,
    /// The predicted class, if the task has one.
    pub(super) class: Option<i64>,
    /// What is said of every pixel, where answers are pixels.
    pub(super) pixels: PixelAnswers,
}

impl Row {
    fn new(values: Vec<f32>, class: Option<i64>) -> Row {
        Row { values, class, pixels: PixelAnswers::default() }
    }
}

/// Holds the shape of an output, without the samples' axis, against what the task needs.
pub(super) fn fits(task: &Task, shape: &[usize]) -> bool {
    let wide = shape.iter().filter(|size| **size > 1).count();
    match task.kind {
        TaskKind::Classification => wide <= 1 && !shape.contains(&0),
        TaskKind::Scores => wide == 0,
        TaskKind::Multilabel | TaskKind::Regression => !shape.contains(&0),
        TaskKind::Segmentation => shape.len() >= 2 && !shape.contains(&0),
    }
}

/// One sample's row; `label` is its class.
pub(super) fn row(
    task: &Task,
    sample: usize,
    label: i64,
    scores: &[f32],
) -> Result<Row, PredictError> {
    let broken = scores.iter().any(|v| !v.is_finite());
    match task.kind {
        TaskKind::Classification => classes(task, sample, label, scores, broken),
        TaskKind::Scores => {
            if label != 0 && label != 1 {
                return Err(PredictError::Label { sample, label, classes: 2 });
            }
            let above = |t: f64| i64::from(f64::from(scores[0]) >= t);
            let class = task.threshold.filter(|_| !broken).map(above);
            Ok(Row::new(scores.to_vec(), class))
        }
        TaskKind::Multilabel => Ok(Row::new(each_probability(task, sample, scores)?, None)),
        TaskKind::Regression | TaskKind::Segmentation => Ok(Row::new(scores.to_vec(), None)),
    }
}

fn classes(
    task: &Task,
    sample: usize,
    label: i64,
    scores: &[f32],
    broken: bool,
) -> Result<Row, PredictError> {
    let width = scores.len().max(2);
    if usize::try_from(label).ok().is_none_or(|label| label >= width) {
        return Err(PredictError::Label { sample, label, classes: width });
    }
    if broken {
        return Ok(Row::new(vec![f32::NAN; width], None));
    }
    if let [one] = scores {
        let p = each_probability(task, sample, &[*one])?[0];
        let values = vec![1.0 - p, p];
        let class = Some(i64::from(f64::from(p) >= task.threshold.unwrap_or(0.5)));
        return Ok(Row::new(values, class));
    }
    let first_best = |best: usize, (i, v): (usize, &f32)| if *v > scores[best] { i } else { best };
    let top = scores.iter().enumerate().fold(0, first_best);
    let values: Vec<f32> = match task.scores {
        Scores::Logits => {
            let power = |v: &f32| (f64::from(*v) - f64::from(scores[top])).exp();
            let sum: f64 = scores.iter().map(power).sum();
            scores.iter().map(|v| (power(v) / sum) as f32).collect()
        }
        Scores::Probabilities => {
            let sum: f64 = scores.iter().map(|v| f64::from(*v)).sum();
            if (sum - 1.0).abs() > 0.01 {
                return Err(PredictError::NotProbabilities { sample, sum });
            }
            scores.to_vec()
        }
    };
    let class = match (task.threshold, width) {
        (Some(threshold), 2) => {
            let positive = task.positive.unwrap_or(1).min(1);
            if f64::from(values[positive]) >= threshold { positive } else { 1 - positive }
        }
        _ => top,
    };
    Ok(Row::new(values, Some(class as i64)))
}

/// Probabilities that do not exclude each other.
fn each_probability(task: &Task, sample: usize, scores: &[f32]) -> Result<Vec<f32>, PredictError> {
    match task.scores {
        Scores::Logits => {
            Ok(scores.iter().map(|v| (1.0 / (1.0 + (-f64::from(*v)).exp())) as f32).collect())
        }
        Scores::Probabilities => match scores.iter().find(|v| !(-0.001..=1.001).contains(*v)) {
            Some(value) if value.is_finite() => {
                Err(PredictError::NotAProbability { sample, value: *value })
            }
            _ => Ok(scores.to_vec()),
        },
    }
}

/// Hits, predictions and labels of each class, in pixels, and the class of every pixel. `scores` are
/// `[classes, pixels]`, or `[pixels]` of one foreground; labels that are no class are left out, as is
/// usual for borders. What would be too much for `total` such samples is not kept.
pub(super) fn counted(task: &Task, scores: &[f32], mask: &[i64], total: usize) -> Row {
    let channels = (scores.len() / mask.len().max(1)).max(1);
    let classes = channels.max(2);
    let mut counts = vec![0.0f32; 3 * classes];
    let room = |each: usize, most: usize| (each * mask.len()).saturating_mul(total) <= most;
    if scores.iter().any(|v| !v.is_finite()) {
        counts.fill(f32::NAN);
        let pixels = PixelAnswers {
            class: if room(1, MOST_PIXELS) { vec![u8::MAX; mask.len()] } else { vec![] },
            chances: match room(classes, MOST_CHANCES) {
                true => vec![f32::NAN; classes * mask.len()],
                false => vec![],
            },
        };
        return Row { values: counts, class: None, pixels };
    }
    let found: Vec<usize> =
        (0..mask.len()).map(|p| class_of(task, scores, p, mask.len())).collect();
    for (class, label) in found.iter().zip(mask) {
        let Some(label) = usize::try_from(*label).ok().filter(|label| *label < classes) else {
            continue;
        };
        counts[label] += f32::from(*class == label);
        counts[classes + class] += 1.0;
        counts[2 * classes + label] += 1.0;
    }
    // What does not fit a byte is not kept: no model has so many classes that it matters.
    let bytes: Result<Vec<u8>, _> = found.iter().map(|class| u8::try_from(*class)).collect();
    let pixels = PixelAnswers {
        class: if room(1, MOST_PIXELS) { bytes.unwrap_or_default() } else { vec![] },
        chances: match room(classes, MOST_CHANCES) {
            true => chances(task, scores, mask.len()),
            false => vec![],
        },
    };
    Row { values: counts, class: None, pixels }
}

/// The probability of every class in each of so many pixels: `[classes, pixels]`.
fn chances(task: &Task, scores: &[f32], pixels: usize) -> Vec<f32> {
    let channels = scores.len() / pixels.max(1);
    if channels <= 1 {
        let foreground = |score: &f32| match task.scores {
            Scores::Logits => (1.0 / (1.0 + (-f64::from(*score)).exp())) as f32,
            Scores::Probabilities => *score,
        };
        let own: Vec<f32> = scores.iter().map(foreground).collect();
        return own.iter().map(|p| 1.0 - p).chain(own.iter().copied()).collect();
    }
    if task.scores == Scores::Probabilities {
        return scores.to_vec();
    }
    let mut all = vec![0.0; scores.len()];
    for pixel in 0..pixels {
        let at = |channel: usize| f64::from(scores[channel * pixels + pixel]);
        let most = (0..channels).map(at).fold(f64::NEG_INFINITY, f64::max);
        let sum: f64 = (0..channels).map(|c| (at(c) - most).exp()).sum();
        for channel in 0..channels {
            all[channel * pixels + pixel] = ((at(channel) - most).exp() / sum) as f32;
        }
    }
    all
}

/// The class of one of so many pixels.
fn class_of(task: &Task, scores: &[f32], pixel: usize, pixels: usize) -> usize {
    let channels = scores.len() / pixels;
    if channels > 1 {
        let at = |channel: usize| scores[channel * pixels + pixel];
        return (1..channels).fold(0, |best, c| if at(c) > at(best) { c } else { best });
    }
    let cut = match (task.threshold, task.scores) {
        (Some(threshold), Scores::Logits) => (threshold / (1.0 - threshold)).ln(),
        (Some(threshold), Scores::Probabilities) => threshold,
        (None, Scores::Logits) => 0.0,
        (None, Scores::Probabilities) => 0.5,
    };
    usize::from(f64::from(scores[pixel]) >= cut)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(kind: TaskKind, scores: Scores) -> Task {
        Task::new(kind, scores)
    }

    #[test]
    fn logits_become_probabilities() {
        let task = task(TaskKind::Classification, Scores::Logits);
        let found = row(&task, 0, 1, &[0.0, 2f32.ln(), 0.0]).unwrap();
        assert_eq!(found.class, Some(1));
        assert!(found.values.iter().zip([0.25, 0.5, 0.25]).all(|(a, b)| (a - b).abs() < 1e-7));
    }

    #[test]
    fn what_is_no_probability_is_refused_and_nan_is_kept() {
        let task = task(TaskKind::Classification, Scores::Probabilities);
        let wrong = row(&task, 3, 0, &[2.0, 3.0]).unwrap_err().to_string();
        assert!(wrong.starts_with("the scores of sample 3 add up to 5, not 1"), "{wrong}");
        assert_eq!(row(&task, 0, 0, &[f32::NAN, 1.0]).unwrap().class, None);
        assert!(matches!(row(&task, 0, 2, &[0.5, 0.5]), Err(PredictError::Label { .. })));
        assert!(matches!(row(&task, 0, 1, &[1.5]), Err(PredictError::NotAProbability { .. })));
    }

    #[test]
    fn one_probability_is_that_of_class_1_from_the_threshold_on() {
        let mut task = task(TaskKind::Classification, Scores::Probabilities);
        assert_eq!(row(&task, 0, 1, &[0.25]).unwrap().values, [0.75, 0.25]);
        task.threshold = Some(0.25);
        assert_eq!(row(&task, 0, 1, &[0.25]).unwrap().class, Some(1));
        assert_eq!(row(&task, 0, 1, &[0.8, 0.2]).unwrap().class, Some(0));
    }

    #[test]
    fn pixels_are_counted_by_class_and_borders_left_out() {
        let segments = task(TaskKind::Segmentation, Scores::Logits);
        let found = counted(&segments, &[1.0, 0.0, 0.0, 0.0, 2.0, 1.0], &[0, 1, 255], 1);
        assert_eq!(found.values, [1.0, 1.0, 1.0, 1.0, 1.0, 1.0]);
        assert_eq!(found.pixels.class, [0, 1, 1]);
        let odds = |p: usize| found.pixels.chances[3 + p] / found.pixels.chances[p];
        assert!((odds(0) - (-1f32).exp()).abs() < 1e-6 && (odds(1) - 2f32.exp()).abs() < 1e-5);
        let one = counted(&segments, &[-1.0, 2.0], &[1, 1], 1);
        let many = counted(&segments, &[-1.0, 2.0], &[1, 1], MOST_CHANCES / 2);
        assert_eq!((many.pixels.class.len(), many.pixels.chances.len()), (2, 0));
        assert_eq!(one.values, [0.0, 1.0, 1.0, 1.0, 0.0, 2.0]);
        let certain = 1.0 / (1.0 + (-2f32).exp());
        assert!((one.pixels.chances[3] - certain).abs() < 1e-7);
    }
}
