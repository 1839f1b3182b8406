//! The sampling design and the number of bootstrap resamples of an evaluation.

use paring_core::stats::{ResamplingUnits, SamplingDesign};

/// Sampling design and bootstrap resamples of evaluations.
#[derive(Clone, Copy, Debug)]
pub struct BootstrapSampling<'a> {
    /// The group of each evaluated sample, where whole groups are drawn; otherwise single samples.
    pub groups: Option<&'a [String]>,
    /// A fixed number of samples was taken of each class, so that another draw would have the
    /// same shares; of groups it has no meaning.
    pub fixed_class_shares: bool,
    /// Draws.
    pub resamples: usize,
    /// Seeds them.
    pub seed: u64,
}

impl Default for BootstrapSampling<'_> {
    fn default() -> Self {
        BootstrapSampling { groups: None, fixed_class_shares: false, resamples: 10_000, seed: 0 }
    }
}

impl<'a> BootstrapSampling<'a> {
    /// The design that it is, of samples with these classes.
    pub(crate) fn design<'b>(&self, labels: &'b [i64]) -> SamplingDesign<'b>
    where
        'a: 'b,
    {
        match self.groups {
            Some(groups) => SamplingDesign::Groups(groups),
            None if self.fixed_class_shares => SamplingDesign::FixedShares(labels),
            None => SamplingDesign::Independent,
        }
    }

    pub(crate) fn units(&self, labels: &[i64]) -> ResamplingUnits {
        ResamplingUnits::of(self.design(labels), labels.len())
    }
}
