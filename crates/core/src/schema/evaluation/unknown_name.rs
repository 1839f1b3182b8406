//! The error of names that are none.

/// A name that is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown {what} `{found}`; known are `{known}`")]
pub struct UnknownName {
    /// `metric` or `task kind`.
    pub what: &'static str,
    /// The written text.
    pub found: String,
    /// Known names.
    pub known: String,
}
