//! `paring restore`: the baseline again, a variant with its structure whole, or single components back.

use super::compress::context;
use super::reopen::Reopened;
use super::{Coded, ExitCode, Global};
use crate::graph::Graph;
use crate::ledger::Ledger;
use crate::pipeline::{self, BASELINE, PipelineError, Recipe, variant_record};
use crate::record::{EntryBody, EntryKind, Sha256Hex, VariantRecord};
use crate::study::RunDirectory;
use anyhow::anyhow;
use clap::Args;
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
            let directory = RunDirectory::existing(&self.run)?;
            let line = pipeline::ancestry(&directory.folders, &self.variant)?;
            return self.all(&directory, &line, global);
        }
        let reopened = Reopened::open(&self.run, self.study.as_ref(), global.trust())?;
        let line = pipeline::ancestry(&reopened.directory.folders, &self.variant)?;
        self.replayed(&reopened, &line, global)
    }

    fn all(
        &self,
        directory: &RunDirectory,
        line: &[VariantRecord],
        global: &Global,
    ) -> Result<(), Coded> {
        let folders = &directory.folders;
        let graph = pipeline::undone(folders, line)?;
        let folder = folders.restored();
        std::fs::create_dir_all(&folder).map_err(|e| {
            let error = anyhow!(e).context(format!("create {}", folder.display()));
            Coded::new(ExitCode::Internal, error)
        })?;
        let path = folder.join(format!("{}.all.onnx", self.variant));
        let sha256 = graph.save(&path)?;
        let tensors = same_as_baseline(&graph, &folders.variants().join("baseline.onnx"))?;
        let body = json!({ "variant": self.variant, "what": "all", "file_sha256": sha256 });
        self.enter(directory, body)?;
        self.print(
            global,
            &path,
            &sha256,
            &format!("all {tensors} initializers are the baseline's, bit for bit"),
        );
        Ok(())
    }

    fn replayed(
        &self,
        reopened: &Reopened,
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
        self.print(global, &path, &made.file_sha256, &said);
        Ok(())
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
        let entries = crate::ledger::read_ledger(&path)?;
        let owner = entries.first().map(|e| e.actor.clone()).unwrap_or_default();
        self.ledger(directory, &owner)?.record(EntryBody { kind: EntryKind::Restore, body })?;
        Ok(())
    }

    fn print(&self, global: &Global, path: &Path, sha256: &Sha256Hex, said: &str) {
        if global.json {
            say!("{:#}", json!({ "file": path, "sha256": sha256, "said": said }));
        } else {
            say!("{}: {said}\nwritten to {}", self.variant, path.display());
        }
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
