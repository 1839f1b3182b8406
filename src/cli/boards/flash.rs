//! `paring flash`.

use super::card_args::{CardArgs, WriteCardArgs, agreed};
use super::prepare_args::PrepareArgs;
use crate::cli::progress::ProgressPrinter;
use crate::cli::{CodedError, ExitCode, GlobalOptions};
use crate::report;
use crate::workflow::{self, CardJob};
use clap::{Args, Subcommand};
use serde_json::json;

/// Prepare card images, write them to cards, and check what is on a card
#[derive(Debug, Args)]
pub(in crate::cli) struct FlashArgs {
    #[command(subcommand)]
    action: FlashAction,
}

#[derive(Debug, Subcommand)]
enum FlashAction {
    /// Put the agent, a key, a host name and the network into an image
    Prepare(Box<PrepareArgs>),
    /// Write an image to a card, and read it back
    Write(WriteCardArgs),
    /// Compare a card with an image
    Verify(CardArgs),
}

impl FlashArgs {
    pub(in crate::cli) fn run(self, global: &GlobalOptions) -> Result<(), CodedError> {
        match self.action {
            FlashAction::Prepare(args) => prepare(*args, global),
            FlashAction::Write(args) => write(args, global),
            FlashAction::Verify(args) => compare(&workflow::open_card(args.into())?, global),
        }
    }
}

fn prepare(args: PrepareArgs, global: &GlobalOptions) -> Result<(), CodedError> {
    let options = args.into();
    let printer = ProgressPrinter::new(global.quiet);
    let prepared = workflow::prepare_card_image(&options, &|event| printer.show(event))?;
    if global.json {
        say!("{:#}", json!(prepared));
        return Ok(());
    }
    say!("{}: {}, with", prepared.image.display(), prepared.system);
    prepared.files.iter().for_each(|file| say!("  {file}"));
    let (target, inventory) = (&options.target, prepared.inventory.display());
    say!("`{target}` is {} in {inventory}", prepared.address);
    Ok(())
}

fn write(args: WriteCardArgs, global: &GlobalOptions) -> Result<(), CodedError> {
    let job = workflow::open_card(args.card.into())?;
    if !args.yes && !agreed(&job.card)? {
        let error = anyhow::anyhow!("nothing was written to {}", job.card.path().display());
        return Err(CodedError::new(ExitCode::Input, error));
    }
    let printer = ProgressPrinter::new(global.quiet);
    workflow::write_card(&job, &|event| printer.show(event))?;
    compare(&job, global)
}

fn compare(job: &CardJob, global: &GlobalOptions) -> Result<(), CodedError> {
    let printer = ProgressPrinter::new(global.quiet);
    let comparison = workflow::compare_card(job, &|event| printer.show(event))?;
    let (device, image) = (job.card.path(), job.image.as_path());
    match global.json {
        true => say!("{:#}", report::card_json(device, image, &comparison)),
        false => say!("{}", report::card_text(device, image, &comparison)),
    }
    Ok(())
}
