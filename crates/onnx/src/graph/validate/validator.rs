//! The state of a walk over a model.

use super::scope::TensorScope;
use super::violations::Violation;
use std::collections::{HashMap, HashSet};
use tract_onnx::pb::{FunctionProto, ModelProto, OperatorSetIdProto};

/// A walk over a model, and what it has found.
pub(super) struct ModelValidator<'a> {
    pub(super) ir_version: i64,
    /// Versions of the imported domains, of the function that is walked if there is one.
    pub(super) imports: HashMap<&'a str, i64>,
    pub(super) functions: HashMap<(&'a str, &'a str), &'a FunctionProto>,
    /// Domains that were reported as not imported.
    pub(super) absent: HashSet<&'a str>,
    pub(super) scope: TensorScope<'a>,
    pub(super) found: Vec<Violation>,
}

/// The default domain has two spellings.
pub(super) fn domain_name(domain: &str) -> &str {
    if domain.is_empty() { "ai.onnx" } else { domain }
}

pub(super) fn versions_of(imports: &[OperatorSetIdProto]) -> HashMap<&str, i64> {
    imports.iter().map(|import| (domain_name(&import.domain), import.version)).collect()
}

impl<'a> ModelValidator<'a> {
    pub(super) fn new(model: &'a ModelProto) -> Self {
        let mut imports = versions_of(&model.opset_import);
        // Formats before 3 had no imports and one operator set.
        if model.ir_version < 3 && imports.is_empty() {
            imports.insert("ai.onnx", 1);
        }
        let key = |function: &'a FunctionProto| {
            let domain = domain_name(function.domain.as_deref().unwrap_or_default());
            (domain, function.name.as_deref().unwrap_or_default())
        };
        ModelValidator {
            ir_version: model.ir_version,
            imports,
            functions: model.functions.iter().map(|function| (key(function), function)).collect(),
            absent: HashSet::new(),
            scope: TensorScope::default(),
            found: Vec::new(),
        }
    }
}
