//! Robustness: metrics on perturbed inputs, adversarial search by scores, and attacks along gradients.

mod adversarial_search;
mod attack_checks;
mod attack_error;
mod attack_gradient;
mod attack_plan;
mod attack_test;
mod gradient_attack;
mod input_box;
mod perturbations;
mod robustness_test;
mod straight_through;

pub use adversarial_search::{AdversarialResult, AdversarialSearch};
pub use attack_error::AttackError;
pub use attack_gradient::AttackGradient;
pub use attack_plan::AttackPlan;
pub use attack_test::{AttackTest, AttackedModel};
pub use gradient_attack::GradientAttack;
pub use input_box::InputBox;
pub use perturbations::{InputSpread, perturb_inputs, spreads};
pub use robustness_test::{RepeatedTest, RobustnessTest, TestedModel};
