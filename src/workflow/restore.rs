//! Use case: the baseline again, a variant with its structure whole, or single components back.

use super::open_run::{OpenRun, report_integrity_flaw};
use super::variants::training_listener;
use super::{Progress, ProgressEvent, ProgressStage, WorkflowError};
use crate::ledger::{Ledger, read_ledger};
use crate::pipeline::{self, BASELINE, Folders, PipelineError, Recipe, variant_record};
use crate::study::RunDirectory;
use paring_boards::FolderTrust;
use paring_core::schema::{LedgerEntryBody, LedgerEntryKind, Sha256Hex, VariantRecord};
use paring_onnx::graph::Graph;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// Extent of a restoration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RestoreExtent {
    /// The baseline, every initializer bit for bit, from the variant and its parings.
    All,
    /// All removed structure; later steps, such as quantization, are replayed.
    Pruned,
    /// Components, by id; the rest of the recipe is replayed.
    Components(Vec<String>),
}

/// Options of [`restore`].
#[derive(Clone, Debug)]
pub struct RestoreOptions {
    /// The run directory.
    pub run: PathBuf,
    /// The variant to start from.
    pub variant: String,
    /// Extent of the restoration.
    pub extent: RestoreExtent,
    /// Path of the study file, if it has moved.
    pub study: Option<PathBuf>,
    /// Trust in whoever made the study: its folder may name programs to run.
    pub trust: FolderTrust,
}

/// Evidence of what a restored model is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RestoreEvidence {
    /// All initializers equal the baseline's, bit for bit.
    Baseline {
        /// Their number.
        initializers: usize,
        /// SHA-256 of the baseline's file.
        baseline_sha256: Sha256Hex,
    },
    /// The recipe was replayed with less removed.
    Replay {
        /// Components that are still removed.
        removed: usize,
        /// Components that the variant had removed.
        removed_before: usize,
        /// The steps that were replayed.
        recipe: Vec<String>,
    },
}

/// Result of [`restore`].
#[derive(Clone, Debug)]
pub struct RestoreResult {
    /// The restored ONNX file.
    pub file: PathBuf,
    /// Its SHA-256.
    pub file_sha256: Sha256Hex,
    /// Evidence of what it is.
    pub evidence: RestoreEvidence,
    /// SHA-256 of the run's manifest.
    pub manifest_sha256: Sha256Hex,
}

/// Restores what was removed from a variant, after its files and the ledger were found to be what their
/// records say. Nothing is written before.
///
/// # Errors
/// [`WorkflowError::Pipeline`] where a file or the ledger was changed, or a component was not removed;
/// [`WorkflowError::NotRestored`] where the parings do not give the baseline.
pub fn restore(
    options: &RestoreOptions,
    progress: &Progress,
) -> Result<RestoreResult, WorkflowError> {
    if options.extent == RestoreExtent::All {
        report_integrity_flaw(&options.run, progress);
        let mut directory = RunDirectory::existing(&options.run)?;
        let line = verified_ancestry(&directory.folders, &options.variant)?;
        return restore_baseline(options, &mut directory, &line);
    }
    let mut run = OpenRun::reopen(&options.run, options.study.as_deref(), options.trust, progress)?;
    let line = verified_ancestry(&run.directory.folders, &options.variant)?;
    replay(options, &mut run, &line, progress)
}

/// The variant and those that it was made from, whose files and decisions are what their records say.
fn verified_ancestry(
    folders: &Folders,
    variant: &str,
) -> Result<Vec<VariantRecord>, PipelineError> {
    let line = pipeline::ancestry(folders, variant)?;
    for record in &line {
        pipeline::whole_file(folders, record)?;
    }
    let entries = read_ledger(&folders.ledger())?;
    pipeline::check_decisions(folders, &line, &entries)?;
    Ok(line)
}

fn restore_baseline(
    options: &RestoreOptions,
    directory: &mut RunDirectory,
    line: &[VariantRecord],
) -> Result<RestoreResult, WorkflowError> {
    let folders = &directory.folders;
    let graph = pipeline::undone(folders, line)?;
    let baseline = variant_record(folders, BASELINE)?;
    let initializers = check_initializers(&graph, &pipeline::whole_file(folders, &baseline)?)?;
    let path = folders.restored().join(format!("{}.all.onnx", options.variant));
    let bytes = graph.encode();
    let file_sha256 = Sha256Hex::of(&bytes);
    pipeline::replace(&path, &bytes)?;
    let body = json!({ "variant": options.variant, "what": "all", "file_sha256": file_sha256 });
    record_restore(folders, body)?;
    let evidence =
        RestoreEvidence::Baseline { initializers, baseline_sha256: baseline.file_sha256 };
    let manifest_sha256 = directory.seal()?;
    Ok(RestoreResult { file: path.to_path_buf(), file_sha256, evidence, manifest_sha256 })
}

fn replay(
    options: &RestoreOptions,
    run: &mut OpenRun,
    line: &[VariantRecord],
    progress: &Progress,
) -> Result<RestoreResult, WorkflowError> {
    let context = run.context()?;
    let folders = &run.directory.folders;
    let mut ledger = Ledger::open(&folders.ledger(), &run.study.owner)?;
    let recipe = reduced_recipe(options, line, &run.study.recipes, &ledger)?;
    let baseline = variant_record(folders, BASELINE)?;
    let heard = training_listener(progress);
    let made = pipeline::make(&context, &mut ledger, &recipe, &baseline, &heard)?;
    progress(ProgressEvent::StageEnd(ProgressStage::Distill));
    drop(ledger);
    let what = match &options.extent {
        RestoreExtent::Components(ids) => json!(ids),
        RestoreExtent::Pruned | RestoreExtent::All => json!("pruned"),
    };
    let body = json!({
        "variant": options.variant, "what": what, "restored": made.name,
        "variant_id": made.variant_id, "file_sha256": made.file_sha256,
    });
    record_restore(folders, body)?;
    let file = folders.variants().join(&made.file).to_path_buf();
    let evidence = RestoreEvidence::Replay {
        removed: made.removed_count(),
        removed_before: line.first().map_or(0, VariantRecord::removed_count),
        recipe: made.recipe,
    };
    let manifest_sha256 = run.seal()?;
    Ok(RestoreResult { file, file_sha256: made.file_sha256, evidence, manifest_sha256 })
}

/// The recipe of a variant with less removed.
fn reduced_recipe(
    options: &RestoreOptions,
    line: &[VariantRecord],
    recipes: &[Recipe],
    ledger: &Ledger,
) -> Result<Recipe, PipelineError> {
    let variant = &options.variant;
    match &options.extent {
        RestoreExtent::Components(ids) => {
            let hash = Sha256Hex::of(ids.join(" ").as_bytes());
            let name = format!("{variant}.restored-{}", hash.short());
            pipeline::with_components(&name, line, recipes, ledger, ids)
        }
        RestoreExtent::Pruned | RestoreExtent::All => {
            pipeline::unpruned(&format!("{variant}.unpruned"), line, recipes)
        }
    }
}

fn record_restore(folders: &Folders, body: Value) -> Result<(), WorkflowError> {
    let path = folders.ledger();
    let entries = read_ledger(&path)?;
    let owner = entries.first().map(|e| e.actor.clone()).unwrap_or_default();
    Ledger::open(&path, &owner)?
        .record(LedgerEntryBody { kind: LedgerEntryKind::Restore, body })?;
    Ok(())
}

/// The number of initializers, all of which equal the baseline's.
fn check_initializers(graph: &Graph, baseline: &Path) -> Result<usize, WorkflowError> {
    let mut given = Graph::load(baseline)?;
    given.rejoin_vectors();
    for name in given.initializer_names() {
        if graph.weights(name).ok() != given.weights(name).ok() {
            return Err(WorkflowError::NotRestored(name.to_string()));
        }
    }
    Ok(given.initializer_names().len())
}
