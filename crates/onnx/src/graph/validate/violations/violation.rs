//! Violations of the ONNX specification, and how they read.

use super::data_problem::DataProblem;
use super::element_set::{ElementSet, TypeName};
use super::node_label::{CountRange, NodeLabel};
use crate::graph::element_type::ElementType;

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
        /// The contradiction.
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
        /// The allowed numbers.
        expected: CountRange,
    },
    /// Too few or too many outputs.
    #[error("{node} has {found} outputs where {expected} are allowed")]
    OutputCount {
        /// The node.
        node: NodeLabel,
        /// Its outputs, omitted ones too.
        found: usize,
        /// The allowed numbers.
        expected: CountRange,
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
        /// The node's requirement.
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
        /// The allowed numbers.
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
        /// The requirement on its shape.
        expected: String,
    },
    /// A number that the attribute cannot have.
    #[error("{node} has {value} in `{attribute}`, which may be {least} to {most}")]
    AttributeRange {
        /// The node.
        node: NodeLabel,
        /// The attribute.
        attribute: &'static str,
        /// The number.
        value: i64,
        /// The least that is allowed.
        least: i64,
        /// The most that is allowed.
        most: i64,
    },
    /// An order of axes that is none.
    #[error("{node} has {perm:?} in `perm`, which must name every axis once")]
    NoPermutation {
        /// The node.
        node: NodeLabel,
        /// The attribute.
        perm: Vec<i64>,
    },
    /// An axis that its tensor does not have.
    #[error("{node} names the axis {axis} of a tensor of {rank} dimensions")]
    AxisOutside {
        /// The node.
        node: NodeLabel,
        /// The axis.
        axis: i64,
        /// The tensor's rank.
        rank: usize,
    },
    /// A tensor of a rank that the node cannot read.
    #[error("{node} reads `{tensor}` of {found} dimensions where {expected} are needed")]
    Rank {
        /// The node.
        node: NodeLabel,
        /// The tensor.
        tensor: String,
        /// Its rank.
        found: usize,
        /// The node's requirement.
        expected: CountRange,
    },
    /// An initializer without values where a node computes with them.
    #[error("{node} computes with `{tensor}`, which holds no values")]
    EmptyOperand {
        /// The node.
        node: NodeLabel,
        /// The initializer.
        tensor: String,
    },
    /// An input of the model that holds nothing, or more than any machine can address.
    #[error("the input `{tensor}` of shape {dims:?} {}", if dims.contains(&0) {
        "holds no values"
    } else {
        "has more values than can be addressed"
    })]
    InputSize {
        /// The input.
        tensor: String,
        /// Its sizes as far as they are numbers.
        dims: Vec<i64>,
    },
    /// A list attribute whose length contradicts the shape of the weights.
    #[error("{node} has {found} numbers in `{attribute}` where {expected} are needed")]
    AttributeLength {
        /// The node.
        node: NodeLabel,
        /// The attribute.
        attribute: &'static str,
        /// Its length.
        found: usize,
        /// The length that the weights' rank demands.
        expected: usize,
    },
}

impl Violation {
    /// True where engines may index, divide or allocate by what is wrong before they look at it.
    pub fn may_crash_engines(&self) -> bool {
        use Violation::{
            AttributeLength, AttributeMissing, AttributeRange, AttributeType, AxisOutside,
            BodyArity, EmptyOperand, InitializerData, InitializerShape, InputCount, InputSize,
            NoPermutation, OutputCount, ParameterOmitted, Rank,
        };
        matches!(
            self,
            AttributeLength { .. }
                | AttributeMissing { .. }
                | AttributeRange { .. }
                | AttributeType { .. }
                | AxisOutside { .. }
                | BodyArity { .. }
                | EmptyOperand { .. }
                | InitializerData { .. }
                | InitializerShape { .. }
                | InputCount { .. }
                | InputSize { .. }
                | NoPermutation { .. }
                | OutputCount { .. }
                | ParameterOmitted { .. }
                | Rank { .. }
        )
    }

    /// True where the model may be sound and only the table does not know an operator of it.
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
