//! From a model's output to one row of numbers a sample.

use super::model_outputs::{MOST_CHANCES, MOST_PIXELS, PixelOutputs};
use super::predict_error::PredictError;
use crate::evaluate::EvaluationTask;
use paring_compress::prediction;
use paring_core::schema::ScoreKind;
use paring_core::schema::TaskKind;

/// Output of a model for one sample: values and class.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct SampleOutput {
    /// Probabilities or other numbers; not finite where the model gave nothing usable.
    pub(super) values: Vec<f32>,
    /// The predicted class, if the task has one.
    pub(super) class: Option<i64>,
    /// Classes and probabilities of pixels, where outputs are pixels.
    pub(super) pixels: PixelOutputs,
}

impl SampleOutput {
    fn new(values: Vec<f32>, class: Option<i64>) -> SampleOutput {
        SampleOutput { values, class, pixels: PixelOutputs::default() }
    }
}

/// One sample's part of an output.
#[derive(Clone, Copy, Debug)]
pub(super) struct SampleScores<'a> {
    /// The sample, for messages.
    pub(super) sample: usize,
    /// Its class; `None` where the data have no labels.
    pub(super) label: Option<i64>,
    /// Its shape, without the samples' axis.
    pub(super) shape: &'a [usize],
    /// Its numbers, row by row.
    pub(super) scores: &'a [f32],
    /// Quantization step of the scores; 0 of floats.
    pub(super) step: f32,
}

/// Holds the shape of an output, without the samples' axis, against what the task needs.
pub(super) fn fits(task: &EvaluationTask, shape: &[usize], labelled: bool) -> bool {
    let wide = shape.iter().filter(|size| **size > 1).count();
    let filled = !shape.contains(&0);
    filled
        && match task.kind {
            TaskKind::Classification => wide <= 1,
            TaskKind::Scores => wide == 0 || !labelled,
            TaskKind::Multilabel | TaskKind::Regression => true,
            TaskKind::Sequence => wide > 0,
            TaskKind::Segmentation => shape.len() >= 2,
        }
}

/// One sample's row. What would be too much for `total` such samples is not kept.
pub(super) fn row(
    task: &EvaluationTask,
    part: &SampleScores,
    total: usize,
) -> Result<SampleOutput, PredictError> {
    let SampleScores { sample, label, scores, .. } = *part;
    let broken = scores.iter().any(|v| !v.is_finite());
    match task.kind {
        TaskKind::Classification => classes(task, part, broken),
        TaskKind::Scores => {
            if let Some(label) = label.filter(|label| *label != 0 && *label != 1) {
                return Err(PredictError::Label { sample, label, classes: 2 });
            }
            let class = match (task.threshold, scores) {
                (Some(threshold), [one]) if !broken => {
                    Some(i64::from(f64::from(*one) >= threshold))
                }
                _ => None,
            };
            Ok(SampleOutput::new(scores.to_vec(), class))
        }
        TaskKind::Multilabel => Ok(SampleOutput::new(each_probability(task, part, scores)?, None)),
        TaskKind::Sequence => positions(task, part, total),
        TaskKind::Regression | TaskKind::Segmentation => {
            Ok(SampleOutput::new(scores.to_vec(), None))
        }
    }
}

/// Probabilities of classes that exclude each other.
fn exclusive(
    task: &EvaluationTask,
    part: &SampleScores,
    scores: &[f32],
) -> Result<Vec<f32>, PredictError> {
    match task.scores {
        ScoreKind::Logits => {
            let found = prediction::exclusive_probabilities(task.scores, scores);
            Ok(found.iter().map(|p| *p as f32).collect())
        }
        ScoreKind::Probabilities => {
            let sum: f64 = scores.iter().map(|v| f64::from(*v)).sum();
            // Every quantized score is off by half a step at most.
            let rounding = scores.len() as f64 * f64::from(part.step) / 2.0;
            if (sum - 1.0).abs() > 0.01 + rounding {
                return Err(PredictError::NotProbabilities { sample: part.sample, sum });
            }
            match part.step > 0.0 && sum > 0.0 {
                true => Ok(scores.iter().map(|v| (f64::from(*v) / sum) as f32).collect()),
                false => Ok(scores.to_vec()),
            }
        }
    }
}

/// The class of every position, classes along the last axis that is longer than 1.
fn positions(
    task: &EvaluationTask,
    part: &SampleScores,
    total: usize,
) -> Result<SampleOutput, PredictError> {
    let classes = part.shape.iter().rev().find(|size| **size > 1).copied().unwrap_or(1);
    let mut row = SampleOutput::new(Vec::with_capacity(part.scores.len() / classes), None);
    let room = part.scores.len().saturating_mul(total) <= MOST_CHANCES;
    for scores in part.scores.chunks(classes) {
        if scores.iter().any(|v| !v.is_finite()) {
            row.values.push(f32::NAN);
            row.pixels
                .chances
                .extend(std::iter::repeat_n(f32::NAN, if room { classes } else { 0 }));
            continue;
        }
        row.values.push(prediction::argmax(scores).map_or(f32::NAN, |class| class as f32));
        let chances = exclusive(task, part, scores)?;
        row.pixels.chances.extend(chances.into_iter().filter(|_| room));
    }
    Ok(row)
}

fn classes(
    task: &EvaluationTask,
    part: &SampleScores,
    broken: bool,
) -> Result<SampleOutput, PredictError> {
    let SampleScores { sample, label, scores, .. } = *part;
    let width = scores.len().max(2);
    let known = |label: i64| usize::try_from(label).is_ok_and(|label| label < width);
    if let Some(label) = label.filter(|label| !known(*label)) {
        return Err(PredictError::Label { sample, label, classes: width });
    }
    if broken {
        return Ok(SampleOutput::new(vec![f32::NAN; width], None));
    }
    if let [one] = scores {
        let p = each_probability(task, part, &[*one])?[0];
        let yes = prediction::is_positive(task.scores, task.threshold, *one);
        return Ok(SampleOutput::new(vec![1.0 - p, p], Some(i64::from(yes))));
    }
    let values = exclusive(task, part, scores)?;
    let probabilities: Vec<f64> = values.iter().map(|v| f64::from(*v)).collect();
    let class = prediction::class(scores, &probabilities, task.rule());
    Ok(SampleOutput::new(values, class.map(|class| class as i64)))
}

/// Probabilities that do not exclude each other.
fn each_probability(
    task: &EvaluationTask,
    part: &SampleScores,
    scores: &[f32],
) -> Result<Vec<f32>, PredictError> {
    match task.scores {
        ScoreKind::Logits => Ok(scores.iter().map(|v| prediction::sigmoid(*v) as f32).collect()),
        ScoreKind::Probabilities => match scores.iter().find(|v| !(-0.001..=1.001).contains(*v)) {
            Some(value) if value.is_finite() => {
                Err(PredictError::NotAProbability { sample: part.sample, value: *value })
            }
            _ => Ok(scores.to_vec()),
        },
    }
}

/// Hits, predictions and labels of each class, in pixels, and the class of every pixel. `scores` are
/// `[classes, pixels]`, or `[pixels]` of one foreground; labels that are no class are left out, as is
/// usual for borders, and are none where the data have no labels. What would be too much for `total`
/// such samples is not kept.
pub(super) fn counted(
    task: &EvaluationTask,
    scores: &[f32],
    pixels: usize,
    mask: Option<&[i64]>,
    total: usize,
) -> SampleOutput {
    let channels = (scores.len() / pixels.max(1)).max(1);
    let classes = channels.max(2);
    let mut counts = vec![0.0f32; 3 * classes];
    let room = |each: usize, most: usize| (each * pixels).saturating_mul(total) <= most;
    if scores.iter().any(|v| !v.is_finite()) {
        counts.fill(f32::NAN);
        let pixels = PixelOutputs {
            class: if room(1, MOST_PIXELS) { vec![u8::MAX; pixels] } else { vec![] },
            chances: match room(classes, MOST_CHANCES) {
                true => vec![f32::NAN; classes * pixels],
                false => vec![],
            },
        };
        return SampleOutput { values: counts, class: None, pixels };
    }
    let found: Vec<usize> = (0..pixels).map(|p| class_of(task, scores, p, pixels)).collect();
    for (class, label) in found.iter().zip(mask.unwrap_or_default()) {
        let Some(label) = usize::try_from(*label).ok().filter(|label| *label < classes) else {
            continue;
        };
        counts[label] += f32::from(*class == label);
        counts[classes + class] += 1.0;
        counts[2 * classes + label] += 1.0;
    }
    // What does not fit a byte is not kept: no model has so many classes that it matters.
    let bytes: Result<Vec<u8>, _> = found.iter().map(|class| u8::try_from(*class)).collect();
    let pixels = PixelOutputs {
        class: if room(1, MOST_PIXELS) { bytes.unwrap_or_default() } else { vec![] },
        chances: match room(classes, MOST_CHANCES) {
            true => chances(task, scores, pixels),
            false => vec![],
        },
    };
    SampleOutput { values: counts, class: None, pixels }
}

/// The probability of every class in each of so many pixels: `[classes, pixels]`.
fn chances(task: &EvaluationTask, scores: &[f32], pixels: usize) -> Vec<f32> {
    let channels = scores.len() / pixels.max(1);
    if channels <= 1 {
        let foreground = |score: &f32| prediction::probability(task.scores, *score) as f32;
        let own: Vec<f32> = scores.iter().map(foreground).collect();
        return own.iter().map(|p| 1.0 - p).chain(own.iter().copied()).collect();
    }
    if task.scores == ScoreKind::Probabilities {
        return scores.to_vec();
    }
    let (mut all, mut own) = (vec![0.0; scores.len()], vec![0.0; channels]);
    for pixel in 0..pixels {
        let places = (0..channels).map(|channel| channel * pixels + pixel);
        own.iter_mut().zip(places.clone()).for_each(|(own, at)| *own = f64::from(scores[at]));
        prediction::softmax(&mut own);
        places.zip(&own).for_each(|(at, p)| all[at] = *p as f32);
    }
    all
}

/// The class of one of so many pixels.
fn class_of(task: &EvaluationTask, scores: &[f32], pixel: usize, pixels: usize) -> usize {
    let channels = scores.len() / pixels;
    if channels > 1 {
        let at = |channel: usize| scores[channel * pixels + pixel];
        return (1..channels).fold(0, |best, c| if at(c) > at(best) { c } else { best });
    }
    usize::from(prediction::is_positive(task.scores, task.threshold, scores[pixel]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(kind: TaskKind, scores: ScoreKind) -> EvaluationTask {
        EvaluationTask::new(kind, scores)
    }

    fn of(
        task: &EvaluationTask,
        sample: usize,
        label: Option<i64>,
        scores: &[f32],
    ) -> Result<SampleOutput, PredictError> {
        let shape = &[scores.len()];
        row(task, &SampleScores { sample, label, shape, scores, step: 0.0 }, 1)
    }

    #[test]
    fn without_labels_any_class_is_fine_and_pixels_are_only_predicted() {
        let classes = task(TaskKind::Classification, ScoreKind::Probabilities);
        assert_eq!(of(&classes, 0, None, &[0.25, 0.75]).unwrap().class, Some(1));
        let segments = task(TaskKind::Segmentation, ScoreKind::Logits);
        let found = counted(&segments, &[1.0, 0.0, 0.0, 2.0], 2, None, 1);
        assert_eq!((found.values, found.pixels.class), (vec![0.0; 6], vec![0, 1]));
    }

    #[test]
    fn every_position_of_a_sequence_has_a_class() {
        let sequence = task(TaskKind::Sequence, ScoreKind::Probabilities);
        let scores = [0.1, 0.7, 0.2, 0.5, 0.25, 0.25, f32::NAN, 0.0, 1.0];
        let part =
            SampleScores { sample: 0, label: None, shape: &[3, 1, 3], scores: &scores, step: 0.0 };
        let found = row(&sequence, &part, 1).unwrap();
        assert_eq!((&found.values[..2], found.values[2].is_nan()), (&[1.0, 0.0][..], true));
        assert_eq!((found.class, found.pixels.chances.len()), (None, 9));
        assert!(row(&sequence, &part, MOST_CHANCES).unwrap().pixels.chances.is_empty());
        let wrong = SampleScores { scores: &[1.0, 2.0, 0.0], ..part };
        assert!(matches!(row(&sequence, &wrong, 1), Err(PredictError::NotProbabilities { .. })));
        assert!(fits(&sequence, &[3, 1, 3], false) && !fits(&sequence, &[1, 1], false));
    }

    #[test]
    fn quantized_probabilities_add_up_to_1_as_closely_as_their_steps_allow() {
        let classes = task(TaskKind::Classification, ScoreKind::Probabilities);
        let scores = [124.0 / 128.0, 1.0 / 128.0, 0.0, 0.0, 0.0];
        assert!(of(&classes, 0, None, &scores).is_err());
        let part = SampleScores {
            sample: 0,
            label: None,
            shape: &[5],
            scores: &scores,
            step: 1.0 / 128.0,
        };
        let found = row(&classes, &part, 1).unwrap();
        assert!((found.values.iter().sum::<f32>() - 1.0).abs() < 1e-6);
    }

    #[test]
    fn logits_become_probabilities() {
        let task = task(TaskKind::Classification, ScoreKind::Logits);
        let found = of(&task, 0, Some(1), &[0.0, 2f32.ln(), 0.0]).unwrap();
        assert_eq!(found.class, Some(1));
        assert!(found.values.iter().zip([0.25, 0.5, 0.25]).all(|(a, b)| (a - b).abs() < 1e-7));
    }

    #[test]
    fn what_is_no_probability_is_refused_and_nan_is_kept() {
        let task = task(TaskKind::Classification, ScoreKind::Probabilities);
        let wrong = of(&task, 3, Some(0), &[2.0, 3.0]).unwrap_err().to_string();
        assert!(wrong.starts_with("the scores of sample 3 add up to 5, not 1"), "{wrong}");
        assert_eq!(of(&task, 0, Some(0), &[f32::NAN, 1.0]).unwrap().class, None);
        assert!(matches!(of(&task, 0, Some(2), &[0.5, 0.5]), Err(PredictError::Label { .. })));
        assert!(matches!(of(&task, 0, Some(1), &[1.5]), Err(PredictError::NotAProbability { .. })));
    }

    #[test]
    fn one_probability_is_that_of_class_1_from_the_threshold_on() {
        let mut task = task(TaskKind::Classification, ScoreKind::Probabilities);
        assert_eq!(of(&task, 0, Some(1), &[0.25]).unwrap().values, [0.75, 0.25]);
        task.threshold = Some(0.25);
        assert_eq!(of(&task, 0, Some(1), &[0.25]).unwrap().class, Some(1));
        assert_eq!(of(&task, 0, Some(1), &[0.8, 0.2]).unwrap().class, Some(0));
    }

    #[test]
    fn pixels_are_counted_by_class_and_borders_left_out() {
        let segments = task(TaskKind::Segmentation, ScoreKind::Logits);
        let found = counted(&segments, &[1.0, 0.0, 0.0, 0.0, 2.0, 1.0], 3, Some(&[0, 1, 255]), 1);
        assert_eq!(found.values, [1.0, 1.0, 1.0, 1.0, 1.0, 1.0]);
        assert_eq!(found.pixels.class, [0, 1, 1]);
        let odds = |p: usize| found.pixels.chances[3 + p] / found.pixels.chances[p];
        assert!((odds(0) - (-1f32).exp()).abs() < 1e-6 && (odds(1) - 2f32.exp()).abs() < 1e-5);
        let one = counted(&segments, &[-1.0, 2.0], 2, Some(&[1, 1]), 1);
        let many = counted(&segments, &[-1.0, 2.0], 2, Some(&[1, 1]), MOST_CHANCES / 2);
        assert_eq!((many.pixels.class.len(), many.pixels.chances.len()), (2, 0));
        assert_eq!(one.values, [0.0, 1.0, 1.0, 1.0, 0.0, 2.0]);
        let certain = 1.0 / (1.0 + (-2f32).exp());
        assert!((one.pixels.chances[3] - certain).abs() < 1e-7);
    }
}
