//! Mixed precision: which precision each layer gets, from what each costs and loses.

mod assignment;
mod frontier;
mod network;
mod sensitivity;

pub use assignment::{Assignment, Prices};
pub use frontier::{assignments, predicted};
pub use sensitivity::{Answers, Loss};
