//! Experiments and groups for tests of what follows from them.

use paring_core::schema::{Answers, Experiment, Group};

/// One that answered with these classes.
pub(crate) fn experiment(classes: Vec<Option<i64>>) -> Experiment {
    let confidences = vec![Some(0.9); classes.len()];
    Experiment::of(Answers { classes, confidences, values: vec![] })
}

/// One of which only the name is known.
pub(crate) fn group(id: &str) -> Group {
    Group { id: id.into(), label: id.into(), ..Group::default() }
}
