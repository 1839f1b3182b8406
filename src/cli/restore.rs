//! `paring restore`: the baseline again, a variant with its structure whole, or single components back.

use super::progress::ProgressPrinter;
use super::{CodedError, GlobalOptions};
use crate::workflow::{self, RestoreEvidence, RestoreExtent, RestoreOptions};
use clap::Args;
use paring_core::number_format::counted;
use serde_json::json;
use std::path::PathBuf;

/// Restore removed components.
#[derive(Debug, Args)]
pub(super) struct RestoreArgs {
    /// The run directory
    run: PathBuf,
    /// The variant to start from
    #[arg(long)]
    variant: String,
    #[command(flatten)]
    extent: RestoreExtentArgs,
    /// Path of the study file, if it has moved
    #[arg(long)]
    study: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct RestoreExtentArgs {
    /// Ids of components to restore; the rest of the recipe is replayed
    #[arg(long, num_args = 1..)]
    component: Vec<String>,
    /// Restore all pruned structure; later steps, such as quantization, are replayed
    #[arg(long)]
    pruned: bool,
    /// Restore the baseline, every initializer bit for bit, from the variant and its parings
    #[arg(long)]
    all: bool,
}

impl RestoreArgs {
    pub(super) fn run(self, global: &GlobalOptions) -> Result<(), CodedError> {
        let RestoreExtentArgs { component, pruned, all } = self.extent;
        let extent = match (all, pruned) {
            (true, _) => RestoreExtent::All,
            (false, true) => RestoreExtent::Pruned,
            (false, false) => RestoreExtent::Components(component),
        };
        let (run, variant, study) = (self.run, self.variant, self.study);
        let options = RestoreOptions { run, variant, extent, study, trust: global.trust() };
        let printer = ProgressPrinter::new(global.quiet);
        let result = workflow::restore(&options, &|event| printer.show(event))?;
        let (file, manifest) = (&result.file, &result.manifest_sha256);
        let said = in_words(&result.evidence);
        if global.json {
            let sha256 = &result.file_sha256;
            say!(
                "{:#}",
                json!({ "file": file, "sha256": sha256, "said": said, "manifest_sha256": manifest })
            );
        } else {
            let (variant, file) = (&options.variant, file.display());
            say!("{variant}: {said}\nwritten to {file}; manifest {manifest}");
        }
        Ok(())
    }
}

fn in_words(evidence: &RestoreEvidence) -> String {
    match evidence {
        RestoreEvidence::Baseline { initializers, baseline_sha256 } => format!(
            "all {initializers} initializers are those of the baseline with SHA-256 {baseline_sha256}, bit for bit"
        ),
        RestoreEvidence::Replay { removed, removed_before, recipe } => {
            let steps =
                if recipe.is_empty() { "no step is left".into() } else { recipe.join("; ") };
            let removed = counted(*removed, "component");
            format!("{removed} removed, {removed_before} before; {steps}")
        }
    }
}
