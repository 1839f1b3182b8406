//! Decision rule of a task: the prediction in a model's outputs, prediction changes (flips), and the
//! divergence of two outputs.

use super::{class, divergence, probability};
use ndarray::{ArrayD, Axis};
use paring_agent::engine::samples_first;
use paring_core::schema::{ScoreKind, TaskKind};
use serde::Serialize;

/// Numbers that are no classes changed where they moved by more than this share of the spread of all
/// answers: errors of that size alone take 1 % of R².
const MOVED: f64 = 0.1;

/// The rule by which predictions are read off outputs. As JSON it is part of the identity of what is chosen by it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct DecisionRule {
    /// The kind of task.
    pub kind: TaskKind,
    /// The meaning of the outputs' numbers.
    pub scores: ScoreKind,
    /// From which probability on the answer to a question of yes or no is yes, one half without it; of
    /// two classes the positive one is predicted from it on.
    pub threshold: Option<f64>,
    /// The positive class of two; the second without it.
    pub positive: Option<usize>,
    /// Number of the output that is the answer; how far others move counts too.
    pub output: usize,
}

impl Default for DecisionRule {
    fn default() -> Self {
        let (kind, scores) = (TaskKind::Classification, ScoreKind::Probabilities);
        DecisionRule { kind, scores, threshold: None, positive: None, output: 0 }
    }
}

impl DecisionRule {
    /// An output as one row of numbers a prediction: a sample, a token or a pixel.
    pub(crate) fn rows(&self, output: &ArrayD<f32>, batch: usize) -> Vec<Vec<f32>> {
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

    /// Tells if two rows mean different predictions; `spread` is that of all answers, see [`spread`].
    pub(crate) fn changed(&self, was: &[f32], is: &[f32], spread: f64) -> bool {
        let crossed = |(was, is): (&f32, &f32)| self.is_positive(*was) != self.is_positive(*is);
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

    fn is_positive(&self, score: f32) -> bool {
        class::is_positive(self.scores, self.threshold, score)
    }

    /// The class that a row means; −1 of what is no number.
    pub(crate) fn class(&self, row: &[f32]) -> i64 {
        if let [one] = row {
            return i64::from(self.is_positive(*one));
        }
        let rule = self.threshold.map(|threshold| (threshold, self.positive.unwrap_or(1)));
        let probabilities = match (rule, row) {
            (Some(_), [_, _]) => probability::exclusive_probabilities(self.scores, row),
            _ => vec![],
        };
        class::class(row, &probabilities, rule).map_or(-1, |class| class as i64)
    }

    /// Kullback-Leibler divergence of two rows, in nats: of classes that exclude each other, of
    /// questions of yes or no, or of numbers that are normally distributed around what is said.
    pub(crate) fn apart(&self, was: &[f32], is: &[f32], spread: f64) -> f64 {
        match self.kind {
            TaskKind::Regression | TaskKind::Scores => {
                let error = squares(was.iter().zip(is).map(|(w, i)| i - w));
                error / was.len().max(1) as f64 / spread.powi(2).max(f64::MIN_POSITIVE) / 2.0
            }
            TaskKind::Multilabel => self.each_apart(was, is),
            _ if was.len() == 1 => self.each_apart(was, is),
            _ => {
                let of = |row: &[f32]| probability::exclusive_probabilities(self.scores, row);
                divergence::divergence(&of(was), &of(is)).max(0.0)
            }
        }
    }

    fn each_apart(&self, was: &[f32], is: &[f32]) -> f64 {
        let chance = |score: &f32| probability::probability(self.scores, *score);
        let one = |(was, is)| divergence::divergence_of_one(chance(was), chance(is)).max(0.0);
        was.iter().zip(is).map(one).sum()
    }
}

/// Standard deviation of answers over samples, all numbers of an answer together; where they are all
/// alike their size.
pub(crate) fn spread(rows: &[Vec<f32>]) -> f64 {
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

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::IxDyn;

    fn kl_divergence(p: &[f32], q: &[f32]) -> f64 {
        let wide = |of: &[f32]| of.iter().map(|v| f64::from(*v)).collect::<Vec<_>>();
        divergence::divergence(&wide(p), &wide(q))
    }

    fn of(kind: TaskKind) -> DecisionRule {
        DecisionRule { kind, ..DecisionRule::default() }
    }

    fn numbers_of(output: &ArrayD<f32>) -> Vec<Vec<f32>> {
        of(TaskKind::Regression).rows(output, 2)
    }

    fn array(shape: &[usize], values: &[f32]) -> ArrayD<f32> {
        ArrayD::from_shape_vec(IxDyn(shape), values.to_vec()).unwrap()
    }

    #[test]
    fn divergence_is_that_of_an_evaluation() {
        let (p, q) =
            ([0.9f32, 0.05, 0.05].map(|p| 1.005 * p), [0.5f32, 0.45, 0.05].map(|q| 1.005 * q));
        let found = of(TaskKind::Classification).apart(&p, &q, 1.0);
        assert!((found - kl_divergence(&p, &q)).abs() < 1e-12 && (found - 0.421_24).abs() < 1e-5);
        let logits = DecisionRule { scores: ScoreKind::Logits, ..DecisionRule::default() };
        assert!(logits.apart(&[3.0, 1.0], &[5.0, 3.0], 1.0) < 1e-9);
        // One coin said as one number.
        let expected = kl_divergence(&[0.5, 0.5], &[0.25, 0.75]);
        assert!((of(TaskKind::Multilabel).apart(&[0.5], &[0.25], 1.0) - expected).abs() < 1e-9);
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
        let from = |positive| DecisionRule {
            positive: Some(positive),
            threshold: Some(0.2),
            ..DecisionRule::default()
        };
        assert_eq!((from(1).class(&[0.7, 0.3]), from(1).class(&[0.9, 0.1])), (1, 0));
        assert_eq!((from(0).class(&[0.3, 0.7]), from(0).class(&[0.1, 0.9])), (0, 1));
        assert_eq!(DecisionRule::default().class(&[0.5, 0.5]), 0);
    }

    #[test]
    fn answers_that_are_all_alike_are_as_wide_as_they_are_large() {
        assert_eq!(spread(&[vec![3.0], vec![3.0]]), 3.0);
        assert_eq!(spread(&[]), 0.0);
    }
}
