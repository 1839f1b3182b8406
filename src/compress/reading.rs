//! What is read off a model's outputs as a prediction, when two outputs mean another one, and how far
//! apart they are.

use crate::engine::samples_first;
use crate::record::TaskKind;
use ndarray::{ArrayD, Axis};
use serde::Serialize;

/// Numbers that are no classes changed where they moved by more than this share of the spread of all
/// answers: errors of that size alone take 1 % of R².
const MOVED: f64 = 0.1;

/// How predictions are read off outputs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Reading {
    /// What the outputs are.
    pub kind: TaskKind,
    /// From which output on the answer to a question of yes or no is yes.
    pub cut: f32,
    /// Whether such an output is a logit, not a probability.
    pub logits: bool,
    /// Of two classes the one that is predicted from the cut on; `None` for the more probable.
    pub positive: Option<usize>,
    /// Number of the output that is the answer; how far others move counts too.
    pub output: usize,
}

impl Default for Reading {
    fn default() -> Self {
        let (kind, positive) = (TaskKind::Classification, None);
        Reading { kind, cut: 0.5, logits: false, positive, output: 0 }
    }
}

impl Reading {
    /// An output as one row of numbers a prediction: a sample, a token or a pixel.
    pub(super) fn rows(&self, output: &ArrayD<f32>, batch: usize) -> Vec<Vec<f32>> {
        // What has no axis of samples is taken as it is.
        let found = samples_first(output.clone(), batch);
        let output = found.as_ref().unwrap_or(output);
        let shape = output.shape();
        if self.kind == TaskKind::Segmentation && shape.len() > 2 {
            return output.lanes(Axis(1)).into_iter().map(|lane| lane.to_vec()).collect();
        }
        let samples = shape.first().copied().filter(|n| *n == batch).unwrap_or(1).max(1);
        let wide = shape.iter().skip(1).filter(|size| **size > 1).count();
        let flattened = shape.len() > 1 && shape[0] != batch;
        let of_tokens = wide > 1 || flattened;
        let width = match self.kind {
            TaskKind::Classification if of_tokens => shape.last().copied().unwrap_or(1),
            TaskKind::Sequence => shape.iter().rev().find(|size| **size > 1).copied().unwrap_or(1),
            _ => output.len() / samples,
        };
        let flat: Vec<f32> = output.iter().copied().collect();
        flat.chunks(width.max(1)).map(<[f32]>::to_vec).collect()
    }

    /// Whether two rows mean another prediction; `spread` is that of all answers, see [`spread`].
    pub(super) fn changed(&self, was: &[f32], is: &[f32], spread: f64) -> bool {
        let crossed = |(was, is): (&f32, &f32)| (*was >= self.cut) != (*is >= self.cut);
        match self.kind {
            TaskKind::Regression | TaskKind::Scores => {
                let error = squares(was.iter().zip(is).map(|(w, i)| i - w));
                let moved = (error / was.len().max(1) as f64).sqrt();
                // What is no number is as far away as anything.
                moved.is_nan() || moved > MOVED * spread
            }
            TaskKind::Multilabel => was.iter().zip(is).any(crossed),
            _ => self.class(was) != self.class(is),
        }
    }

    /// The class that a row means.
    pub(super) fn class(&self, row: &[f32]) -> i64 {
        match (row, self.positive) {
            ([one], _) => i64::from(*one >= self.cut),
            ([no, yes], Some(positive)) => {
                let (no, yes) = if positive == 0 { (yes, no) } else { (no, yes) };
                let score = if self.logits { yes - no } else { *yes };
                i64::from((score >= self.cut) == (positive != 0))
            }
            (many, _) => top(many).map_or(-1, |class| class as i64),
        }
    }

    /// Kullback-Leibler divergence of two rows, in nats: of classes that exclude each other, of
    /// questions of yes or no, or of numbers that are normally distributed around what is said.
    pub(super) fn apart(&self, was: &[f32], is: &[f32], spread: f64) -> f64 {
        match self.kind {
            TaskKind::Regression | TaskKind::Scores => {
                let error = squares(was.iter().zip(is).map(|(w, i)| i - w));
                error / was.len().max(1) as f64 / spread.powi(2).max(f64::MIN_POSITIVE) / 2.0
            }
            TaskKind::Multilabel => self.each_apart(was, is),
            _ if was.len() == 1 => self.each_apart(was, is),
            _ => classes_apart(was, is),
        }
    }

    fn each_apart(&self, was: &[f32], is: &[f32]) -> f64 {
        let chance = |v: f32| match self.logits {
            true => 1.0 / (1.0 + f64::from(-v).exp()),
            false => f64::from(v),
        };
        let one = |(was, is): (&f32, &f32)| {
            let p = chance(*was).clamp(1e-12, 1.0 - 1e-12);
            let q = chance(*is).clamp(1e-12, 1.0 - 1e-12);
            (p * (p / q).ln() + (1.0 - p) * ((1.0 - p) / (1.0 - q)).ln()).max(0.0)
        };
        was.iter().zip(is).map(one).sum()
    }
}

/// Standard deviation of answers over samples, all numbers of an answer together; where they are all
/// alike their size.
pub(super) fn spread(rows: &[Vec<f32>]) -> f64 {
    let width = rows.first().map_or(0, Vec::len);
    let mut sums = vec![0.0f64; width];
    for row in rows {
        sums.iter_mut().zip(row).for_each(|(sum, v)| *sum += f64::from(*v));
    }
    let count = (rows.len() * width).max(1) as f64;
    let away = |row: &Vec<f32>| -> f64 {
        let mean = sums.iter().map(|sum| sum / rows.len() as f64);
        row.iter().zip(mean).map(|(v, mean)| (f64::from(*v) - mean).powi(2)).sum()
    };
    let spread = (rows.iter().map(away).sum::<f64>() / count).sqrt();
    let size = (rows.iter().map(|row| squares(row.iter().copied())).sum::<f64>() / count).sqrt();
    if spread > 1e-9 * size { spread } else { size }
}

fn squares(values: impl Iterator<Item = f32>) -> f64 {
    values.map(|v| f64::from(v).powi(2)).sum()
}

/// The largest entry, of equals the first.
fn top(row: &[f32]) -> Option<usize> {
    let largest = row.iter().enumerate().rev().max_by(|a, b| a.1.total_cmp(b.1));
    largest.map(|(position, _)| position)
}

/// KL(was ‖ is), rows that are no probabilities taken as logits.
fn classes_apart(was: &[f32], is: &[f32]) -> f64 {
    let sum: f64 = was.iter().map(|v| f64::from(*v)).sum();
    let chances = was.iter().all(|v| *v >= 0.0) && (sum - 1.0).abs() < 1e-3;
    let as_chances = |row: &[f32]| -> Vec<f64> {
        if chances {
            return row.iter().map(|v| f64::from(*v).max(1e-12)).collect();
        }
        let most = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let raised: Vec<f64> = row.iter().map(|v| f64::from(v - most).exp()).collect();
        let sum: f64 = raised.iter().sum();
        raised.iter().map(|v| (v / sum).max(1e-12)).collect()
    };
    let (p, q) = (as_chances(was), as_chances(is));
    p.iter().zip(&q).map(|(p, q)| p * (p / q).ln()).sum::<f64>().max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::IxDyn;

    fn of(kind: TaskKind) -> Reading {
        Reading { kind, ..Reading::default() }
    }

    fn numbers_of(output: &ArrayD<f32>) -> Vec<Vec<f32>> {
        of(TaskKind::Regression).rows(output, 2)
    }

    fn array(shape: &[usize], values: &[f32]) -> ArrayD<f32> {
        ArrayD::from_shape_vec(IxDyn(shape), values.to_vec()).unwrap()
    }

    #[test]
    fn divergence_is_zero_for_the_same_and_known_for_two_coins() {
        assert_eq!(classes_apart(&[0.25, 0.75], &[0.25, 0.75]), 0.0);
        let expected = 0.5 * (0.5f64 / 0.25).ln() + 0.5 * (0.5f64 / 0.75).ln();
        assert!((classes_apart(&[0.5, 0.5], &[0.25, 0.75]) - expected).abs() < 1e-9);
        // Logits may be shifted.
        assert!(classes_apart(&[3.0, 1.0], &[5.0, 3.0]) < 1e-9);
        // One coin said as one number.
        let one = of(TaskKind::Multilabel).apart(&[0.5], &[0.25], 1.0);
        assert!((one - expected).abs() < 1e-9);
    }

    #[test]
    fn a_prediction_is_a_sample_a_token_or_a_pixel() {
        let classes = of(TaskKind::Classification);
        assert_eq!(classes.rows(&array(&[2, 3, 1], &[1.0; 6]), 2), vec![vec![1.0; 3]; 2]);
        assert_eq!(classes.rows(&array(&[1, 4, 3], &[1.0; 12]), 1).len(), 4);
        let values = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        let pixels = of(TaskKind::Segmentation).rows(&array(&[1, 2, 1, 3], &values), 1);
        assert_eq!(pixels, vec![vec![1.0, 4.0], vec![2.0, 5.0], vec![3.0, 6.0]]);
        // Positions in front of the samples, classes last.
        let sequence = of(TaskKind::Sequence);
        let text =
            array(&[3, 2, 2], &[0.0, 1.0, 10.0, 11.0, 2.0, 3.0, 12.0, 13.0, 4.0, 5.0, 14.0, 15.0]);
        assert_eq!(sequence.rows(&text, 2)[..3], [[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]]);
        assert_eq!(sequence.rows(&array(&[3, 1, 2], &values), 1).len(), 3);
        assert_eq!(numbers_of(&text)[0], [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
        // Tokens without an axis of samples.
        assert_eq!(classes.rows(&array(&[4, 3], &[1.0; 12]), 1).len(), 4);
        let numbers = of(TaskKind::Regression).rows(&array(&[2, 3], &values), 2);
        assert_eq!(numbers, vec![vec![1.0, 2.0, 3.0], vec![4.0, 5.0, 6.0]]);
    }

    #[test]
    fn numbers_change_by_a_tenth_of_their_spread_and_classes_by_the_largest() {
        let numbers = of(TaskKind::Regression);
        // Far from zero, two apart: their spread is one.
        let spread = spread(&[vec![1001.0], vec![999.0]]);
        assert_eq!(spread, 1.0);
        assert!(!numbers.changed(&[1001.0], &[1001.0625], spread));
        assert!(numbers.changed(&[1001.0], &[1001.25], spread));
        assert!(numbers.changed(&[1001.0], &[f32::NAN], spread));
        // The largest is another one, but it hardly moved.
        assert!(!numbers.changed(&[0.50, 0.51], &[0.51, 0.50], spread));
        assert!(of(TaskKind::Classification).changed(&[0.50, 0.51], &[0.51, 0.50], spread));
        assert!(of(TaskKind::Multilabel).changed(&[0.4, 0.9], &[0.6, 0.9], spread));
        assert!(!of(TaskKind::Multilabel).changed(&[0.4, 0.6], &[0.3, 0.9], spread));
        // One number: yes or no.
        assert!(of(TaskKind::Classification).changed(&[0.4], &[0.6], spread));
        // Of two: from the threshold on, whichever is the positive one.
        let from = |positive| Reading { positive: Some(positive), cut: 0.2, ..Reading::default() };
        assert_eq!((from(1).class(&[0.7, 0.3]), from(1).class(&[0.9, 0.1])), (1, 0));
        assert_eq!((from(0).class(&[0.3, 0.7]), from(0).class(&[0.1, 0.9])), (0, 1));
        assert_eq!(Reading::default().class(&[0.5, 0.5]), 0);
    }

    #[test]
    fn answers_that_are_all_alike_are_as_wide_as_they_are_large() {
        assert_eq!(spread(&[vec![3.0], vec![3.0]]), 3.0);
        assert_eq!(spread(&[]), 0.0);
    }
}
