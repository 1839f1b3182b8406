//! TOML written by hand, read with errors that name the line, the key and the nearest known key.
//!
//! Knows no schema: studies, profiles and inventories bring their own types, which refuse unknown keys
//! by `deny_unknown_fields`.

use serde::de::DeserializeOwned;
use std::fmt;

/// An error in a TOML text, at a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TomlInputError {
    /// The line, counting from 1.
    pub line: usize,
    /// The parser's or serde's words; an unknown key in ours.
    pub message: String,
    /// The key that was probably meant, or the known ones.
    pub hint: Option<String>,
}

impl fmt::Display for TomlInputError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.line, self.message)?;
        self.hint.iter().try_for_each(|hint| write!(f, "; {hint}"))
    }
}

impl std::error::Error for TomlInputError {}

/// Reads a value from TOML.
///
/// # Errors
/// [`TomlInputError`] names the line and the key.
pub fn parse_toml<T: DeserializeOwned>(text: &str) -> Result<T, TomlInputError> {
    toml::from_str(text).map_err(|error| {
        let offset = error.span().map_or(0, |span| span.start);
        let line = text[..offset.min(text.len())].matches('\n').count() + 1;
        let (message, hint) = message_and_hint(error.message());
        TomlInputError { line, message, hint }
    })
}

/// Puts serde's words for an unknown key into ours, and finds the key that was probably meant.
fn message_and_hint(message: &str) -> (String, Option<String>) {
    let quoted: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
    let [unknown, known @ ..] = quoted.as_slice() else { return (message.to_string(), None) };
    if !message.starts_with("unknown field") {
        return (message.to_string(), None);
    }
    let hint = match nearest_name(unknown, known.iter().copied()) {
        Some(key) => format!("did you mean `{key}`?"),
        None => format!("known here are `{}`", known.join("`, `")),
    };
    (format!("unknown key `{unknown}`"), Some(hint))
}

/// The known name most like `word` by Jaro-Winkler similarity; `None` where none is above 0.7.
pub fn nearest_name<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    known
        .map(|name| (strsim::jaro_winkler(word, name), name))
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .filter(|(similarity, _)| *similarity > 0.7)
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only errors are looked at")]
    struct Section {
        threads: usize,
        address: String,
    }

    #[track_caller]
    fn refused(text: &str, expected: &str) {
        assert_eq!(parse_toml::<Section>(text).unwrap_err().to_string(), expected);
    }

    #[test]
    fn errors_name_line_and_nearest_key() {
        refused("threads = 4\nadress = \"a\"", "2: unknown key `adress`; did you mean `address`?");
        refused("\nzzz = 1", "2: unknown key `zzz`; known here are `threads`, `address`");
        refused("threads = 4", "1: missing field `address`");
    }
}
