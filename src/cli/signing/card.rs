//! `paring card`.

use crate::cli::{CodedError, GlobalOptions};
use crate::workflow::{self, CardFormat, CardOfRunOptions, WorkflowError};
use clap::{Args, ValueEnum};
use paring_core::files::replace_file;
use serde_json::{Value, json};
use std::path::PathBuf;

/// Print the card of a variant: intent, quality, hardware, decisions, limits.
#[derive(Debug, Args)]
pub(in crate::cli) struct ModelCardArgs {
    /// The run directory
    run: PathBuf,
    /// The variant; all but the baseline without it
    #[arg(long, value_name = "NAME")]
    variant: Option<String>,
    /// Format of the card
    #[arg(long, default_value = "md")]
    format: CardFormatArg,
    /// Write the card of one variant into this file instead
    #[arg(long, value_name = "FILE", requires = "variant")]
    out: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum CardFormatArg {
    /// Markdown
    Md,
    /// CycloneDX 1.6: a machine-learning bill of materials as JSON
    Cyclonedx,
}

impl ModelCardArgs {
    pub(in crate::cli) fn run(self, global: &GlobalOptions) -> Result<(), CodedError> {
        let format = match self.format {
            CardFormatArg::Md => CardFormat::Markdown,
            CardFormatArg::Cyclonedx => CardFormat::CycloneDx,
        };
        let options = CardOfRunOptions { run: self.run, variant: self.variant, format };
        let cards = workflow::cards(&options)?;
        match (&self.out, cards.as_slice()) {
            (Some(out), [(name, text)]) => {
                let failed = |source| WorkflowError::WriteFile { path: out.clone(), source };
                replace_file(out, text.as_bytes()).map_err(failed)?;
                match global.json {
                    true => say!("{:#}", json!({ "variant": name, "file": out })),
                    false => say!("card of {name}: {}", out.display()),
                }
            }
            (_, cards) if global.json => {
                let each = cards.iter().map(|(name, text)| match format {
                    CardFormat::Markdown => (name.clone(), json!(text)),
                    CardFormat::CycloneDx => {
                        (name.clone(), serde_json::from_str(text).unwrap_or(Value::Null))
                    }
                });
                say!("{:#}", Value::Object(each.collect()));
            }
            (_, cards) => cards.iter().for_each(|(_, text)| say!("{}", text.trim_end())),
        }
        Ok(())
    }
}
