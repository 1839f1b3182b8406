//! Shapes of initializers, as far as the operators fix them without inference.

use super::super::operator_table::OperatorSchema;
use super::super::validator::ModelValidator;
use super::super::violations::CountRange;
use super::super::violations::Violation;
use super::node_at::NodeAt;
use crate::ops::{self, ParameterRank, UnmetLength, UnmetShape};

impl<'a> ModelValidator<'a> {
    /// Checks ranks of initializers, and sizes that belong together.
    pub(in crate::graph::validate) fn initializer_shapes(
        &mut self,
        at: &NodeAt<'a>,
        schema: &OperatorSchema,
    ) {
        if !at.is_standard() {
            return;
        }
        let mut unmet: Vec<UnmetShape> = Vec::new();
        for rule in ops::limits(&at.node.op_type).parameter_ranks {
            let ParameterRank { slot, name: parameter, least, most } = *rule;
            let Some(dims) = self.dims(at, slot) else {
                self.computed_rank(at, slot, CountRange { least, most });
                continue;
            };
            if !(least..=most).contains(&dims.len()) {
                let expected = match most {
                    usize::MAX => format!("have at least {least} dimensions"),
                    most if most == least => format!("have {least} dimensions"),
                    most => format!("have at most {most} dimensions"),
                };
                unmet.push(UnmetShape { slot, parameter, dims, expected });
            }
        }
        let of_sizes = ops::unmet_shapes(at.node, schema.since, &|slot| self.dims(at, slot));
        for UnmetLength { attribute, found, expected } in of_sizes.lengths {
            let node = at.label();
            self.found.push(Violation::AttributeLength { node, attribute, found, expected });
        }
        unmet.extend(of_sizes.shapes);
        for UnmetShape { slot, parameter, dims, expected } in unmet {
            self.found.push(Violation::InitializerShape {
                node: at.label(),
                parameter,
                tensor: at.node.input.get(slot).cloned().unwrap_or_default(),
                found: dims.to_vec(),
                expected,
            });
        }
    }

    fn computed_rank(&mut self, at: &NodeAt<'a>, slot: usize, expected: CountRange) {
        let Some(found) = self.rank(at, slot) else { return };
        if !(expected.least..=expected.most).contains(&found) {
            let tensor = at.node.input.get(slot).cloned().unwrap_or_default();
            self.found.push(Violation::Rank { node: at.label(), tensor, found, expected });
        }
    }

    /// The shape of an input, where it is an initializer or constant.
    fn dims(&self, at: &NodeAt<'a>, slot: usize) -> Option<&'a [i64]> {
        self.scope.get(at.node.input.get(slot)?)?.dims
    }
}
