//! Answers of another engine beside those of tract.

use super::engine_messages::EngineOutput;
use ndarray::ArrayD;
use paring_core::schema::{AnswerAgreement, MissingReason};

/// Compares the outputs of inferences on the same `samples` samples, tract's first.
///
/// # Errors
/// Why they cannot be compared.
pub(crate) fn answer_agreement(
    inferences: &[(Vec<ArrayD<f32>>, &[EngineOutput])],
    samples: usize,
) -> Result<AnswerAgreement, MissingReason> {
    let (mut largest, mut flips, mut rows) = (Some(0.0f64), 0, 0);
    for (own, others) in inferences {
        if own.len() != others.len() {
            let (own, others) = (own.len(), others.len());
            return Err(MissingReason(format!("tract gives {own} outputs, the engine {others}")));
        }
        for (index, (own, other)) in own.iter().zip(*others).enumerate() {
            if own.len() != other.values.len() {
                return Err(MissingReason(format!(
                    "output {index} has shape {:?} in tract, {:?} in the engine",
                    own.shape(),
                    other.shape
                )));
            }
            for (a, b) in own.iter().zip(&other.values) {
                largest = largest.zip(difference(f64::from(*a), *b)).map(|(x, y)| x.max(y));
            }
        }
        let Some((own, other)) = own.first().zip(others.first()) else { continue };
        let width = own.shape().last().copied().unwrap_or(1);
        if width > 1 {
            let own: Vec<Option<f64>> = own.iter().map(|value| Some(f64::from(*value))).collect();
            let pairs = own.chunks(width).zip(other.values.chunks(width));
            rows += own.len() / width;
            flips += pairs.filter(|(a, b)| largest_entry(a) != largest_entry(b)).count();
        }
    }
    let flips = (rows > 0).then_some(flips);
    Ok(AnswerAgreement { samples, max_abs_difference: largest, flips })
}

/// Difference of two entries; `None` where just one of them is a finite number.
fn difference(own: f64, other: Option<f64>) -> Option<f64> {
    match other {
        Some(other) => Some((own - other).abs()).filter(|found| found.is_finite()),
        None => (!own.is_finite()).then_some(0.0),
    }
}

/// Position of the largest entry, the first of equal ones.
fn largest_entry(row: &[Option<f64>]) -> Option<usize> {
    let mut best: Option<(usize, f64)> = None;
    for (index, value) in row.iter().enumerate() {
        if let Some(value) = value
            && best.is_none_or(|(_, most)| *value > most)
        {
            best = Some((index, *value));
        }
    }
    best.map(|(index, _)| index)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::IxDyn;

    fn compared(own: Vec<f32>, other: Vec<Option<f64>>) -> Result<AnswerAgreement, MissingReason> {
        let own = ArrayD::from_shape_vec(IxDyn(&[2, 2]), own).unwrap();
        let other = [EngineOutput { shape: vec![2, 2], values: other }];
        answer_agreement(&[(vec![own], other.as_slice())], 2)
    }

    #[test]
    fn the_largest_difference_and_the_rows_that_flip() {
        let found = compared(
            vec![0.0, 1.0, 0.75, 0.25],
            vec![0.25, 0.75, 0.25, 0.75].into_iter().map(Some).collect(),
        );
        let expected =
            AnswerAgreement { samples: 2, max_abs_difference: Some(0.5), flips: Some(1) };
        assert_eq!(found.unwrap(), expected);
    }

    #[test]
    fn what_is_no_number_differs_from_every_number_but_not_from_its_like() {
        let found =
            compared(vec![f32::NAN, 1.0, 0.0, 1.0], vec![None, Some(1.0), Some(0.0), Some(1.0)]);
        assert_eq!(found.unwrap().max_abs_difference, Some(0.0));
        let found = compared(vec![0.0, 1.0, 0.0, 1.0], vec![None, Some(1.0), Some(0.0), Some(1.0)]);
        assert_eq!(found.unwrap().max_abs_difference, None);
        let found = compared(
            vec![f32::NAN, 1.0, 0.0, 1.0],
            vec![Some(0.0), Some(1.0), Some(0.0), Some(1.0)],
        );
        assert_eq!(found.unwrap().max_abs_difference, None);
    }

    #[test]
    fn other_outputs_cannot_be_compared() {
        let MissingReason(why) = compared(vec![0.0; 4], vec![Some(0.0)]).unwrap_err();
        assert_eq!(why, "output 0 has shape [2, 2] in tract, [2, 2] in the engine");
    }
}
