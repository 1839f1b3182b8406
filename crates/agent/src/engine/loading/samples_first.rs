//! The axis of an output that counts samples.

use ndarray::{ArrayD, Axis};

/// An output with its samples along axis 0. Of several samples, their axis is the first that is as
/// long as the batch; an output for a single one belongs to it as a whole, whatever its shape. `None`
/// where no axis is as long as the batch.
pub fn samples_first(mut output: ArrayD<f32>, batch: usize) -> Option<ArrayD<f32>> {
    let axis = output.shape().iter().position(|size| *size == batch);
    match (batch, axis) {
        (_, Some(0)) => Some(output),
        (1, _) => Some(output.insert_axis(Axis(0))),
        (_, axis) => {
            // What moves to the front leaves the order of the others as it is.
            for at in (0..axis?).rev() {
                output.swap_axes(at, at + 1);
            }
            Some(output.as_standard_layout().into_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn shaped(shape: &[usize], batch: usize, expected: Option<&[usize]>) {
        let found = samples_first(ArrayD::zeros(shape), batch);
        assert_eq!(found.as_ref().map(|found| found.shape()), expected);
    }

    #[test]
    fn the_axis_as_long_as_the_batch_counts_samples() {
        shaped(&[4, 10], 4, Some(&[4, 10]));
        shaped(&[25, 4, 97], 4, Some(&[4, 25, 97]));
        shaped(&[2, 25, 4, 97], 4, Some(&[4, 2, 25, 97]));
        shaped(&[4, 4], 4, Some(&[4, 4]));
        shaped(&[100, 97], 4, None);
        // One sample: nothing to tell apart.
        shaped(&[25, 1, 97], 1, Some(&[1, 25, 1, 97]));
        shaped(&[1, 25, 97], 1, Some(&[1, 25, 97]));
        shaped(&[], 1, Some(&[1]));
    }

    #[test]
    fn numbers_go_with_their_sample() {
        let output =
            ArrayD::from_shape_fn(vec![3, 2, 2], |at| (100 * at[1] + 10 * at[0] + at[2]) as f32);
        let found: Vec<f32> = samples_first(output, 2).unwrap().iter().copied().collect();
        assert_eq!(
            found,
            [0.0, 1.0, 10.0, 11.0, 20.0, 21.0, 100.0, 101.0, 110.0, 111.0, 120.0, 121.0]
        );
    }
}
