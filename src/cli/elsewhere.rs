//! `paring eval --target`: the same questions to boards, and where they answer otherwise than this
//! machine does.

use super::progress::bar;
use super::{Coded, ExitCode};
use crate::evaluate::{Answers, Predictor};
use paring_boards::{RemotePrediction, Target, TargetEvent, TargetSession, catch_interrupts};
use paring_core::schema::EngineOptions;
use paring_data::Dataset;
use std::collections::BTreeMap;
use std::path::Path;

/// A model and what is asked of it.
pub(super) struct Ask {
    pub(super) predictor: Predictor,
    pub(super) dims: BTreeMap<String, usize>,
    pub(super) batch: usize,
    pub(super) output: usize,
    pub(super) options: EngineOptions,
}

impl Ask {
    /// What a board answers for some samples, and whether it is emulated.
    pub(super) fn there(
        &self,
        model: &Path,
        data: &Dataset,
        samples: &[usize],
        board: &Target,
        quiet: bool,
    ) -> Result<(Answers, bool), Coded> {
        let (dims, options) = (&self.dims, &self.options);
        let asked =
            RemotePrediction { model, options, dims, batch: self.batch, output: self.output };
        let bar = bar(&board.name, samples.len(), quiet);
        let mut heard = |news| {
            if let (TargetEvent::Note(note), false) = (news, quiet) {
                note!("{}: {note}", board.name);
            }
        };
        // Caught, so that a farm's place is given back.
        let stop = catch_interrupts().map_err(|e| Coded::new(ExitCode::Internal, e))?;
        let mut site = TargetSession::open(board, Some(stop), &mut heard)?;
        let emulated = site.probe(None)?.emulated;
        let inputs = |positions: &[usize]| {
            data.inputs_at(&positions.iter().map(|p| samples[*p]).collect::<Vec<_>>())
        };
        let output =
            site.board()?.predict(&asked, samples.len(), &inputs, &mut |n| bar.inc(n as u64))?;
        bar.finish_and_clear();
        let there = self.predictor.answers_from(data, &output, samples);
        let there = there.map_err(|e| {
            let what = format!("{} on `{}`", model.display(), board.name);
            Coded::new(ExitCode::Measurement, anyhow::Error::from(e).context(what))
        })?;
        Ok((there, emulated))
    }
}

/// The largest difference between two machines' answers.
pub(super) fn difference(here: &Answers, there: &Answers) -> f64 {
    let pairs = here.rows().flatten().zip(there.rows().flatten());
    pairs.map(|(a, b)| f64::from((a - b).abs())).fold(0.0, f64::max)
}
