//! `paring restore`: the baseline again, a variant with its structure whole, or single components back.

use super::compress::context;
use super::integrity::{self, sealed};
use super::reopen::Reopened;
use super::{Coded, ExitCode, Global};
use crate::ledger::{Ledger, read_ledger};
use crate::pipeline::{self, BASELINE, Folders, PipelineError, Recipe, variant_record};
use crate::study::RunDirectory;
use anyhow::anyhow;
use clap::Args;
use paring_core::schema::{LedgerEntryBody, LedgerEntryKind, Sha256Hex, VariantRecord};
use paring_onnx::graph::Graph;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// Put removed components back.
#[derive(Debug, Args)]
pub(super) struct Restore {
    /// The run directory
    run: PathBuf,
    /// The variant to start from
    #[arg(long)]
    variant: String,
    #[command(flatten)]
    what: What,
    /// The study file, where it no longer lies where the run found it
    #[arg(long)]
    study: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct What {
    /// Components to put back, by id; the rest of the recipe is replayed
    #[arg(long, num_args = 1..)]
    component: Vec<String>,
    /// Put all removed structure back; later steps, such as quantization, are replayed
    #[arg(long)]
    pruned: bool,
    /// The baseline again, every initializer bit for bit, from the variant and its parings
    #[arg(long)]
    all: bool,
}

impl Restore {
    pub(super) fn run(self, global: &Global) -> Result<(), Coded> {
        if self.what.all {
            integrity::warn_before_going_on(&self.run);
            let mut directory = RunDirectory::existing(&self.run)?;
            let line = self.verified(&directory.folders)?;
            return self.all(&mut directory, &line, global);
        }
        let mut reopened = Reopened::open(&self.run, self.study.as_ref(), global.trust())?;
        let line = self.verified(&reopened.directory.folders)?;
        self.replayed(&mut reopened, &line, global)
    }

    /// The variant and those that it was made from, after their files and the ledger were found to be
    /// what their records say. Nothing is written before.
    fn verified(&self, folders: &Folders) -> Result<Vec<VariantRecord>, PipelineError> {
        let line = pipeline::ancestry(folders, &self.variant)?;
        for record in &line {
            pipeline::whole_file(folders, record)?;
        }
        let entries = read_ledger(&folders.ledger())?;
        pipeline::check_decisions(folders, &line, &entries)?;
        Ok(line)
    }

    fn all(
        &self,
        directory: &mut RunDirectory,
        line: &[VariantRecord],
        global: &Global,
    ) -> Result<(), Coded> {
        let folders = &directory.folders;
        let graph = pipeline::undone(folders, line)?;
        let baseline = variant_record(folders, BASELINE)?;
        let tensors = same_as_baseline(&graph, &pipeline::whole_file(folders, &baseline)?)?;
        let path = folders.restored().join(format!("{}.all.onnx", self.variant));
        let bytes = graph.encode();
        let sha256 = Sha256Hex::of(&bytes);
        pipeline::replace(&path, &bytes)?;
        let body = json!({ "variant": self.variant, "what": "all", "file_sha256": sha256 });
        self.enter(directory, body)?;
        let said = format!(
            "all {tensors} initializers are those of the baseline with SHA-256 {}, bit for bit",
            baseline.file_sha256
        );
        self.print(global, directory, &path, &sha256, &said)
    }

    fn replayed(
        &self,
        reopened: &mut Reopened,
        line: &[VariantRecord],
        global: &Global,
    ) -> Result<(), Coded> {
        let Reopened { directory, study, loaded } = reopened;
        let context = context(study, loaded, directory)?;
        let mut ledger = self.ledger(directory, &study.owner)?;
        let recipe = self.recipe(line, &study.recipes, &ledger)?;
        let baseline = variant_record(&directory.folders, BASELINE)?;
        let made = pipeline::make(&context, &mut ledger, &recipe, &baseline)?;
        drop(ledger);
        let ids = &self.what.component;
        let what = if self.what.pruned { json!("pruned") } else { json!(ids) };
        let body = json!({
            "variant": self.variant, "what": what, "restored": made.name,
            "variant_id": made.variant_id, "file_sha256": made.file_sha256,
        });
        self.enter(directory, body)?;
        let path = directory.folders.variants().join(&made.file);
        let said = format!(
            "{} components are removed, {} were; {}",
            made.removed_count(),
            line[0].removed_count(),
            made.recipe.join("; ")
        );
        self.print(global, directory, &path, &made.file_sha256, &said)
    }

    fn recipe(
        &self,
        line: &[VariantRecord],
        recipes: &[Recipe],
        ledger: &Ledger,
    ) -> Result<Recipe, PipelineError> {
        if self.what.pruned {
            return pipeline::unpruned(&format!("{}.unpruned", self.variant), line, recipes);
        }
        let ids = &self.what.component;
        let hash = Sha256Hex::of(ids.join(" ").as_bytes());
        let name = format!("{}.restored-{}", self.variant, hash.short());
        pipeline::with_components(&name, line, recipes, ledger, ids)
    }

    fn ledger(&self, directory: &RunDirectory, owner: &str) -> Result<Ledger, PipelineError> {
        Ok(Ledger::open(&directory.folders.ledger(), owner)?)
    }

    fn enter(&self, directory: &RunDirectory, body: Value) -> Result<(), PipelineError> {
        let path = directory.folders.ledger();
        let entries = read_ledger(&path)?;
        let owner = entries.first().map(|e| e.actor.clone()).unwrap_or_default();
        self.ledger(directory, &owner)?
            .record(LedgerEntryBody { kind: LedgerEntryKind::Restore, body })?;
        Ok(())
    }

    fn print(
        &self,
        global: &Global,
        directory: &mut RunDirectory,
        path: &Path,
        sha256: &Sha256Hex,
        said: &str,
    ) -> Result<(), Coded> {
        let (manifest, words) = sealed(directory)?;
        if global.json {
            let answer = json!({
                "file": path, "sha256": sha256, "said": said, "manifest_sha256": manifest,
            });
            say!("{answer:#}");
        } else {
            say!("{}: {said}\nwritten to {}; {words}", self.variant, path.display());
        }
        Ok(())
    }
}

/// How many initializers there are, all equal to the baseline's.
fn same_as_baseline(graph: &Graph, baseline: &Path) -> Result<usize, Coded> {
    let mut given = Graph::load(baseline)?;
    given.rejoin_vectors();
    for name in given.initializer_names() {
        if graph.weights(name).ok() != given.weights(name).ok() {
            let error =
                anyhow!("initializer `{name}` is not the baseline's: the parings do not fit");
            return Err(Coded::new(ExitCode::Rejected, error));
        }
    }
    Ok(given.initializer_names().len())
}
