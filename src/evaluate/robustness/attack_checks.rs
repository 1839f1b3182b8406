//! Sanity of accuracies under attack: figures that break a rule which every sound attack keeps say so.
//!
//! Rules after Carlini et al. 2019, arXiv 1902.06705: an unbounded attack reaches chance, more effort
//! never helps the model, and no attack is none.

use paring_core::schema::AttackMethod;

/// A count may be off by this share of the samples, rounded up, before a rule counts as broken: runs with
/// other steps end in other places.
const ALLOWANCE: f64 = 0.005;

/// Right answers of one model under one norm: what the rules are held against.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct AttackTally {
    pub(super) samples: usize,
    /// Number of classes.
    pub(super) classes: usize,
    /// Right answers to inputs as they are, and under an attack of strength 0.
    pub(super) clean: usize,
    pub(super) zero: usize,
    /// Right answers under PGD that may change everything.
    pub(super) unbounded: usize,
    /// By strength, ascending.
    pub(super) rows: Vec<StrengthTally>,
}

/// Right answers under the attacks of one strength.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct StrengthTally {
    pub(super) strength: f64,
    pub(super) fgsm: usize,
    /// PGD with half of its steps.
    pub(super) half: usize,
    pub(super) pgd: usize,
    /// Right answers to the inputs that PGD found on the baseline.
    pub(super) transfer: Option<usize>,
}

impl AttackTally {
    /// Rules that the figure of one method at one strength breaks.
    pub(super) fn broken(&self, method: AttackMethod, strength: f64, steps: usize) -> Vec<String> {
        let mut broken = Vec::new();
        if self.zero != self.clean {
            broken.push(format!(
                "strength 0 leaves {} of {} samples right, no attack {}",
                self.zero, self.samples, self.clean
            ));
        }
        if method != AttackMethod::Pgd {
            return broken;
        }
        let chance = self.samples as f64 / self.classes.max(1) as f64;
        if self.unbounded as f64 > chance + 2.0 * chance.sqrt() {
            broken.push(format!(
                "an unbounded attack leaves {} of {} samples right, chance {chance:.0}",
                self.unbounded, self.samples
            ));
        }
        let allowed = (ALLOWANCE * self.samples as f64).ceil() as usize;
        let Some(place) = self.rows.iter().position(|row| row.strength == strength) else {
            return broken;
        };
        let row = self.rows[place];
        let mut weaker = |count: usize, what: String| {
            if row.pgd > count + allowed {
                let (pgd, samples) = (row.pgd, self.samples);
                broken.push(format!("it leaves {pgd} of {samples} samples right, {what} {count}"));
            }
        };
        weaker(row.half, format!("{} steps instead of {steps}", (steps / 2).max(1)));
        weaker(row.fgsm, "a single step".into());
        if let Some(count) = row.transfer {
            weaker(count, "the inputs found on the baseline".into());
        }
        if let Some(before) = place.checked_sub(1).and_then(|before| self.rows.get(before)) {
            weaker(before.pgd, format!("strength {}", before.strength));
        }
        broken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally() -> AttackTally {
        let row = |strength, fgsm, half, pgd| StrengthTally {
            strength,
            fgsm,
            half,
            pgd,
            transfer: Some(350),
        };
        AttackTally {
            samples: 400,
            classes: 10,
            clean: 390,
            zero: 390,
            unbounded: 0,
            rows: vec![row(0.1, 350, 341, 340), row(0.2, 200, 101, 102)],
        }
    }

    #[track_caller]
    fn pgd(tally: &AttackTally, strength: f64, expected: &[&str]) {
        let broken = tally.broken(AttackMethod::Pgd, strength, 20);
        assert_eq!(broken.len(), expected.len(), "{broken:?}");
        for (broken, expected) in broken.iter().zip(expected) {
            assert!(broken.contains(expected), "{broken}");
        }
    }

    #[test]
    fn rules_that_hold_are_not_mentioned() {
        pgd(&tally(), 0.1, &[]);
        pgd(&tally(), 0.2, &[]);
        assert!(tally().broken(AttackMethod::Fgsm, 0.2, 1).is_empty());
    }

    #[test]
    fn every_broken_rule_is_named() {
        let mut wrong = tally();
        wrong.rows[1] =
            StrengthTally { strength: 0.2, fgsm: 200, half: 100, pgd: 345, transfer: Some(150) };
        let found = "the inputs found on the baseline 150";
        pgd(
            &wrong,
            0.2,
            &["10 steps instead of 20 100", "a single step 200", found, "strength 0.1 340"],
        );
        // Masked gradients: what fools the baseline fools the model, what its own gradients find does not.
        let mut masked = tally();
        masked.rows[0].transfer = Some(337);
        pgd(&masked, 0.1, &[found.replace("150", "337").as_str()]);
        masked.rows[0].transfer = Some(338);
        pgd(&masked, 0.1, &[]);
        let masked = AttackTally { unbounded: 200, ..tally() };
        pgd(&masked, 0.1, &["an unbounded attack leaves 200 of 400"]);
        let shifted = AttackTally { zero: 389, ..tally() };
        pgd(&shifted, 0.1, &["strength 0 leaves 389"]);
        assert_eq!(shifted.broken(AttackMethod::Fgsm, 0.1, 1).len(), 1);
    }
}
