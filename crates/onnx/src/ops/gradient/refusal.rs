//! Nodes whose gradient cannot be computed.

/// A node that no gradient passes, and the obstacle.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("node `{node}` ({op_type}) passes no gradient")]
pub struct GradientRefusal {
    /// The node.
    pub node: String,
    /// Its operator.
    pub op_type: String,
    /// The obstacle.
    #[source]
    pub obstacle: GradientObstacle,
}

/// An obstacle to the gradient of a node.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GradientObstacle {
    /// The operator has no rule.
    #[error("its operator has no gradient rule")]
    NoRule,
    /// The node's form of the operator has no rule.
    #[error("{0} has no gradient rule")]
    Form(String),
    /// The engine's analysis gives no shape.
    #[error("the shape of `{0}` is unknown")]
    UnknownShape(String),
    /// Tensors are no 32-bit floats.
    #[error("`{0}` is no 32-bit float tensor")]
    NotFloat(String),
    /// A parameter that must be stored is computed from the model's inputs.
    #[error("`{0}` is computed from the model's inputs")]
    ComputedParameter(String),
}
