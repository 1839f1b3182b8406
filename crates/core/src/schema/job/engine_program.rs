//! Programs that run models in another engine, as studies and jobs name them.

use crate::schema::Sha256Hex;
use serde::{Deserialize, Serialize};
use serde_json::json;

/// A program beside the agent that runs models in another engine; docs/engines.md has its protocol.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EngineProgram {
    /// Its name in the study.
    pub name: String,
    /// The program and its arguments.
    pub command: Vec<String>,
}

impl EngineProgram {
    /// Identity of a model file in this engine: blocks of another command are not mixed in.
    pub fn variant_id(&self, file_sha256: &Sha256Hex) -> Sha256Hex {
        Sha256Hex::of_json(&json!({ "file": file_sha256, "engine": self }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_file_name_or_command_is_another_identity() {
        let program = |name: &str, word: &str| EngineProgram {
            name: name.into(),
            command: vec!["python3".into(), word.into()],
        };
        let file = Sha256Hex::of(b"a");
        let id = program("ort", "a.py").variant_id(&file);
        assert_eq!(id, program("ort", "a.py").variant_id(&file));
        assert_ne!(id, program("ort", "b.py").variant_id(&file));
        assert_ne!(id, program("other", "a.py").variant_id(&file));
        assert_ne!(id, program("ort", "a.py").variant_id(&Sha256Hex::of(b"b")));
    }
}
