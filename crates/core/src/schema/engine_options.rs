//! Engine options: what a variant asks of the engine beyond its file.

use serde::{Deserialize, Serialize};

/// Options that change how the engine executes a file, and so belong to a variant's identity.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EngineOptions {
    /// Names of engine transforms, applied in order to the decluttered model (`conv_nhwc`, say), and
    /// `vzeroupper`, which has upper halves of vector registers cleared after every node on x86.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub transforms: Vec<String>,
    /// Instruction-set tiers that the engine must do without (`avx512f`, say).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub without_isa: Vec<String>,
}

impl EngineOptions {
    /// True if the engine computes the node of this name in half floats.
    pub fn halves(&self, node: &str) -> bool {
        self.transforms.iter().filter_map(|t| t.strip_prefix("f32_to_f16")).any(|filter| {
            let named = |names: &str| names.split(',').any(|name| node.contains(name));
            match (filter.strip_prefix("!="), filter.strip_prefix("==")) {
                (Some(names), _) => !named(names),
                (_, Some(names)) => named(names),
                _ => true,
            }
        })
    }

    /// One cell's worth: the transforms joined by `+`, tiers that are switched off with a minus;
    /// empty for none.
    pub fn label(&self) -> String {
        let without: String = self.without_isa.iter().map(|tier| format!("-{tier}")).collect();
        let transforms = self.transforms.join("+");
        let between = if transforms.is_empty() || without.is_empty() { "" } else { " " };
        format!("{transforms}{between}{without}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_name_what_is_halved() {
        let with =
            |t: &str| EngineOptions { transforms: vec![t.into()], ..EngineOptions::default() };
        assert!(with("f32_to_f16").halves("a") && !with("conv_nhwc").halves("a"));
        assert!(with("f32_to_f16!=b,c").halves("a") && !with("f32_to_f16!=b,c").halves("xbx"));
        assert!(with("f32_to_f16==b").halves("b/Conv") && !with("f32_to_f16==b").halves("a"));
    }
}
