//! TOML that people type: what is wrong with it by line and key, and the key that was meant.

use serde::de::DeserializeOwned;
use std::fmt;

/// What is wrong with a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistyped {
    /// Counting from 1.
    pub line: usize,
    /// What is wrong.
    pub message: String,
    /// What was probably meant.
    pub hint: Option<String>,
}

impl fmt::Display for Mistyped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.line, self.message)?;
        self.hint.iter().try_for_each(|hint| write!(f, "; {hint}"))
    }
}

/// Reads a value from TOML.
///
/// # Errors
/// [`Mistyped`] names the line and the key.
pub fn typed<T: DeserializeOwned>(text: &str) -> Result<T, Mistyped> {
    toml::from_str(text).map_err(|error| {
        let offset = error.span().map_or(0, |span| span.start);
        let line = text[..offset.min(text.len())].matches('\n').count() + 1;
        let (message, hint) = explain(error.message());
        Mistyped { line, message, hint }
    })
}

/// Puts serde's words for an unknown key into ours, and finds the key that was probably meant.
fn explain(message: &str) -> (String, Option<String>) {
    let quoted: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
    let [unknown, known @ ..] = quoted.as_slice() else { return (message.to_string(), None) };
    if !message.starts_with("unknown field") {
        return (message.to_string(), None);
    }
    let hint = match nearest(unknown, known.iter().copied()) {
        Some(key) => format!("did you mean `{key}`?"),
        None => format!("known here are `{}`", known.join("`, `")),
    };
    (format!("unknown key `{unknown}`"), Some(hint))
}

/// The word that was probably meant.
pub fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    known
        .map(|key| (strsim::jaro_winkler(word, key), key))
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .filter(|(likeness, _)| *likeness > 0.7)
        .map(|(_, key)| key)
}
