//! Engine options: what a variant asks of the engine beyond its file.

use serde::{Deserialize, Serialize};

/// Options that change how the engine executes a file, and so belong to a variant's identity.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EngineOptions {
    /// Names of engine transforms, applied in order to the decluttered model (`conv_nhwc`, say).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub transforms: Vec<String>,
}

impl EngineOptions {
    /// One cell's worth: the transforms joined by `+`, empty for none.
    pub fn label(&self) -> String {
        self.transforms.join("+")
    }
}
