//! Options of attacks along gradients.

use crate::evaluate::AttackPlan;
use clap::Args;

/// Attacks along gradients, as typed.
#[derive(Clone, Debug, Args)]
pub(in crate::cli) struct AttackArgs {
    /// Attack the models along their gradients (FGSM, PGD, transfer): `linf=0.02,0.05` or `l2=0.5,1`
    /// bounds the change, in ranges of the input; without a value the usual bounds
    #[arg(long, value_name = "NORM=BOUNDS", num_args = 0..=1, default_missing_value = "usual")]
    attack: Vec<AttackBounds>,
    /// Steps of PGD
    #[arg(long, requires = "attack", value_name = "COUNT", default_value_t = AttackPlan::default().steps)]
    attack_steps: usize,
    /// Runs of PGD, all but the first from random places
    #[arg(long, requires = "attack", value_name = "COUNT", default_value_t = AttackPlan::default().restarts)]
    attack_restarts: usize,
    /// Samples that are attacked
    #[arg(long, requires = "attack", value_name = "COUNT", default_value_t = AttackPlan::default().samples)]
    attack_samples: usize,
    /// Ends that attacked inputs stay between; default: those seen in the data
    #[arg(
        long,
        requires = "attack",
        value_name = "LOW,HIGH",
        value_delimiter = ',',
        num_args = 1,
        allow_hyphen_values = true
    )]
    attack_range: Vec<f64>,
}

/// Bounds under one norm, or the usual ones.
#[derive(Clone, Debug, PartialEq)]
enum AttackBounds {
    Usual,
    Linf(Vec<f64>),
    L2(Vec<f64>),
}

impl std::str::FromStr for AttackBounds {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "usual" {
            return Ok(AttackBounds::Usual);
        }
        let (norm, bounds) = text.split_once('=').ok_or("write linf=0.02,0.05 or l2=0.5,1")?;
        let number = |text: &str| {
            text.trim().parse::<f64>().map_err(|_| format!("`{text}` is no bound; write a number"))
        };
        let bounds: Vec<f64> = bounds.split(',').map(number).collect::<Result<_, _>>()?;
        match norm.trim() {
            "linf" => Ok(AttackBounds::Linf(bounds)),
            "l2" => Ok(AttackBounds::L2(bounds)),
            norm => Err(format!("unknown norm `{norm}`; known are `linf`, `l2`")),
        }
    }
}

impl AttackArgs {
    /// The plan of attacks, where there are any.
    ///
    /// # Errors
    /// A sentence about an option that cannot be used.
    pub(super) fn plan(self) -> Result<Option<AttackPlan>, String> {
        if self.attack.is_empty() {
            return Ok(None);
        }
        let usual = AttackPlan::default();
        let (mut linf, mut l2) = (Vec::new(), Vec::new());
        for bounds in self.attack {
            match bounds {
                AttackBounds::Usual => {
                    linf.extend(&usual.linf);
                    l2.extend(&usual.l2);
                }
                AttackBounds::Linf(own) => linf.extend(own),
                AttackBounds::L2(own) => l2.extend(own),
            }
        }
        let range = match self.attack_range.as_slice() {
            [] => None,
            [low, high] => Some([*low, *high]),
            other => {
                return Err(format!("--attack-range needs LOW,HIGH, not {} numbers", other.len()));
            }
        };
        let plan = AttackPlan {
            linf,
            l2,
            steps: self.attack_steps,
            restarts: self.attack_restarts,
            samples: self.attack_samples,
            range,
        };
        plan.checked().map(Some).map_err(|problem| format!("--attack: {problem}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_name_their_norm() {
        assert_eq!("linf=0.1, 0.2".parse(), Ok(AttackBounds::Linf(vec![0.1, 0.2])));
        assert_eq!("l2=1".parse(), Ok(AttackBounds::L2(vec![1.0])));
        assert_eq!("usual".parse(), Ok(AttackBounds::Usual));
        for wrong in ["0.1", "l1=0.1", "linf=much", "linf="] {
            assert!(wrong.parse::<AttackBounds>().is_err(), "{wrong}");
        }
    }
}
