//! Samples that variants are explained on: the report split, or those of a regime.

use crate::attribution::EvaluatedSamples;
use crate::evaluate::GroundTruth;
use crate::pipeline::{self, EvaluationSetup, Folders, variant_record};
use crate::study::{Regime, RegimeInputs};
use crate::workflow::WorkflowError;
use crate::workflow::open_run::OpenRun;
use crate::workflow::variants::{regime_setup, reopened_regime};
use paring_core::schema::{ExplainedRegime, Sha256Hex};

/// A regime of the run, opened; nothing for the report split.
pub(super) struct OpenedSamples(Option<(Regime, RegimeInputs)>);

/// Samples, and the folders that everything about them goes to.
pub(super) struct ExplainedSamples<'a> {
    /// Data, samples and task.
    pub(super) setup: EvaluationSetup<'a>,
    /// The regime; `None` of the report split.
    pub(super) regime: Option<ExplainedRegime>,
    /// Of explanations and answers.
    pub(super) folders: Folders,
    /// Hash of the samples, in the protocol's sense for the report split.
    pub(super) data_sha256: Sha256Hex,
}

impl OpenedSamples {
    /// Those of a regime that the run was evaluated on, or of the report split.
    ///
    /// # Errors
    /// [`WorkflowError`] of a regime that was not evaluated, or whose data are gone or others.
    pub(super) fn open(run: &OpenRun, regime: Option<&str>) -> Result<Self, WorkflowError> {
        Ok(OpenedSamples(regime.map(|name| reopened_regime(run, name)).transpose()?))
    }

    /// The samples with their setup.
    pub(super) fn samples<'a>(&'a self, run: &'a OpenRun) -> ExplainedSamples<'a> {
        let folders = &run.directory.folders;
        match &self.0 {
            None => ExplainedSamples {
                setup: run.evaluation_setup(),
                regime: None,
                folders: folders.clone(),
                data_sha256: run.directory.protocol.data_sha256.clone(),
            },
            Some((regime, inputs)) => ExplainedSamples {
                setup: regime_setup(run, regime, inputs),
                regime: Some(ExplainedRegime {
                    name: regime.name.clone(),
                    data_sha256: inputs.data_sha256.clone(),
                }),
                folders: folders.regime(&regime.name),
                data_sha256: inputs.data_sha256.clone(),
            },
        }
    }
}

impl ExplainedSamples<'_> {
    /// Labels, true answers, groups and slices of the samples. Where labels are no classes, the true answers
    /// are read by the width of the baseline's.
    ///
    /// # Errors
    /// [`WorkflowError`] where the baseline cannot be asked.
    pub(super) fn truth(&self, run: &OpenRun) -> Result<EvaluatedSamples, WorkflowError> {
        let EvaluationSetup { data, samples, task, .. } = self.setup;
        let folders = &run.directory.folders;
        let targets = match task.is_by_class() {
            true if !data.labelled => GroundTruth::Unknown,
            true => GroundTruth::Classes,
            false => {
                let baseline = variant_record(folders, pipeline::BASELINE)?;
                self.setup.answers(folders, &baseline)?.truth
            }
        };
        Ok(EvaluatedSamples {
            task: task.clone(),
            labels: samples.iter().map(|s| data.labels[*s]).collect(),
            targets,
            groups: self.setup.own_groups(),
            fixed_class_shares: self.setup.fixed_class_shares,
            slices: self.setup.own_slices().into_iter().collect(),
        })
    }
}
