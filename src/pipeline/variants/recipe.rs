//! Recipes: how variants are made of each other.

use paring_compress::Step;
use paring_core::schema::EngineOptions;

/// The name of the model as given.
pub const BASELINE: &str = "baseline";

/// The recipe of one variant.
#[derive(Clone, Debug, PartialEq)]
pub struct Recipe {
    /// Its name.
    pub name: String,
    /// The variant it starts from.
    pub parent: String,
    /// The steps, in order.
    pub steps: Vec<Step>,
    /// Engine options of its own; `None` inherits the parent's.
    pub options: Option<EngineOptions>,
}
