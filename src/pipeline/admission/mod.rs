//! Admission of model files: the first load of each is tried in a process of its own.

mod admit;
mod first_load;
mod load_bounds;

pub use admit::{FIRST_LOAD_VERB, admit};
pub use first_load::{LoadSizes, first_load};
