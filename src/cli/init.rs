//! `paring init`: a study to start from.

use super::{Coded, ExitCode, Global};
use anyhow::anyhow;
use clap::Args;
use paring_agent::arrays::Dim;
use paring_agent::engine::{self, ModelSignature, ModelSource};
use paring_onnx::graph::Graph;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Write a study to start from, with comments.
#[derive(Debug, Args)]
pub(super) struct Init {
    /// The ONNX file
    model: PathBuf,
    /// An .npz file with the model's inputs and `labels`, or a folder with a labels.csv
    #[arg(long)]
    data: Option<PathBuf>,
    /// Where the study goes; paths in it are relative to its folder
    #[arg(long, default_value = "study.toml")]
    out: PathBuf,
}

impl Init {
    pub(super) fn run(self, _global: &Global) -> Result<(), Coded> {
        let signature = engine::describe(ModelSource::File(&self.model))?;
        let name = self.model.file_stem().unwrap_or_default().to_string_lossy().to_string();
        let needs: Vec<String> = signature
            .inputs
            .iter()
            .map(|need| {
                let shared = match need.batch_axis {
                    Some(0) => "",
                    _ => ", one for all samples or one a sample",
                };
                format!("#   `{}` {} {}{shared}", need.name, need.dtype, need.shape())
            })
            .collect();
        let owner = std::env::var("USER").unwrap_or_default();
        let data = self.data.clone().unwrap_or_else(|| "data.npz".into());
        let output = match signature.outputs.as_slice() {
            [_] => String::new(),
            many => format!("output = {:?}        # one of {}\n", many[0], many.join(", ")),
        };
        let text = TEMPLATE
            .replace("@NAME", &quoted(&name))
            .replace("@OWNER", &quoted(&owner))
            .replace("@MODEL", &quoted(&self.relative(&self.model)))
            .replace("@DATA", &quoted(&self.relative(&data)))
            .replace("@NEEDS", &needs.join("\n"))
            .replace("@DIMS", &dims(&signature))
            .replace("@BATCH", &signature.fixed_batch().unwrap_or(1).to_string())
            .replace("@OUTPUT", &output)
            .replace("@SCORES", self.scores()?);
        if let Some(missing) = self.data.as_ref().filter(|path| !path.exists()) {
            let error = anyhow!("{} does not exist", missing.display());
            return Err(Coded::new(ExitCode::Input, error));
        }
        if self.out.exists() {
            let error =
                anyhow!("{} exists already; name another file as --out", self.out.display());
            return Err(Coded::new(ExitCode::Input, error));
        }
        let failed = |e: std::io::Error| {
            let error = anyhow!(e).context(format!("write {}", self.out.display()));
            Coded::new(ExitCode::Input, error)
        };
        let mut file = std::fs::File::create_new(&self.out).map_err(failed)?;
        file.write_all(text.as_bytes()).map_err(failed)?;
        say!("wrote {}; next: paring run {0} --dry-run", self.out.display());
        Ok(())
    }

    /// Whether the model ends in probabilities, as far as its last node says.
    fn scores(&self) -> Result<&'static str, Coded> {
        let graph = Graph::load(&self.model)?;
        let probabilities = graph.nodes().iter().any(|node| {
            ["Softmax", "Sigmoid"].contains(&node.op_type.as_str())
                && graph.outputs().iter().any(|o| node.output.iter().any(|own| own == o))
        });
        Ok(match probabilities {
            true => "\"probabilities\"            # or \"logits\"",
            false => "\"logits\"                   # or \"probabilities\"",
        })
    }

    /// A path as the study has to name it: as typed where the study lies in the current folder,
    /// from the study's folder where it lies below that, absolute elsewhere.
    fn relative(&self, path: &Path) -> String {
        let folder = self.out.parent().filter(|folder| !folder.as_os_str().is_empty());
        let Some(folder) = folder else { return path.display().to_string() };
        let whole = |path: &Path| path.canonicalize().or_else(|_| std::path::absolute(path));
        let Ok(path) = whole(path) else { return path.display().to_string() };
        let below =
            whole(folder).ok().and_then(|folder| Some(path.strip_prefix(folder).ok()?.into()));
        let path: PathBuf = below.unwrap_or(path);
        path.display().to_string()
    }
}

/// The line about symbolic dimensions other than the batch, which the data show; empty without any.
fn dims(signature: &ModelSignature) -> String {
    let mut names: Vec<&str> = Vec::new();
    for need in &signature.inputs {
        for (axis, dim) in need.sample_dims() {
            match dim {
                Dim::Symbol(name)
                    if need.batch_axis != Some(axis) && !names.contains(&name.as_str()) =>
                {
                    names.push(name);
                }
                _ => {}
            }
        }
    }
    if names.is_empty() {
        return String::new();
    }
    let each: Vec<String> = names.iter().map(|name| format!("{} = SIZE", quoted(name))).collect();
    format!(
        "# dims = {{ {} }}    # symbolic dimensions; sizes that the data show need none\n",
        each.join(", ")
    )
}

fn quoted(text: &str) -> String {
    toml::Value::String(text.to_string()).to_string()
}

const TEMPLATE: &str = r#"# A study: what to compress, how, on what data, and where to measure. Paths are relative to this file.

[study]
name = @NAME
owner = @OWNER                      # accountable person or team; stands in the ledger
# purpose = "…"                     # also: risk, ethics, review_by, notes

[model]
path = @MODEL
batch = @BATCH                      # a list, [1, 8], measures each
@DIMS
[task]
kind = "classification"
scores = @SCORES
@OUTPUT
[data]
# An .npz file with the model's inputs and `labels`, or a folder of images with a labels.csv; without
# labels variants are only compared with the baseline:
@NEEDS
path = @DATA
# slices = ["…"]                    # further arrays with one value a sample that name subsets
# group = "…"                       # samples with the same value never straddle a split
# class_shares = "fixed"            # samples of each class were chosen beforehand
splits = { calibrate = 0.25, select = 0.25, report = 0.5, seed = 7 }

[protocol]
blocks = 10                         # fresh processes a variant; fewer than 9 give no verdict

[[variant]]
name = "pruned-{ratio}"             # a list makes one variant a value
steps = [{ prune = "channels", ratio = [0.125, 0.25], criterion = "obs", recover = "least-squares" }]

[[variant]]
name = "int8"
steps = [{ quantize = "int8", calibration = "minmax", per = "tensor" }]

[[variant]]
name = "nhwc"                       # the same file, another layout inside the engine
engine = ["conv_nhwc"]

[[target]]
name = "host"
"#;
