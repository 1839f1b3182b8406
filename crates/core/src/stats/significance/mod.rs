//! Significance tests, and corrections of many p-values.

mod holm_benjamini_hochberg;
mod mcnemar;
mod sign_flip;

pub use holm_benjamini_hochberg::{benjamini_hochberg, holm};
pub use mcnemar::mcnemar;
pub use sign_flip::sign_flip_test;
