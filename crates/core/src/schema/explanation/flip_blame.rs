//! Blame of decisions for flipped samples.

use serde::{Deserialize, Serialize};

/// A sample whose predicted class is not the baseline's, and what puts it back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FlipBlame {
    /// Index of the sample in the dataset.
    pub sample: usize,
    /// Its right class; `None` where the data have no labels.
    pub label: Option<i64>,
    /// The baseline's class; `None` where its scores held no number.
    pub before: Option<i64>,
    /// The variant's class.
    pub after: Option<i64>,
    /// Its direction.
    pub kind: FlipDirection,
    /// Ids of the fewest groups that, left undone, give the baseline's class again.
    pub groups: Vec<String>,
    /// Sets of so many groups that do.
    pub alternatives: usize,
    /// True if all smaller sets were tried.
    pub exhaustive: bool,
}

/// Direction of a flip, as explanations call it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FlipDirection {
    /// From right to wrong.
    Lost,
    /// From wrong to right.
    Won,
    /// From one wrong class to another.
    Other,
    /// From one class to another, without a label to say which is right.
    Changed,
}

/// Flipped samples that a group answers for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GroupBlame {
    /// Id of the group.
    pub group: String,
    /// Samples lost that come back when this group alone is left undone.
    pub lost_alone: usize,
    /// Samples lost for which it is among the fewest groups, others included.
    pub lost_with_others: usize,
    /// Samples won that are wrong again when this group alone is left undone.
    pub won_alone: usize,
    /// Samples without labels that get the baseline's class again when this group alone is left undone.
    #[serde(default)]
    pub changed_alone: usize,
}

/// The few components of one group whose restoring brings back samples of one class.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ComponentBlame {
    /// Id of the group that they belong to.
    pub group: String,
    /// The coupling that they belong to.
    pub coupling: String,
    /// The class of the lost samples.
    pub class: i64,
    /// Ids of the components, those that bring back most first.
    pub components: Vec<String>,
    /// Their original indices, in the same order.
    pub indices: Vec<usize>,
    /// Samples of the class that the variant lost.
    pub lost: usize,
    /// Those of them that are right again in a variant with these components restored, tried.
    pub back: usize,
    /// Samples of all classes that are right in that variant and were wrong without, less the others.
    pub net: i64,
}
