//! What of an experiment an effect is an effect on.

use serde::{Deserialize, Serialize};

/// A figure that every experiment has.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Aspect {
    /// Share of right answers.
    Accuracy,
    /// Share of answers that differ from the baseline's.
    Flips,
    /// Share of right answers among the samples of one class.
    Class(i64),
    /// Share of right answers in one slice: a column and its value.
    Slice(String, String),
    /// Mean F1 over classes.
    F1Macro,
    /// Expected calibration error.
    Ece,
    /// Size of the file.
    FileBytes,
    /// Weights and biases.
    Params,
    /// Multiply-adds of a sample.
    Macs,
}

impl Aspect {
    /// As it stands in files.
    pub fn metric(&self) -> &'static str {
        match self {
            Aspect::Accuracy => "accuracy",
            Aspect::Flips => "flips",
            Aspect::Class(_) => "class_accuracy",
            Aspect::Slice(..) => "slice_accuracy",
            Aspect::F1Macro => "f1_macro",
            Aspect::Ece => "ece",
            Aspect::FileBytes => "file_bytes",
            Aspect::Params => "params",
            Aspect::Macs => "macs",
        }
    }

    /// The class or slice that it is of.
    pub fn of(&self) -> Option<String> {
        match self {
            Aspect::Class(class) => Some(format!("class {class}")),
            Aspect::Slice(column, value) => Some(format!("{column}={value}")),
            _ => None,
        }
    }

    /// The unit of its values.
    pub fn unit(&self) -> &'static str {
        match self {
            Aspect::FileBytes => "bytes",
            Aspect::Params => "weights",
            Aspect::Macs => "multiply-adds",
            _ => "share",
        }
    }

    /// Whether it depends on the draw of samples.
    pub fn is_sampled(&self) -> bool {
        !matches!(self, Aspect::FileBytes | Aspect::Params | Aspect::Macs)
    }
}
