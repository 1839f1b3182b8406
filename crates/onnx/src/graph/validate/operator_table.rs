//! Operators of the standard and of com.microsoft, with all their versions.
//!
//! Source: the schemas of the `onnx` and `onnxruntime` packages, which `scripts/operator-table` writes
//! into `operators.tsv`.

use super::violations::ElementSet;
use std::collections::HashMap;
use std::sync::OnceLock;
use tract_onnx::pb::attribute_proto::AttributeType;

const TABLE: &str = include_str!("operators.tsv");

/// The number of times that a formal parameter may occur.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ParameterOccurrence {
    Single,
    Optional,
    Variadic,
}

/// A formal input or output.
#[derive(Clone, Debug)]
pub(super) struct FormalParameter {
    pub(super) name: &'static str,
    pub(super) occurrence: ParameterOccurrence,
    /// The type variable that all tensors of this name share; `None` of a concrete type, and of
    /// variadic parameters whose tensors may differ.
    pub(super) variable: Option<&'static str>,
    pub(super) allowed: ElementSet,
}

/// An attribute that an operator has.
#[derive(Clone, Debug)]
pub(super) struct AttributeRule {
    pub(super) name: &'static str,
    pub(super) kind: AttributeType,
    pub(super) required: bool,
}

/// A version of an operator.
#[derive(Clone, Debug)]
pub(super) struct OperatorSchema {
    pub(super) since: i64,
    pub(super) deprecated: bool,
    /// Least and most number of inputs; no most is `usize::MAX`.
    pub(super) inputs: (usize, usize),
    pub(super) outputs: (usize, usize),
    /// The numbers of outputs that are allowed, ascending, where not all between least and most are.
    pub(super) output_sizes: Vec<usize>,
    pub(super) attributes: Vec<AttributeRule>,
    formal_inputs: Vec<FormalParameter>,
    formal_outputs: Vec<FormalParameter>,
}

impl OperatorSchema {
    /// The formal parameter of an input slot.
    pub(super) fn input(&self, slot: usize) -> Option<&FormalParameter> {
        formal(&self.formal_inputs, slot)
    }

    /// The formal parameter of an output slot.
    pub(super) fn output(&self, slot: usize) -> Option<&FormalParameter> {
        formal(&self.formal_outputs, slot)
    }
}

fn formal(formals: &[FormalParameter], slot: usize) -> Option<&FormalParameter> {
    let last = || formals.last().filter(|last| last.occurrence == ParameterOccurrence::Variadic);
    formals.get(slot).or_else(last)
}

/// The table's answer for an operator at a version of its domain.
pub(super) enum OperatorLookup {
    Known(&'static OperatorSchema),
    /// The operator exists since this later version only.
    Later(i64),
    Unknown,
}

/// Finds an operator; `domain` is "ai.onnx" for the default one.
pub(super) fn look_up(domain: &str, operator: &str, version: i64) -> OperatorLookup {
    let versions = versions(domain, operator);
    match (versions.iter().rfind(|schema| schema.since <= version), versions.first()) {
        (Some(schema), _) => OperatorLookup::Known(schema),
        (None, Some(first)) => OperatorLookup::Later(first.since),
        (None, None) => OperatorLookup::Unknown,
    }
}

/// All versions of an operator, oldest first.
pub(super) fn versions(domain: &str, operator: &str) -> &'static [OperatorSchema] {
    static TABLE_BY_DOMAIN: OnceLock<HashMap<&str, HashMap<&str, Vec<OperatorSchema>>>> =
        OnceLock::new();
    let table = TABLE_BY_DOMAIN.get_or_init(|| {
        let mut table = HashMap::<_, HashMap<_, Vec<_>>>::new();
        for ((domain, operator), schema) in TABLE.lines().filter_map(row) {
            table.entry(domain).or_default().entry(operator).or_default().push(schema);
        }
        table
    });
    table.get(domain).and_then(|operators| operators.get(operator)).map_or(&[], Vec::as_slice)
}

/// A row of the table; `None` of a comment.
fn row(line: &'static str) -> Option<((&'static str, &'static str), OperatorSchema)> {
    let fields: Vec<&str> = line.split('\t').collect();
    let [domain, operator, since, inputs, outputs, attributes, reads, gives, constraints] =
        fields.as_slice()
    else {
        return None;
    };
    let constraints: HashMap<&str, ElementSet> = words(constraints)
        .filter_map(|word| word.split_once('='))
        .map(|(variable, letters)| (variable, ElementSet::of_letters(letters)))
        .collect();
    let parameters =
        |field| words(field).filter_map(|word| parameter(word, &constraints)).collect();
    let schema = OperatorSchema {
        since: since.trim_end_matches('!').parse().ok()?,
        deprecated: since.ends_with('!'),
        inputs: range(inputs)?,
        outputs: range(outputs)?,
        output_sizes: outputs.split(',').filter_map(|size| size.parse().ok()).collect(),
        attributes: words(attributes).filter_map(attribute).collect(),
        formal_inputs: parameters(reads),
        formal_outputs: parameters(gives),
    };
    Some(((domain, operator), schema))
}

fn words(field: &'static str) -> impl Iterator<Item = &'static str> {
    field.split(' ').filter(|word| *word != "-")
}

fn range(field: &str) -> Option<(usize, usize)> {
    let (least, _) = field.split_once(['-', ','])?;
    let (_, most) = field.rsplit_once(['-', ','])?;
    let most = if most == "*" { usize::MAX } else { most.parse().ok()? };
    Some((least.parse().ok()?, most))
}

fn attribute(word: &'static str) -> Option<AttributeRule> {
    let (name, kind) = word.split_once(':')?;
    let kind_name = kind.trim_end_matches('!');
    let all = (0..=14).filter_map(|number| AttributeType::try_from(number).ok());
    let kind_of_name = all.into_iter().find(|kind| kind.as_str_name() == kind_name)?;
    Some(AttributeRule { name, kind: kind_of_name, required: kind.ends_with('!') })
}

fn parameter(
    word: &'static str,
    constraints: &HashMap<&str, ElementSet>,
) -> Option<FormalParameter> {
    let (name, kind) = word.split_once(':')?;
    let bare = kind.trim_end_matches(['?', '*']);
    let occurrence = match &kind[bare.len()..] {
        "" => ParameterOccurrence::Single,
        "?" => ParameterOccurrence::Optional,
        _ => ParameterOccurrence::Variadic,
    };
    let (variable, allowed) = match bare.strip_suffix('!') {
        Some(letters) => (None, ElementSet::of_letters(letters)),
        None => (Some(bare), *constraints.get(bare)?),
    };
    let variable = variable.filter(|_| !kind.ends_with("**"));
    Some(FormalParameter { name, occurrence, variable, allowed })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::ElementType;

    #[test]
    fn every_row_is_read_in_full() {
        for line in TABLE.lines().filter(|line| !line.starts_with('#')) {
            let (_, schema) = row(line).unwrap_or_else(|| panic!("{line}"));
            let fields: Vec<&str> = line.split('\t').collect();
            let count = |index: usize| words(fields[index]).count();
            assert_eq!(schema.attributes.len(), count(5), "{line}");
            assert_eq!(schema.formal_inputs.len(), count(6), "{line}");
            assert_eq!(schema.formal_outputs.len(), count(7), "{line}");
        }
    }

    #[test]
    fn versions_are_found() {
        let OperatorLookup::Known(schema) = look_up("ai.onnx", "DequantizeLinear", 12) else {
            panic!()
        };
        assert_eq!((schema.since, schema.inputs, schema.outputs), (10, (2, 3), (1, 1)));
        assert!(schema.attributes.is_empty());
        assert!(schema.input(0).unwrap().allowed.contains(ElementType::I8));
        assert_eq!(schema.input(0).unwrap().variable, schema.input(2).unwrap().variable);
        assert_eq!(schema.output(0).unwrap().allowed.only(), Some(ElementType::F32));
        assert!(matches!(look_up("ai.onnx", "HardSwish", 13), OperatorLookup::Later(14)));
        assert!(matches!(look_up("ai.onnx", "NoSuchOperator", 13), OperatorLookup::Unknown));
        let OperatorLookup::Known(schema) = look_up("com.microsoft", "MatMulNBits", 1) else {
            panic!()
        };
        let required = schema.attributes.iter().filter(|a| a.required).map(|a| a.name);
        assert_eq!(required.collect::<Vec<_>>(), ["K", "N", "block_size"]);
        let OperatorLookup::Known(schema) = look_up("ai.onnx", "BatchNormalization", 9) else {
            panic!()
        };
        assert_eq!((schema.outputs, schema.output_sizes.as_slice()), ((1, 5), [1, 5].as_slice()));
        let OperatorLookup::Known(schema) = look_up("ai.onnx", "Upsample", 10) else { panic!() };
        assert!(schema.deprecated);
    }
}
