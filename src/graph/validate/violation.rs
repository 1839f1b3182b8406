//! Violations of the ONNX specification, and how they read.

use super::element::{ElementSet, standard_name};
use crate::graph::ElementType;
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
pub struct Count {
    /// At least so many.
    pub least: usize,
    /// At most so many; `usize::MAX` is no limit.
    pub most: usize,
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.least, self.most) {
            (least, most) if least == most => write!(f, "{least}"),
            (least, usize::MAX) => write!(f, "at least {least}"),
            (least, most) => write!(f, "{least} to {most}"),
        }
    }
}

/// The name of an element type, its number where the standard has none.
struct TypeName(ElementType);

impl fmt::Display for TypeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match standard_name(self.0) {
            Some(name) => f.write_str(name),
            None => write!(f, "number {}", self.0.0),
        }
    }
}

/// A way in which a model departs from the ONNX specification.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Violation {
    /// The model names no version of the format.
    #[error("the model has no IR version")]
    IrVersionMissing,
    /// The model has functions, which its format cannot have.
    #[error("functions need IR version 8, the model has {ir_version}")]
    FunctionsUnsupported {
        /// The model's version of the format.
        ir_version: i64,
    },
    /// A used domain without a version.
    #[error("the model imports no operator set of domain `{domain}`, which {node} needs")]
    OpsetImportMissing {
        /// The domain.
        domain: String,
        /// The first node that uses it.
        node: NodeLabel,
    },
    /// Nothing can be read from the graph.
    #[error("the graph has no outputs")]
    OutputsMissing,
    /// An input, output or initializer without a name.
    #[error("an {role} has no name")]
    TensorUnnamed {
        /// "input", "output" or "initializer".
        role: &'static str,
    },
    /// An input or output of the model without an element type.
    #[error("the {role} `{tensor}` has no type")]
    TypeMissing {
        /// The tensor.
        tensor: String,
        /// "input" or "output".
        role: &'static str,
    },
    /// An input or output of the model without a shape, be it of unknown sizes.
    #[error("the {role} `{tensor}` has no shape; declare its dimensions, by symbols where unknown")]
    ShapeMissing {
        /// The tensor.
        tensor: String,
        /// "input" or "output".
        role: &'static str,
    },
    /// An initializer that old formats want among the inputs.
    #[error(
        "the initializer `{initializer}` is no input of the graph, which IR version {ir_version} demands; add it or write IR version 4"
    )]
    InitializerNotInput {
        /// The initializer.
        initializer: String,
        /// The model's version of the format.
        ir_version: i64,
    },
    /// Two initializers of one name.
    #[error("two initializers are called `{initializer}`")]
    DuplicateInitializer {
        /// The name.
        initializer: String,
    },
    /// An initializer whose values contradict its shape or type.
    #[error("initializer `{initializer}` {problem}")]
    InitializerData {
        /// The initializer.
        initializer: String,
        /// What is wrong.
        problem: DataProblem,
    },
    /// Two nodes of one graph with one name.
    #[error("{node} has the name of another node")]
    DuplicateNodeName {
        /// The later one.
        node: NodeLabel,
    },
    /// A tensor that is given twice.
    #[error("`{tensor}` is given twice, the second time by {giver}")]
    DuplicateTensor {
        /// The tensor.
        tensor: String,
        /// The second giver: a node, or "an input of the graph".
        giver: String,
    },
    /// A node reads what nothing gives.
    #[error("{node} reads `{tensor}`, which nothing gives")]
    TensorUndefined {
        /// The reader.
        node: NodeLabel,
        /// The tensor.
        tensor: String,
    },
    /// A node reads what a later node gives.
    #[error("{node} reads `{tensor}`, which a later node gives: the graph is unsorted or cyclic")]
    NodesUnsorted {
        /// The reader.
        node: NodeLabel,
        /// The tensor.
        tensor: String,
    },
    /// An output of a graph that nothing gives.
    #[error("nothing gives the output `{tensor}`")]
    OutputUndefined {
        /// The output.
        tensor: String,
    },
    /// An operator or domain that the table does not have.
    #[error("{node} is of an operator that is not known")]
    UnknownOperator {
        /// The node.
        node: NodeLabel,
    },
    /// An operator of a later operator set.
    #[error("{node} is of an operator that exists since operator set {since}")]
    OperatorTooNew {
        /// The node.
        node: NodeLabel,
        /// The first version that has it.
        since: i64,
    },
    /// An operator that its domain has given up.
    #[error("{node} is of an operator that is deprecated since operator set {since}")]
    OperatorDeprecated {
        /// The node.
        node: NodeLabel,
        /// The version that gave it up.
        since: i64,
    },
    /// Too few or too many inputs.
    #[error("{node} has {found} inputs where {expected} are allowed")]
    InputCount {
        /// The node.
        node: NodeLabel,
        /// Its inputs, omitted ones too.
        found: usize,
        /// What is allowed.
        expected: Count,
    },
    /// Too few or too many outputs.
    #[error("{node} has {found} outputs where {expected} are allowed")]
    OutputCount {
        /// The node.
        node: NodeLabel,
        /// Its outputs, omitted ones too.
        found: usize,
        /// What is allowed.
        expected: Count,
    },
    /// A parameter that may not be omitted.
    #[error("{node} omits `{parameter}`, which is required")]
    ParameterOmitted {
        /// The node.
        node: NodeLabel,
        /// The formal input or output.
        parameter: String,
    },
    /// An attribute that the operator does not have at this version.
    #[error("{node} has the attribute `{attribute}`, which {}", exists(*.since))]
    UnknownAttribute {
        /// The node.
        node: NodeLabel,
        /// The attribute.
        attribute: String,
        /// The first version of the operator that has it, where one has.
        since: Option<i64>,
    },
    /// Two attributes of one name.
    #[error("{node} has the attribute `{attribute}` twice")]
    DuplicateAttribute {
        /// The node.
        node: NodeLabel,
        /// The attribute.
        attribute: String,
    },
    /// An attribute of another type than the operator's.
    #[error("{node} has the attribute `{attribute}` as {found} where {expected} is needed")]
    AttributeType {
        /// The node.
        node: NodeLabel,
        /// The attribute.
        attribute: String,
        /// Its type.
        found: &'static str,
        /// The operator's type.
        expected: &'static str,
    },
    /// An attribute that the operator needs.
    #[error("{node} has no attribute `{attribute}`, which is required")]
    AttributeMissing {
        /// The node.
        node: NodeLabel,
        /// The attribute.
        attribute: String,
    },
    /// A body of control flow with other inputs or outputs than its node.
    #[error("{node} has a body `{body}` of {found} {what} where {expected} are needed")]
    BodyArity {
        /// The node.
        node: NodeLabel,
        /// The attribute that holds the body.
        body: String,
        /// "inputs" or "outputs".
        what: &'static str,
        /// Those of the body.
        found: usize,
        /// What the node needs.
        expected: usize,
    },
    /// A tensor of an element type that the operator does not take or give.
    #[error("{node} has `{tensor}` of {} as `{parameter}`, which may be {expected}", TypeName(*.found))]
    ElementNotAllowed {
        /// The node.
        node: NodeLabel,
        /// The formal input or output.
        parameter: String,
        /// The tensor.
        tensor: String,
        /// Its element type.
        found: ElementType,
        /// What is allowed.
        expected: ElementSet,
    },
    /// Two inputs that must be of one element type and are not.
    #[error(
        "{node} reads `{first}` of {} and `{second}` of {}, which must be of one type",
        TypeName(*.first_type), TypeName(*.second_type)
    )]
    ElementsDiffer {
        /// The node.
        node: NodeLabel,
        /// The earlier input.
        first: String,
        /// Its element type.
        first_type: ElementType,
        /// The later input.
        second: String,
        /// Its element type.
        second_type: ElementType,
    },
    /// A tensor declared with another element type than it has.
    #[error("`{tensor}` is declared as {} and is {}", TypeName(*.declared), TypeName(*.actual))]
    DeclaredType {
        /// The tensor.
        tensor: String,
        /// The type in `input`, `output` or `value_info`.
        declared: ElementType,
        /// The type of its values.
        actual: ElementType,
    },
    /// An initializer of a shape that the node cannot read.
    #[error("{node} reads `{tensor}` of shape {found:?} as `{parameter}`, which must {expected}")]
    InitializerShape {
        /// The node.
        node: NodeLabel,
        /// The formal input.
        parameter: &'static str,
        /// The initializer.
        tensor: String,
        /// Its shape.
        found: Vec<i64>,
        /// What its shape must be.
        expected: String,
    },
    /// A list attribute whose length contradicts the shape of the weights.
    #[error("{node} has {found} numbers in `{attribute}` where its weights need {expected}")]
    AttributeLength {
        /// The node.
        node: NodeLabel,
        /// The attribute.
        attribute: &'static str,
        /// Its length.
        found: usize,
        /// What the weights' rank demands.
        expected: usize,
    },
}

impl Violation {
    /// Whether the model may be sound and only the table does not know an operator of it.
    pub fn is_unknown_operator(&self) -> bool {
        matches!(self, Violation::UnknownOperator { .. })
    }
}

fn exists(since: Option<i64>) -> String {
    match since {
        Some(version) => format!("exists since operator set {version}"),
        None => "the operator does not have at this version".into(),
    }
}

/// A contradiction inside an initializer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DataProblem {
    /// The element type is none of the standard.
    ElementType(i32),
    /// A dimension is negative.
    Dimension(i64),
    /// The number of elements is more than any machine can address.
    Size,
    /// The values are in a field that does not hold this type.
    Field,
    /// The values are in several fields.
    Fields,
    /// The data have another length than shape and type give.
    Length {
        /// Bytes of `raw_data`, elements of another field.
        found: u64,
        /// Likewise.
        expected: u64,
    },
}

impl fmt::Display for DataProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DataProblem::ElementType(number) => write!(f, "has no element type ({number})"),
            DataProblem::Dimension(size) => write!(f, "has the dimension {size}"),
            DataProblem::Size => f.write_str("has more elements than can be addressed"),
            DataProblem::Field => f.write_str("has its values in a field of another type"),
            DataProblem::Fields => f.write_str("has values in several fields"),
            DataProblem::Length { found, expected } => {
                write!(f, "has {found} values or bytes where its shape and type need {expected}")
            }
        }
    }
}
