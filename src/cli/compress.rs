//! `paring compress`: variants, ledger and parings, and the parts of `run` that make them.

use super::progress::bar;
use super::{Coded, Global, StudyArgs};
use crate::catalog::Calibration;
use crate::ledger::Ledger;
use crate::pipeline::{self, BASELINE, Context, PipelineError};
use crate::record::{EntryBody, EntryKind, VariantRecord};
use crate::study::{self, Loaded, Protocol, RunDirectory, Study};
use clap::Args;
use serde_json::json;

/// Make the variants, ledger and parings only.
#[derive(Debug, Args)]
pub(super) struct Compress {
    #[command(flatten)]
    study: StudyArgs,
}

impl Compress {
    pub(super) fn run(self, global: &Global) -> Result<(), Coded> {
        let study = study::load(&self.study.study)?;
        let loaded = study::open(&study)?;
        let out = self.study.out.unwrap_or_else(|| RunDirectory::fresh(&study));
        let protocol = Protocol::new(&study, &loaded, false);
        let directory = RunDirectory::open(&out, &study, protocol)?;
        let variants = make_variants(&study, &loaded, &directory, global.quiet)?;
        if global.json {
            println!("{:#}", json!(variants));
            return Ok(());
        }
        for variant in &variants {
            println!(
                "{:<20} {} components removed, {} parameters, {} bytes, {}",
                variant.name,
                variant.removed_count(),
                variant.params,
                variant.file_bytes,
                variant.precision()
            );
            for refusal in &variant.refusals {
                println!("{:<20} left `{}` alone: {}", "", refusal.what, refusal.reason);
            }
        }
        println!("written to {}", out.display());
        Ok(())
    }
}

/// Makes all variants of a study, the baseline first, and writes the ledger.
pub(super) fn make_variants(
    study: &Study,
    loaded: &Loaded,
    directory: &RunDirectory,
    quiet: bool,
) -> Result<Vec<VariantRecord>, Coded> {
    let calibrate = &loaded.splits.calibrate;
    let calibration = Calibration {
        inputs: loaded.data.inputs_at(calibrate),
        batch: loaded.batch,
        dims: loaded.dims.clone(),
        sha256: loaded.data.sha256_of(calibrate),
    };
    let context = Context {
        folders: directory.folders.clone(),
        model: study.model.clone(),
        dims: loaded.dims.clone(),
        batch: loaded.batch,
        calibration: (!calibrate.is_empty()).then_some(calibration),
        seed: study.seed,
        owner: study.owner.clone(),
    };
    let mut ledger =
        Ledger::open(&directory.folders.ledger(), &study.owner).map_err(PipelineError::from)?;
    let protocol = &directory.protocol;
    let body = json!({
        "study": protocol.study,
        "words": study.words,
        "data_sha256": protocol.data_sha256,
        "measurement_sha256": protocol.measurement_sha256,
        "gate_sha256": protocol.gate_sha256,
    });
    let entry = EntryBody { kind: EntryKind::Protocol, body };
    ledger.record(entry).map_err(PipelineError::from)?;
    let bar = bar("compress", study.recipes.len() + 1, quiet);
    let mut variants = vec![pipeline::baseline(&context)?];
    bar.inc(1);
    for recipe in &study.recipes {
        bar.set_message(recipe.name.clone());
        let parent = variants.iter().find(|v| v.name == recipe.parent);
        let parent = parent.ok_or_else(|| PipelineError::NoParent {
            variant: recipe.name.clone(),
            parent: recipe.parent.clone(),
        })?;
        let made = pipeline::make(&context, &mut ledger, recipe, parent)?;
        variants.push(made);
        bar.inc(1);
    }
    debug_assert_eq!(variants[0].name, BASELINE);
    bar.finish_and_clear();
    Ok(variants)
}

/// Enters what came of the variants into the ledger: that the report split was looked at, and what
/// it showed.
pub(super) fn record_outcomes(
    study: &Study,
    directory: &RunDirectory,
    outcomes: Vec<serde_json::Value>,
) -> Result<(), Coded> {
    let mut ledger =
        Ledger::open(&directory.folders.ledger(), &study.owner).map_err(PipelineError::from)?;
    let look = json!({ "split": "report", "data_sha256": directory.protocol.data_sha256 });
    let entries = std::iter::once((EntryKind::Look, look))
        .chain(outcomes.into_iter().map(|body| (EntryKind::Outcome, body)));
    for (kind, body) in entries {
        ledger.record(EntryBody { kind, body }).map_err(PipelineError::from)?;
    }
    Ok(())
}
