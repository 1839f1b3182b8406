//! `--study`, `--model`, `--data`: where these lie now, for a run that came from elsewhere.

use crate::workflow::RunPlaces;
use clap::Args;
use paring_core::text::shell_word;
use std::path::{Path, PathBuf};

/// Places of a run's study, model and data.
#[derive(Clone, Debug, Args)]
pub(in crate::cli) struct PlacesArgs {
    /// Path of the study file, if it has moved; without any the run's own copy is read
    #[arg(long, value_name = "FILE")]
    study: Option<PathBuf>,
    /// Path of the model, if it has moved; without any the run's own copy is read
    #[arg(long, value_name = "FILE")]
    model: Option<PathBuf>,
    /// Path of the study's data, if they have moved; it is checked that they are the run's
    #[arg(long, value_name = "PATH")]
    data: Option<PathBuf>,
}

impl PlacesArgs {
    /// The places; `verb` is the command line up to the run, for messages.
    pub(in crate::cli) fn places(&self, verb: &str, run: &Path) -> RunPlaces {
        let run = shell_word(&run.to_string_lossy()).into_owned();
        RunPlaces {
            study: self.study.clone(),
            model: self.model.clone(),
            data: self.data.clone(),
            data_command: Some(format!("paring {verb} {run} --data")),
        }
    }
}
