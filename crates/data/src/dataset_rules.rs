//! Rules by which files become numbers: images, and names of classes.

use super::ImagePreprocessing;

/// Rules by which a dataset's files become inputs and labels.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DatasetRules {
    /// Of images.
    pub images: ImagePreprocessing,
    /// Names of the classes in the model's order; empty where labels are numbers, or names whose order is
    /// that of the letters.
    pub classes: Vec<String>,
}
