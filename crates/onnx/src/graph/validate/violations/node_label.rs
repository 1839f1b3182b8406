//! Nodes and counts as messages name them.

use std::fmt;

/// A node in a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeLabel {
    /// Its name, `#` and its position in its graph where it has none.
    pub name: String,
    /// Its operator.
    pub operator: String,
    /// The operator's domain, "ai.onnx" for the default one.
    pub domain: String,
    /// The version of the domain that the model imports.
    pub version: Option<i64>,
}

impl fmt::Display for NodeLabel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let NodeLabel { name, operator, domain, version } = self;
        write!(f, "node `{name}` ({domain}.{operator}")?;
        version.iter().try_for_each(|version| write!(f, ", operator set {version}"))?;
        f.write_str(")")
    }
}

/// Numbers of inputs, outputs or dimensions that are allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CountRange {
    /// At least so many.
    pub least: usize,
    /// At most so many; `usize::MAX` is no limit.
    pub most: usize,
}

impl fmt::Display for CountRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.least, self.most) {
            (least, most) if least == most => write!(f, "{least}"),
            (least, usize::MAX) => write!(f, "at least {least}"),
            (least, most) => write!(f, "{least} to {most}"),
        }
    }
}
