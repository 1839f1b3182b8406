//! Experiments and groups for tests of what follows from them.

use crate::record::{Answers, EngineOptions, Experiment, Group, SCHEMA, Sha256Hex};

/// One that answered with these classes.
pub(super) fn experiment(classes: Vec<Option<i64>>) -> Experiment {
    let confidences = vec![Some(0.9); classes.len()];
    answered(Answers { classes, confidences, values: vec![] })
}

/// One that answered so.
pub(super) fn answered(answers: Answers) -> Experiment {
    Experiment {
        schema: SCHEMA,
        key: Sha256Hex::zeros(),
        steps: vec![],
        options: EngineOptions::default(),
        file_sha256: Sha256Hex::zeros(),
        file_bytes: 0,
        params: 0,
        macs: None,
        disturbed: None,
        kept: false,
        answers,
    }
}

/// One of which only the name is known.
pub(super) fn group(id: &str) -> Group {
    Group { id: id.into(), label: id.into(), ..Group::default() }
}
