//! Times of models' nodes on a board, and the kernels that its engine takes for them.

use super::board::Board;
use crate::TargetError;
use paring_agent::arrays::{Array, write_tensors};
use paring_core::schema::{
    ConditionRules, EngineOptions, ExecutionSetting, Job, JobModel, NodeProfile, SCHEMA,
    SampleRules, Sha256Hex,
};
use paring_core::units::LatencyNs;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

/// Limit on one model.
const MODEL_LIMIT: Duration = Duration::from_secs(600);

impl Board<'_> {
    /// Profiles of several models on the same inputs, `batch` samples.
    ///
    /// # Errors
    /// [`TargetError`] says what failed; of a model that the engine there rejects, the engine's words.
    pub fn profile_nodes(
        &mut self,
        models: &[(&Path, &EngineOptions)],
        inputs: &BTreeMap<String, Array>,
        batch: usize,
    ) -> Result<Vec<NodeProfile>, TargetError> {
        let failed =
            |source| TargetError::File { doing: "write", path: "the inputs".into(), source };
        let bytes = write_tensors(inputs).map_err(|e| failed(std::io::Error::other(e)))?;
        let inputs_sha256 = Sha256Hex::of(&bytes);
        let (kept_inputs, sent_inputs) = self.upload_of_bytes(&bytes, &inputs_sha256)?;
        let (mut uploads, mut job_models) = (vec![sent_inputs], Vec::new());
        for (model, options) in models {
            let sha256 = Sha256Hex::of_file(model).map_err(TargetError::file("read", model))?;
            uploads.push(self.upload_of_file(model, &sha256));
            job_models.push((sha256, (*options).clone()));
        }
        let job = job(&job_models, inputs_sha256, batch);
        let text = serde_json::to_vec(&job).map_err(|e| failed(e.into()))?;
        let (kept_job, sent_job) = self.upload_of_bytes(&text, &Sha256Hex::of(&text))?;
        let to = sent_job.to.clone();
        uploads.push(sent_job);
        self.deploy(&uploads)?;
        drop((kept_inputs, kept_job));
        (0..models.len()).map(|index| self.nodes(&to, index, batch)).collect()
    }
}

/// A job over models that lie beside it under their hashes; only its nodes are asked for.
fn job(models: &[(Sha256Hex, EngineOptions)], inputs_sha256: Sha256Hex, batch: usize) -> Job {
    let ms = |count: u64| LatencyNs(count * 1_000_000);
    let rules = SampleRules {
        warmup_min_ns: ms(1),
        warmup_max_ns: ms(50),
        solo_ns: ms(0),
        paired_ns: ms(0),
        burst_ns: ms(1),
        max_samples: 1,
        limit_ns: ms(MODEL_LIMIT.as_millis() as u64),
        retries: 0,
    };
    let model = |(index, (sha256, options)): (usize, &(Sha256Hex, EngineOptions))| JobModel {
        name: sha256.short().into(),
        variant_id: sha256.clone(),
        path: sha256.as_str().into(),
        sha256: sha256.clone(),
        options: options.clone(),
        baseline: index == 0,
    };
    Job {
        schema: SCHEMA,
        measurement_sha256: Sha256Hex::of(b"nodes alone"),
        seed: 0,
        blocks: 0,
        stop: None,
        sustained_ns: None,
        rules,
        inputs: inputs_sha256.as_str().into(),
        inputs_sha256,
        settings: vec![ExecutionSetting::of_batch(batch)],
        affinity: Vec::new(),
        conditions: ConditionRules::default(),
        emulated: false,
        dims: BTreeMap::new(),
        models: models.iter().enumerate().map(model).collect(),
        energy: None,
    }
}
