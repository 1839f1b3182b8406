//! The tools: names, arguments, and the command line or file that answers each.

use super::root_folder::RootFolder;
use crate::pipeline::Folders;
use crate::study;
use paring_boards::FolderTrust;
use paring_core::error_chain::error_chain;
use rust_mcp_schema::mcp_2025_06_18::{Tool, ToolAnnotations, ToolInputSchema};
use serde_json::{Map, Value, json};
use std::path::Path;

/// Arguments of a call, by name.
pub(super) type ToolArguments = Map<String, Value>;

/// The source of an answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum ToolWork {
    /// A command line of this program.
    Command(Vec<String>),
    /// A text that is known already.
    Answer(String),
}

/// A tool.
pub(super) struct McpTool {
    pub(super) name: &'static str,
    description: &'static str,
    /// Name, type, meaning; those that must be given have no `?` at the end of their name.
    arguments: &'static [(&'static str, &'static str, &'static str)],
    /// True of those that write and take the machine for themselves.
    pub(super) runs: bool,
}

const RUN: (&str, &str, &str) = ("run", "string", "run directory, from the root folder");
const STUDY: (&str, &str, &str) = ("study", "string", "study file, from the root folder");

/// All tools.
pub(super) static TOOLS: [McpTool; 9] = [
    McpTool {
        name: "list",
        description: "The runs in a folder: begin, study, model, variants, targets, state",
        arguments: &[(
            "folder?",
            "string",
            "folder of run directories; the root folder without it",
        )],
        runs: false,
    },
    McpTool {
        name: "show",
        description: "Every variant of a run on every target: quality, latency, speed-up, memory, energy, with intervals; rows of other engines",
        arguments: &[RUN],
        runs: false,
    },
    McpTool {
        name: "gate",
        description: "Verdicts of a run's requirements: pass, undecided or fail, with what each goes by",
        arguments: &[RUN],
        runs: false,
    },
    McpTool {
        name: "verify",
        description: "Whether a run is what was written: ledger chain, file hashes, results against raw samples",
        arguments: &[RUN, ("expect?", "string", "SHA-256 of the manifest that was noted")],
        runs: false,
    },
    McpTool {
        name: "explain",
        description: "What `paring explain` found of a variant: effects of its decisions with intervals, flips and their causes. It must have been run before",
        arguments: &[RUN, ("variant?", "string", "the variant; names of all without it")],
        runs: false,
    },
    McpTool {
        name: "report",
        description: "Paths of a run's report.html and report.md, and the latter's text",
        arguments: &[RUN],
        runs: false,
    },
    McpTool {
        name: "catalog",
        description: "What could be removed from an ONNX model: couplings, components, scores, savings",
        arguments: &[
            ("model", "string", "ONNX file, from the root folder"),
            ("data?", "string", "data file or folder, from the root folder"),
        ],
        runs: false,
    },
    McpTool {
        name: "diff",
        description: "What was pruned, quantized or changed between two ONNX models",
        arguments: &[
            ("base", "string", "the earlier ONNX file, from the root folder"),
            ("variant", "string", "the later ONNX file, from the root folder"),
        ],
        runs: false,
    },
    McpTool {
        name: "run",
        description: "Makes, evaluates and measures all variants of a study, or goes on with an unfinished run. Takes minutes and the whole machine",
        arguments: &[
            STUDY,
            ("out", "string", "run directory, from the root folder; an unfinished one goes on"),
            ("quick?", "boolean", "the short protocol, without verdicts"),
            (
                "compress_only?",
                "boolean",
                "makes and evaluates the variants without measuring them",
            ),
        ],
        runs: true,
    },
];

impl McpTool {
    /// The tool as clients list it.
    pub(super) fn description(&self) -> Tool {
        let described = self.arguments.iter().map(|(name, kind, meaning)| {
            let schema = json!({ "type": kind, "description": meaning });
            let schema = schema.as_object().cloned().unwrap_or_default();
            (name.trim_end_matches('?').to_string(), schema)
        });
        let required = self.arguments.iter().map(|(name, ..)| *name);
        let required = required.filter(|name| !name.ends_with('?')).map(str::to_string);
        Tool {
            name: self.name.into(),
            title: None,
            description: Some(self.description.into()),
            input_schema: ToolInputSchema::new(required.collect(), Some(described.collect())),
            output_schema: None,
            annotations: Some(ToolAnnotations {
                read_only_hint: Some(!self.runs),
                destructive_hint: Some(false),
                idempotent_hint: Some(true),
                open_world_hint: Some(false),
                title: None,
            }),
            meta: None,
        }
    }

    /// Refuses arguments that the tool does not have.
    ///
    /// # Errors
    /// A sentence that names the first.
    fn check(&self, given: &ToolArguments) -> Result<(), String> {
        let known: Vec<&str> =
            self.arguments.iter().map(|(n, ..)| n.trim_end_matches('?')).collect();
        match given.keys().find(|name| !known.contains(&name.as_str())) {
            Some(odd) => {
                Err(format!("unknown argument `{odd}`; known are `{}`", known.join("`, `")))
            }
            None => Ok(()),
        }
    }

    /// The source of the answer to a call of the tool.
    ///
    /// # Errors
    /// A sentence about an argument.
    pub(super) fn work(
        &self,
        given: &ToolArguments,
        root: &RootFolder,
    ) -> Result<ToolWork, String> {
        self.check(given)?;
        let path = |name: &str| -> Result<String, String> {
            Ok(root.existing(needed(given, name)?)?.to_string_lossy().into_owned())
        };
        let mut words: Vec<String> = vec![self.name.into()];
        match self.name {
            "list" => {
                let folder = root.existing(optional(given, "folder")?.unwrap_or("."))?;
                words.push(folder.to_string_lossy().into_owned());
            }
            "show" => words.push(path("run")?),
            "gate" => words = vec!["show".into(), path("run")?],
            "verify" => {
                words.push(path("run")?);
                words.extend(optional(given, "expect")?.map(|sum| format!("--expect={sum}")));
            }
            "explain" => {
                let run = path("run")?;
                let found = explanation(Path::new(&run), optional(given, "variant")?);
                return found.map(ToolWork::Answer);
            }
            "report" => return report(Path::new(&path("run")?)).map(ToolWork::Answer),
            "catalog" => {
                words.push(path("model")?);
                if given.contains_key("data") {
                    words.push(format!("--data={}", path("data")?));
                }
            }
            "diff" => words.extend([path("base")?, path("variant")?]),
            _ => words = run_command(given, root)?,
        }
        Ok(ToolWork::Command(words))
    }
}

fn optional<'a>(given: &'a ToolArguments, name: &str) -> Result<Option<&'a str>, String> {
    match given.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(format!("`{name}` must be a string")),
    }
}

fn needed<'a>(given: &'a ToolArguments, name: &str) -> Result<&'a str, String> {
    optional(given, name)?.ok_or_else(|| format!("`{name}` is missing"))
}

fn flag(given: &ToolArguments, name: &str) -> Result<bool, String> {
    match given.get(name) {
        None | Some(Value::Null) => Ok(false),
        Some(Value::Bool(flag)) => Ok(*flag),
        Some(_) => Err(format!("`{name}` must be true or false")),
    }
}

/// The command line that runs a study whose model and data lie in the root folder.
fn run_command(given: &ToolArguments, root: &RootFolder) -> Result<Vec<String>, String> {
    let file = root.existing(needed(given, "study")?)?;
    let out = root.new_folder(needed(given, "out")?)?;
    let study = study::load(&file, FolderTrust::Withheld).map_err(|error| error_chain(&error))?;
    let regimes = study.regimes.iter().map(|regime| &regime.path);
    for path in [&study.model, &study.data.path].into_iter().chain(regimes) {
        root.existing(&path.to_string_lossy())?;
    }
    let (quick, compress) = (flag(given, "quick")?, flag(given, "compress_only")?);
    let mut words = vec![if compress { "compress" } else { "run" }.to_string()];
    words.extend([file.to_string_lossy().into_owned(), "--out".into()]);
    words.push(out.to_string_lossy().into_owned());
    words.extend((quick && !compress).then(|| "--quick".to_string()));
    words.extend(compress.then(|| "--evaluate".to_string()));
    Ok(words)
}

/// The explanation of a variant in a run's explain.json, or the names of those that have one.
fn explanation(run: &Path, variant: Option<&str>) -> Result<String, String> {
    let path = Folders::new(run).explanations();
    if !path.exists() {
        return Err(format!("{} has no explain.json; `paring explain` makes it", run.display()));
    }
    let bytes = path.read().map_err(|error| format!("{}: {error}", path.display()))?;
    let all: Vec<Value> =
        serde_json::from_slice(&bytes).map_err(|error| format!("{}: {error}", path.display()))?;
    let name = |found: &Value| found["variant"].as_str().unwrap_or_default().to_string();
    let names: Vec<String> = all.iter().map(name).collect();
    match variant {
        None => Ok(json!({ "variants": names }).to_string()),
        Some(variant) => match all.iter().find(|found| name(found) == variant) {
            Some(found) => Ok(found.to_string()),
            None => {
                Err(format!("no explanation of `{variant}`; there are `{}`", names.join("`, `")))
            }
        },
    }
}

/// Paths of a run's reports, and the text of the one for pull requests.
fn report(run: &Path) -> Result<String, String> {
    let folders = Folders::new(run);
    let (html, text) = (folders.root().join("report.html"), folders.report());
    if !html.exists() && !text.exists() {
        return Err(format!("{} has no report; `paring report` writes it", run.display()));
    }
    let markdown = text.read().ok().map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    let known = |path: &Path| path.exists().then(|| path.display().to_string());
    Ok(json!({ "html": known(&html), "markdown": known(&text), "text": markdown }).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn work(name: &str, given: Value, folder: &Path) -> Result<ToolWork, String> {
        let tool = TOOLS.iter().find(|tool| tool.name == name).unwrap();
        tool.work(given.as_object().unwrap(), &RootFolder::open(folder).unwrap())
    }

    #[test]
    fn arguments_are_checked_and_paths_stay_inside() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("run")).unwrap();
        let of = |given: Value| work("show", given, folder.path());
        let ToolWork::Command(words) = of(json!({ "run": "run" })).unwrap() else { panic!() };
        assert_eq!((words.len(), words[0].as_str()), (2, "show"));
        for (given, expected) in [
            (json!({}), "`run` is missing"),
            (json!({ "run": 3 }), "`run` must be a string"),
            (json!({ "run": ".." }), "is outside of"),
            (json!({ "run": "run", "trust": true }), "unknown argument `trust`; known are `run`"),
        ] {
            let problem = of(given).unwrap_err();
            assert!(problem.contains(expected), "{problem}");
        }
        // What looks like an option is a value.
        let expect = json!({ "run": "run", "expect": "--baseline" });
        let ToolWork::Command(words) = work("verify", expect, folder.path()).unwrap() else {
            panic!()
        };
        assert_eq!(words[2], "--expect=--baseline");
    }
}
