//! Replaying a step with only some of its decisions.

use crate::catalog::Criterion;
use crate::{
    BudgetAllocation, ChannelPruning, CompressError, LayerPrecision, LayerPruning,
    PostTrainingQuantization, QuantizationFormat, Step, WeightPruning,
};
use paring_core::schema::{DecidedPrecision, ReplayedDecision};
use std::collections::{BTreeMap, BTreeSet};

impl Step {
    /// The step with only `kept` of the pieces that it `made`: the same components go from the same
    /// couplings, whatever scores would say now, and only those layers are narrowed. `None` where
    /// nothing of it is left.
    ///
    /// A step that cannot be divided is done whole or not at all.
    ///
    /// # Errors
    /// [`CompressError::UnknownPrecision`] where a layer's precision is none that a step gives.
    pub fn with_only(
        &self,
        made: &[ReplayedDecision],
        kept: &[ReplayedDecision],
    ) -> Result<Option<Step>, CompressError> {
        if kept.is_empty() {
            return Ok(None);
        }
        let couplings: BTreeSet<String> = kept.iter().map(|p| p.coupling.clone()).collect();
        Ok(Some(match self {
            Step::Prune(pruning) => {
                let mut frozen: BTreeMap<String, Vec<usize>> = BTreeMap::new();
                for piece in kept {
                    let indices = piece.components.iter().map(|c| c.original_index);
                    frozen.entry(piece.coupling.clone()).or_default().extend(indices);
                }
                frozen.values_mut().for_each(|indices| indices.sort_unstable());
                Step::Prune(ChannelPruning { frozen: Some(frozen), ..pruning.clone() })
            }
            Step::Sparsify(how) => {
                let mut protect = how.protect.clone();
                let all = made.iter().map(|piece| &piece.coupling);
                protect.extend(all.filter(|c| !couplings.contains(*c)).cloned());
                Step::Sparsify(WeightPruning { protect, ..how.clone() })
            }
            Step::Bypass(how) => {
                let ids = kept.iter().flat_map(|p| &p.components).map(|c| c.id.clone());
                Step::Bypass(LayerPruning { frozen: Some(ids.collect()), ..how.clone() })
            }
            Step::Quantize(how) if how.measured || how.assigned.is_some() => {
                let assigned = Some(kept.iter().filter_map(scheme).collect::<Result<_, _>>()?);
                Step::Quantize(PostTrainingQuantization {
                    measured: false,
                    assigned,
                    ..how.clone()
                })
            }
            Step::Quantize(how) => {
                let mut protect = how.protect.clone();
                let all = made.iter().map(|piece| &piece.coupling);
                protect.extend(all.filter(|c| !couplings.contains(*c)).cloned());
                Step::Quantize(PostTrainingQuantization { protect, ..how.clone() })
            }
            // What it only chose are engine options, which stand apart.
            Step::Tune { .. } if made.len() < 2 => return Ok(None),
            Step::Distill(_) | Step::Tune { .. } | Step::Import { .. } => self.clone(),
        }))
    }

    /// The step as it can be repeated without calibration samples: what was removed by their scores is
    /// removed by name. A step that needs samples for more than a choice stays as it is.
    ///
    /// # Errors
    /// Those of [`Step::with_only`].
    pub fn without_samples(&self, made: &[ReplayedDecision]) -> Result<Step, CompressError> {
        match self {
            // Obs folds normalisations beforehand: its graph is another than that of other criteria.
            Step::Prune(given) if given.needs_data() && given.criterion != Criterion::Obs => {
                Ok(match self.with_only(made, made)? {
                    Some(Step::Prune(pruning)) => Step::Prune(ChannelPruning {
                        criterion: Criterion::L1,
                        allocate: BudgetAllocation::Uniform,
                        ..pruning
                    }),
                    _ => self.clone(),
                })
            }
            other => Ok(other.clone()),
        }
    }

    /// Does nothing but choose engine options.
    pub fn is_option(&self) -> bool {
        matches!(self, Step::Quantize(how) if how.format == QuantizationFormat::F16)
    }

    /// The step as another draw of samples repeats it: what was measured on this machine stays.
    ///
    /// # Errors
    /// Those of [`Step::with_only`].
    pub fn settled(&self, made: &[ReplayedDecision]) -> Result<Step, CompressError> {
        match self {
            Step::Quantize(how) if how.measured => {
                Ok(self.with_only(made, made)?.unwrap_or_else(|| self.clone()))
            }
            other => Ok(other.clone()),
        }
    }
}

/// The layer of a decision and its precision; `None` of one that changes no precision.
fn scheme(piece: &ReplayedDecision) -> Option<Result<(String, LayerPrecision), CompressError>> {
    let layer = piece.coupling.clone();
    Some(match piece.precision.clone()? {
        DecidedPrecision::Scheme(scheme) => Ok((layer, scheme)),
        DecidedPrecision::Named(precision) => {
            Err(CompressError::UnknownPrecision { layer, precision })
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{QuantizationFormat, QuantizationGranularity};
    use paring_core::schema::ComponentRef;

    fn piece(coupling: &str, indices: &[usize]) -> ReplayedDecision {
        let id = |i: &usize| format!("{coupling}:{i}");
        let components: Vec<ComponentRef> =
            indices.iter().map(|i| ComponentRef { id: id(i), original_index: *i }).collect();
        let precision =
            components.is_empty().then(|| DecidedPrecision::from("int8 per tensor".to_string()));
        ReplayedDecision { coupling: coupling.into(), components, precision }
    }

    #[test]
    fn only_what_is_kept_is_done() {
        let made = [piece("a", &[3, 1]), piece("b", &[0])];
        let prune = Step::Prune(ChannelPruning::channels(0.5, Criterion::L1));
        let Ok(Some(Step::Prune(again))) = prune.with_only(&made, &made[..1]) else { panic!() };
        assert_eq!(again.frozen.unwrap(), BTreeMap::from([("a".to_string(), vec![1, 3])]));
        assert_eq!(prune.with_only(&made, &[]).unwrap(), None);
        let int8 = PostTrainingQuantization::new(
            QuantizationFormat::Int8,
            QuantizationGranularity::Tensor,
        );
        let narrowed = [piece("a", &[]), piece("b", &[])];
        let step = Step::Quantize(int8.clone());
        assert_eq!(step.with_only(&narrowed, &narrowed).unwrap(), Some(step.clone()));
        let part = step.with_only(&narrowed, &narrowed[1..]).unwrap().unwrap();
        assert!(part.to_string().ends_with("without a"), "{part}");
        let chosen = Step::Quantize(PostTrainingQuantization { measured: true, ..int8 });
        let Ok(Some(Step::Quantize(how))) = chosen.with_only(&narrowed, &narrowed[..1]) else {
            panic!()
        };
        let scheme = LayerPrecision::Static(QuantizationGranularity::Tensor);
        assert_eq!(how.assigned, Some(BTreeMap::from([("a".to_string(), scheme)])));
        let odd = DecidedPrecision::from("int9 per tensor".to_string());
        let unknown = [ReplayedDecision { precision: Some(odd), ..narrowed[0].clone() }];
        let error = chosen.with_only(&unknown, &unknown).unwrap_err().to_string();
        assert!(error.contains("layer `a` names the precision `int9 per tensor`"), "{error}");
        let folding = Step::Prune(ChannelPruning::channels(0.5, Criterion::Obs));
        assert_eq!(folding.without_samples(&made).unwrap(), folding);
        let judged = Step::Prune(ChannelPruning::channels(0.5, Criterion::Wanda));
        let Step::Prune(named) = judged.without_samples(&made).unwrap() else { panic!() };
        assert!(!named.needs_data());
        assert_eq!(named.frozen.unwrap()["a"], [1, 3]);
        assert_eq!(judged.without_samples(&[]).unwrap(), judged);
        assert_eq!(prune.without_samples(&made).unwrap(), prune);
        let tune = Step::Tune { on: "host".into() };
        assert_eq!(tune.with_only(&narrowed[..1], &narrowed[..1]).unwrap(), None);
    }
}
