//! The samples on which states of a training are compared, and the losses there.

use super::sample_pass::{SamplePass, labels_of};
use crate::catalog::Calibration;
use crate::distillation::error::DistillationError;
use crate::distillation::passes::{DistillationPasses, PassArrays};
use paring_agent::arrays::Array;
use rayon::prelude::*;

/// Bytes of inputs and teacher's answers that are kept; those of further passes are made anew each
/// time.
const MOST_KEPT: usize = 256 << 20;

/// Samples that are not trained on, with the teacher's answers to as many as memory allows.
pub(in crate::distillation) struct HeldOutSamples<'a> {
    samples: &'a Calibration,
    passes: Vec<SamplePass>,
    /// Of the first passes.
    answered: Vec<PassArrays>,
}

/// Losses of one state, pass by pass.
#[derive(Clone, Debug)]
pub(in crate::distillation) struct HeldOutLosses {
    /// Loss, and the share of its samples in all.
    passes: Vec<(f64, f64)>,
}

impl<'a> HeldOutSamples<'a> {
    /// Asks the teacher.
    ///
    /// # Errors
    /// [`DistillationError`] where its answers are not finite.
    pub(in crate::distillation) fn new(
        samples: &'a Calibration,
        models: &DistillationPasses,
    ) -> Result<HeldOutSamples<'a>, DistillationError> {
        let all: Vec<usize> = (0..samples.samples()).collect();
        let passes = SamplePass::divide(&all, models.samples);
        let mut held = HeldOutSamples { samples, passes, answered: Vec::new() };
        let first = held.passes.first().map(|pass| held.arrays(models, pass)).transpose()?;
        let bytes = |own: &Array| own.shape().iter().product::<usize>() * own.dtype().width();
        let bytes: usize = first.iter().flat_map(PassArrays::values).map(bytes).sum();
        let kept = held.passes.len().min(MOST_KEPT / bytes.max(1));
        let made = held.passes[..kept].par_iter().map(|pass| held.arrays(models, pass));
        held.answered = made.collect::<Result<_, _>>()?;
        Ok(held)
    }

    fn arrays(
        &self,
        models: &DistillationPasses,
        pass: &SamplePass,
    ) -> Result<PassArrays, DistillationError> {
        let inputs = self.samples.inputs.iter();
        let arrays = inputs.map(|(name, array)| (name.clone(), array.take(&pass.samples)));
        models.answered(arrays.collect(), &labels_of(self.samples, &pass.samples))
    }

    /// The losses of a state, whose weights are `variables`.
    ///
    /// # Errors
    /// Those of [`DistillationPasses::loss`].
    pub(in crate::distillation) fn losses(
        &self,
        models: &DistillationPasses,
        variables: &PassArrays,
    ) -> Result<HeldOutLosses, DistillationError> {
        let loss = |(position, pass): (usize, &SamplePass)| {
            let loss = match self.answered.get(position) {
                Some(arrays) => models.loss(arrays, variables)?,
                None => models.loss(&self.arrays(models, pass)?, variables)?,
            };
            Ok((loss, pass.share))
        };
        let passes = self.passes.par_iter().enumerate().map(loss);
        Ok(HeldOutLosses { passes: passes.collect::<Result<_, DistillationError>>()? })
    }
}

impl HeldOutLosses {
    /// Mean over the samples.
    pub(in crate::distillation) fn mean(&self) -> f64 {
        self.passes.iter().map(|(loss, share)| loss * share).sum()
    }

    /// True where the mean exceeds that of `lowest` by at most one standard error of the paired
    /// difference.
    pub(in crate::distillation) fn within_standard_error(&self, lowest: &HeldOutLosses) -> bool {
        let centre = self.mean() - lowest.mean();
        let pairs = self.passes.iter().zip(&lowest.passes);
        let squares: f64 =
            pairs.map(|((own, share), (low, _))| (share * (own - low - centre)).powi(2)).sum();
        let count = self.passes.len() as f64;
        centre <= (squares * count / (count - 1.0).max(1.0)).sqrt()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_and_errors_are_those_of_samples() {
        let losses = |passes: &[(f64, f64)]| HeldOutLosses { passes: passes.to_vec() };
        let lowest = losses(&[(1.0, 0.4), (2.0, 0.4), (4.0, 0.2)]);
        assert!((lowest.mean() - 2.0).abs() < 1e-12);
        // Equal shares: differences 0, 1, 2 have the standard error 1/√3 = 0.577 about their mean 1.
        let even = |all: [f64; 3]| losses(&all.map(|loss| (loss, 1.0 / 3.0)));
        let start = even([1.0, 1.0, 1.0]);
        assert!(!even([1.0, 2.0, 3.0]).within_standard_error(&start));
        assert!(even([0.5, 1.5, 2.5]).within_standard_error(&start));
        assert!(!even([0.6, 1.6, 2.6]).within_standard_error(&start));
        assert!(even([0.0, 0.0, 0.0]).within_standard_error(&start));
    }
}
