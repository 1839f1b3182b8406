//! Predictions in scores: probabilities, the class, flips between two outputs, and the divergence of two
//! answers.
//!
//! Evaluations read whole outputs by these rules, and compression judges its candidates by them.

mod class;
mod decision_rule;
mod divergence;
mod probability;

pub use class::{argmax, class, is_positive};
pub use decision_rule::DecisionRule;
pub(crate) use decision_rule::spread;
pub use divergence::{divergence, divergence_of_one};
pub use probability::{exclusive_probabilities, probability, sigmoid, softmax};
