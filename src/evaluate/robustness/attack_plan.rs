//! The plan of attacks: norms with their strengths, steps, restarts, the range of inputs.

use super::gradient_attack::GradientAttack;
use paring_agent::arrays::Array;
use paring_core::schema::{AttackMethod, AttackNorm, InputDisturbance};
use serde::Serialize;
use std::collections::BTreeMap;

/// Attacks along gradients that models are put to. As JSON it is part of a run's identity. Its answers
/// stand in `attack_test.rs`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AttackPlan {
    /// Bounds on the largest change of an entry, in ranges of the input, ascending.
    pub linf: Vec<f64>,
    /// Bounds on the root of the sum of squared changes, in ranges of the input, ascending.
    pub l2: Vec<f64>,
    /// Steps of PGD.
    pub steps: usize,
    /// Runs of PGD, the first from the sample itself.
    pub restarts: usize,
    /// At most so many samples are attacked.
    pub samples: usize,
    /// Lower and upper end that inputs stay between; what the data show without it.
    pub range: Option<[f64; 2]>,
}

/// Values of attacked inputs that are held at once, for transfer.
const MOST_VALUES: usize = 64 << 20;

impl Default for AttackPlan {
    fn default() -> Self {
        AttackPlan {
            linf: vec![0.02, 0.05, 0.1],
            l2: vec![0.25, 0.5, 1.0],
            steps: 20,
            restarts: 2,
            samples: 500,
            range: None,
        }
    }
}

impl AttackPlan {
    /// Samples that are attacked, of inputs with so many entries each: as many as are wanted and memory
    /// allows.
    pub(super) fn bounded_samples(&self, entries: usize) -> usize {
        let attacks = self.linf.len() + self.l2.len();
        self.samples.min((MOST_VALUES / (entries * attacks).max(1)).max(1))
    }

    /// The strengths under a norm.
    pub fn strengths(&self, norm: AttackNorm) -> &[f64] {
        match norm {
            AttackNorm::Linf => &self.linf,
            AttackNorm::L2 => &self.l2,
        }
    }

    /// Refuses a plan that cannot be carried out, and sorts its strengths.
    ///
    /// # Errors
    /// A sentence that names the key.
    pub fn checked(mut self) -> Result<AttackPlan, String> {
        for (key, strengths) in [("linf", &mut self.linf), ("l2", &mut self.l2)] {
            if let Some(wrong) = strengths.iter().find(|own| !(own.is_finite() && **own > 0.0)) {
                return Err(format!("`{key}` of `attack` cannot have the strength {wrong}"));
            }
            strengths.sort_by(f64::total_cmp);
            strengths.dedup();
        }
        if self.linf.is_empty() && self.l2.is_empty() {
            return Err("`attack` needs strengths: `linf` or `l2`".into());
        }
        if let Some([low, high]) = self.range
            && !(low < high && low.is_finite() && high.is_finite())
        {
            return Err(format!("`range` of `attack` needs [LOW, HIGH], not [{low}, {high}]"));
        }
        for (key, count, least) in
            [("steps", self.steps, 2), ("restarts", self.restarts, 1), ("samples", self.samples, 1)]
        {
            if count < least {
                return Err(format!("`{key}` of `attack` must be {least} or more"));
            }
        }
        Ok(self)
    }

    /// Every attack of the plan with its strength.
    pub fn tests(&self) -> impl Iterator<Item = (InputDisturbance, f64)> {
        let methods = [AttackMethod::Fgsm, AttackMethod::Pgd, AttackMethod::Transfer];
        methods.into_iter().flat_map(move |method| {
            [AttackNorm::Linf, AttackNorm::L2].into_iter().flat_map(move |norm| {
                let attack = InputDisturbance::of_attack(method, norm);
                self.strengths(norm).iter().map(move |strength| (attack, *strength))
            })
        })
    }

    /// The attacks that experiments repeat: PGD of every norm and strength.
    pub fn replayed(&self) -> impl Iterator<Item = (InputDisturbance, f64)> {
        [AttackNorm::Linf, AttackNorm::L2].into_iter().flat_map(|norm| {
            let pgd = InputDisturbance::of_attack(AttackMethod::Pgd, norm);
            self.strengths(norm).iter().map(move |strength| (pgd, *strength))
        })
    }

    /// One attack of the plan.
    pub(super) fn attack(
        &self,
        method: AttackMethod,
        norm: AttackNorm,
        strength: f64,
        seed: u64,
    ) -> GradientAttack {
        let (steps, restarts) = match method {
            AttackMethod::Fgsm => (1, 1),
            _ => (self.steps, self.restarts),
        };
        GradientAttack { method, norm, strength, steps, restarts, seed }
    }
}

/// Entries of the inputs of one sample that can be changed a little.
pub(super) fn float_entries(inputs: &BTreeMap<String, Array>) -> usize {
    let floats = inputs.values().filter(|array| matches!(array, Array::F32(_)));
    floats.map(|array| array.shape().iter().skip(1).product::<usize>()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_inputs_are_attacked_on_fewer_samples() {
        let plan = AttackPlan { linf: vec![0.1, 0.2], l2: vec![], ..AttackPlan::default() };
        // Two attacks on images of 3 × 512 × 512: 67,108,864 / (2 · 786,432) = 42.67.
        assert_eq!(
            [0, 490, 786_432, 1 << 40].map(|entries| plan.bounded_samples(entries)),
            [500, 500, 42, 1]
        );
    }

    #[test]
    fn what_cannot_be_carried_out_is_refused_by_its_key() {
        let usual = AttackPlan::default();
        assert_eq!(usual.clone().checked(), Ok(usual.clone()));
        let sorted = AttackPlan { linf: vec![0.2, 0.1, 0.2], ..usual.clone() }.checked().unwrap();
        assert_eq!(sorted.linf, [0.1, 0.2]);
        for (plan, word) in [
            (AttackPlan { linf: vec![-0.1], ..usual.clone() }, "linf"),
            (AttackPlan { linf: vec![], l2: vec![], ..usual.clone() }, "strengths"),
            (AttackPlan { range: Some([1.0, 0.0]), ..usual.clone() }, "range"),
            (AttackPlan { steps: 1, ..usual.clone() }, "steps"),
            (AttackPlan { restarts: 0, ..usual.clone() }, "restarts"),
        ] {
            assert!(plan.checked().unwrap_err().contains(word), "{word}");
        }
    }
}
