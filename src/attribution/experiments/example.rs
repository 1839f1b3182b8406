//! Experiments and groups for tests of what follows from them.

use paring_core::schema::{DecisionGroup, Experiment, ExperimentPredictions};

/// One that answered with these classes.
pub(crate) fn experiment(classes: Vec<Option<i64>>) -> Experiment {
    let confidences = vec![Some(0.9); classes.len()];
    Experiment::of(ExperimentPredictions { classes, confidences, values: vec![] })
}

/// One of which only the name is known.
pub(crate) fn group(id: &str) -> DecisionGroup {
    DecisionGroup { id: id.into(), label: id.into(), ..DecisionGroup::default() }
}
