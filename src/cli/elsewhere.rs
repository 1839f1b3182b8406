//! `paring eval --target`: the same questions to boards, and where they answer otherwise than this
//! machine does.

use super::progress::bar;
use super::{Coded, ExitCode, Global};
use crate::evaluate::{Answers, Predictor};
use anyhow::anyhow;
use paring_boards::{
    self, Inventory, RemotePrediction, Target, TargetEvent, TargetSession, TargetTransport,
    catch_interrupts,
};
use paring_core::schema::EngineOptions;
use paring_data::Dataset;
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// How many flips are written out.
const SHOWN: usize = 20;

/// A model and what is asked of it.
pub(super) struct Ask {
    pub(super) predictor: Predictor,
    pub(super) dims: BTreeMap<String, usize>,
    pub(super) batch: usize,
    pub(super) output: usize,
    pub(super) options: EngineOptions,
}

/// How a board answers, beside this machine.
#[derive(Debug, Serialize)]
pub(super) struct Elsewhere {
    model: PathBuf,
    target: String,
    emulated: bool,
    samples: usize,
    /// The largest difference of a number that was answered.
    largest_difference: f64,
    /// Samples that get another class there.
    flips: Vec<Flip>,
}

/// A sample that gets another class elsewhere.
#[derive(Debug, Serialize)]
struct Flip {
    sample: usize,
    label: Option<i64>,
    here: Option<i64>,
    there: Option<i64>,
    /// How sure this machine was, above the runner-up.
    margin_here: Option<f64>,
}

/// The boards that words name.
pub(super) fn boards(words: &[String], global: &Global) -> Result<Vec<Target>, Coded> {
    let inventory = Inventory::find(Path::new(""), global.trust())?;
    let targets = paring_boards::select_targets(words, &inventory)?;
    match targets.iter().find(|target| target.transport == TargetTransport::Local) {
        Some(target) => {
            let error = anyhow!(
                "`{}` is this machine, where models are evaluated anyway; name a board",
                target.name
            );
            Err(Coded::new(ExitCode::Input, error))
        }
        None => Ok(targets),
    }
}

/// The one machine that a word names, for what happens on one.
pub(super) fn one_target(word: &str, global: &Global) -> Result<Target, Coded> {
    let inventory = Inventory::find(Path::new(""), global.trust())?;
    let chosen = paring_boards::select_targets(&[word.to_string()], &inventory)?;
    <[Target; 1]>::try_from(chosen).map(|[one]| one).map_err(|several| {
        let names: Vec<&str> = several.iter().map(|t| t.name.as_str()).collect();
        let error = anyhow!("`{word}` means {}; name one of them", names.join(", "));
        Coded::new(ExitCode::Input, error)
    })
}

impl Ask {
    /// What this machine answers for all samples.
    pub(super) fn answers(
        &self,
        model: &Path,
        data: &Dataset,
        global: &Global,
    ) -> Result<Answers, Coded> {
        let samples: Vec<usize> = (0..data.len()).collect();
        let bar = bar("evaluate", samples.len(), global.quiet);
        let answers = self.predictor.answers(data, &samples, &|n| bar.inc(n as u64));
        bar.finish_and_clear();
        answers.map_err(|e| {
            let error = anyhow::Error::from(e).context(model.display().to_string());
            Coded::new(ExitCode::Input, error)
        })
    }

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

    /// What a board answers for all samples, compared with what this machine does.
    pub(super) fn elsewhere(
        &self,
        model: &Path,
        data: &Dataset,
        board: &Target,
        here: &Answers,
        global: &Global,
    ) -> Result<Elsewhere, Coded> {
        let samples: Vec<usize> = (0..data.len()).collect();
        let (there, emulated) = self.there(model, data, &samples, board, global.quiet)?;
        Ok(Elsewhere {
            model: model.to_path_buf(),
            target: board.name.clone(),
            emulated,
            samples: samples.len(),
            largest_difference: difference(here, &there),
            flips: flips(here, &there),
        })
    }
}

/// The largest difference between two machines' answers.
pub(super) fn difference(here: &Answers, there: &Answers) -> f64 {
    let pairs = here.rows().flatten().zip(there.rows().flatten());
    pairs.map(|(a, b)| f64::from((a - b).abs())).fold(0.0, f64::max)
}

fn flips(here: &Answers, there: &Answers) -> Vec<Flip> {
    let (here, there) = (here.predictions(), there.predictions());
    let other = here.iter().zip(&there).filter(|(a, b)| a.class != b.class);
    other
        .map(|(a, b)| Flip {
            sample: a.sample,
            label: a.label,
            here: a.class,
            there: b.class,
            margin_here: a.margin,
        })
        .collect()
}

impl Elsewhere {
    pub(super) fn print(&self) {
        let emulated = if self.emulated { " (EMULATED)" } else { "" };
        say!(
            "\n{} on {}{emulated}: {} of {} samples get another class than here; answers differ by {:.2e} at most",
            self.model.display(),
            self.target,
            self.flips.len(),
            self.samples,
            self.largest_difference
        );
        let class = |class: Option<i64>| class.map_or("none".into(), |class| class.to_string());
        for flip in self.flips.iter().take(SHOWN) {
            let margin = flip.margin_here.map(|m| format!(", by a margin of {m:.4}"));
            say!(
                "  sample {}: {}here {}{}, there {}",
                flip.sample,
                flip.label.map(|label| format!("label {label}, ")).unwrap_or_default(),
                class(flip.here),
                margin.unwrap_or_default(),
                class(flip.there)
            );
        }
        if self.flips.len() > SHOWN {
            say!("  and {} more; --json has all", self.flips.len() - SHOWN);
        }
    }
}
