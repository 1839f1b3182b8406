//! `paring card`.

use crate::cli::{CodedError, GlobalOptions};
use crate::workflow::{self, CardFormat, CardOfRunOptions, WorkflowError};
use clap::{Args, ValueEnum};
use paring_core::files::replace_file;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

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
    /// The study's data, which a croissant record names by their hash
    #[arg(long, value_name = "FILE", required_if_eq("format", "croissant"))]
    data: Option<PathBuf>,
    /// Write the card of one variant, or the record of the data, into this file instead
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum CardFormatArg {
    /// Markdown
    Md,
    /// CycloneDX 1.6: a machine-learning bill of materials as JSON
    Cyclonedx,
    /// SPDX 3.0.1 with fields of the AI profile as JSON-LD
    Spdx,
    /// MLCommons Croissant 1.0 as JSON-LD: the data, by their hash
    Croissant,
}

impl ModelCardArgs {
    pub(in crate::cli) fn run(self, global: &GlobalOptions) -> Result<(), CodedError> {
        let format = match self.format {
            CardFormatArg::Md => CardFormat::Markdown,
            CardFormatArg::Cyclonedx => CardFormat::CycloneDx,
            CardFormatArg::Spdx => CardFormat::Spdx,
            CardFormatArg::Croissant => return self.of_data(global),
        };
        if self.out.is_some() && self.variant.is_none() {
            let problem = "--out takes the card of one variant: name it with --variant";
            return Err(WorkflowError::Option(problem.into()).into());
        }
        let options = CardOfRunOptions { run: self.run, variant: self.variant, format };
        let cards = workflow::cards(&options)?;
        match (&self.out, cards.as_slice()) {
            (Some(out), [(name, text)]) => write(out, name, text, global)?,
            (_, cards) if global.json => {
                let each = cards.iter().map(|(name, text)| match format {
                    CardFormat::Markdown => (name.clone(), json!(text)),
                    CardFormat::CycloneDx | CardFormat::Spdx => {
                        (name.clone(), serde_json::from_str(text).unwrap_or(Value::Null))
                    }
                });
                say!("{:#}", Value::Object(each.collect()));
            }
            (_, cards) => cards.iter().for_each(|(_, text)| say!("{}", text.trim_end())),
        }
        Ok(())
    }

    fn of_data(&self, global: &GlobalOptions) -> Result<(), CodedError> {
        let data = self.data.as_deref().unwrap_or(Path::new(""));
        let text = workflow::data_card(&self.run, data)?;
        match &self.out {
            Some(out) => write(out, "the data", &text, global),
            None => {
                say!("{}", text.trim_end());
                Ok(())
            }
        }
    }
}

fn write(out: &Path, name: &str, text: &str, global: &GlobalOptions) -> Result<(), CodedError> {
    let failed = |source| WorkflowError::WriteFile { path: out.to_path_buf(), source };
    replace_file(out, text.as_bytes()).map_err(failed)?;
    match global.json {
        true => say!("{:#}", json!({ "variant": name, "file": out })),
        false => say!("card of {name}: {}", out.display()),
    }
    Ok(())
}
