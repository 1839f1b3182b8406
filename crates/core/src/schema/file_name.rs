//! Names that become files: one component of a path, checked wherever a record is read.

use serde::{Deserialize, Deserializer, Serialize, de};
use std::fmt;
use std::ops::Deref;
use std::path::Path;

/// The most bytes that a file system's name takes.
const MOST_BYTES: usize = 255;

/// A name that cannot lead anywhere but into the folder that it is looked for in.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct FileName(String);

/// A name that is no file's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is no usable file name: {problem}", .name.escape_debug())]
pub struct InvalidFileName {
    name: String,
    problem: &'static str,
}

impl TryFrom<String> for FileName {
    type Error = InvalidFileName;

    fn try_from(name: String) -> Result<FileName, InvalidFileName> {
        let problem = match name.as_str() {
            "" => "it is empty",
            "." | ".." => "it names a folder",
            _ if name.contains('/') => "it contains `/`",
            _ if name.chars().any(char::is_control) => "it contains a control character",
            _ if name.len() > MOST_BYTES => "it is longer than 255 bytes",
            _ => return Ok(FileName(name)),
        };
        Err(InvalidFileName { name, problem })
    }
}

impl Deref for FileName {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl AsRef<Path> for FileName {
    fn as_ref(&self) -> &Path {
        Path::new(&self.0)
    }
}

impl fmt::Display for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl FileName {
    /// Reads a field that stays a `String`, and refuses what is no file name.
    ///
    /// # Errors
    /// [`InvalidFileName`] as the reader's error.
    pub fn checked<'de, D: Deserializer<'de>>(reader: D) -> Result<String, D::Error> {
        let name = String::deserialize(reader)?;
        FileName::try_from(name).map(|name| name.0).map_err(de::Error::custom)
    }

    /// [`FileName::checked`] of a field that may be absent.
    ///
    /// # Errors
    /// [`InvalidFileName`] as the reader's error.
    pub fn checked_option<'de, D: Deserializer<'de>>(
        reader: D,
    ) -> Result<Option<String>, D::Error> {
        let name: Option<FileName> = Option::deserialize(reader)?;
        Ok(name.map(|name| name.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stays_in_its_folder() {
        let read = |name: &str| serde_json::from_value::<FileName>(serde_json::json!(name));
        for good in ["pruned", "a b.onnx", "..a", "Ä-½", "a\\b"] {
            assert_eq!(&*read(good).unwrap(), good);
        }
        for bad in ["", ".", "..", "a/b", "../a", "/a", "a\0", "a\u{1b}[2J", &"a".repeat(256)] {
            assert!(read(bad).is_err(), "{bad:?}");
        }
    }
}
