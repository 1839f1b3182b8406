//! A program that Cargo built for a board: run there with its files, and criterion's figures brought
//! back.

use crate::workflow::{Progress, ProgressEvent, WorkflowError};
use paring_boards::{
    self, FolderTrust, Inventory, RemoteProgram, Target, TargetEvent, TargetSession,
    TargetTransport, catch_interrupts, files_below, is_environment_variable_name,
};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Component, Path, PathBuf};

/// The variable with criterion's folder of figures.
const CRITERION: &str = "CRITERION_HOME";
/// The run directory that `benches/variants.rs` reads.
const RUN: &str = "PARING_RUN";
/// Variables with these beginnings mean the same on a board.
const PASSED: [&str; 3] = ["TRACT_", "RUST_", "PARING_"];

/// A program, and the board that it runs on.
#[derive(Clone, Debug)]
pub struct RunnerOptions {
    /// A name of the inventory, or labels.
    pub target: String,
    /// Files or folders that the program reads, below the working directory.
    pub with: Vec<PathBuf>,
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// Trust in whoever made the inventory.
    pub trust: FolderTrust,
}

/// Runs the program, whose output goes to `out`; gives its exit code, none where a signal ended it.
///
/// # Errors
/// [`WorkflowError`] of a program or target that is not there; [`WorkflowError::RunProgram`] where the
/// board failed.
pub fn run_program(
    options: &RunnerOptions,
    out: &mut dyn Write,
    progress: &Progress,
) -> Result<Option<i32>, WorkflowError> {
    let program = &options.program;
    let folder = std::env::current_dir().map_err(WorkflowError::WorkingDirectory)?;
    let inventory = Inventory::find(&folder, options.trust)?;
    let chosen = paring_boards::select_targets(std::slice::from_ref(&options.target), &inventory)?;
    let [board] = chosen.as_slice() else {
        let names: Vec<&str> = chosen.iter().map(|t| t.name.as_str()).collect();
        return Err(WorkflowError::Option(format!(
            "`{}` means {}; a program runs on one target",
            options.target,
            names.join(", ")
        )));
    };
    if !program.is_file() {
        return Err(WorkflowError::Option(format!("no program at {}", program.display())));
    }
    match board.transport {
        TargetTransport::Local => run_here(program, &options.arguments),
        TargetTransport::Ssh(_) | TargetTransport::Labgrid(..) => {
            let errand = options.errand(&folder, board)?;
            let name = folder.file_name().unwrap_or_default().to_string_lossy();
            run_on_board(&errand, board, &name, out, progress)
        }
    }
}

impl RunnerOptions {
    /// The program with its files and variables, in places of the board.
    fn errand(&self, here: &Path, board: &Target) -> Result<RemoteProgram, WorkflowError> {
        let program = &self.program;
        let mut files = Vec::new();
        for path in &self.with {
            files.extend(
                files_below(path, &place(here, path)).map_err(WorkflowError::ProgramFiles)?,
            );
        }
        let mut moved = Vec::new();
        for argument in &self.arguments {
            let path = Path::new(argument);
            // A file that is named is read; a filter of benches may be called like a folder.
            match path.is_file() {
                true => {
                    let to = place(here, path);
                    files.push((path.to_path_buf(), to.clone()));
                    moved.push(to);
                }
                false => moved.push(argument.clone()),
            }
        }
        let mut env: BTreeMap<String, String> = std::env::vars()
            .filter(|(name, _)| PASSED.iter().any(|beginning| name.starts_with(beginning)))
            .filter(|(name, _)| is_environment_variable_name(name))
            .collect();
        if let Some(run) = std::env::var_os(RUN) {
            let run = PathBuf::from(run);
            let to = place(here, &run);
            let all = files_below(&run, &to).map_err(WorkflowError::ProgramFiles)?;
            files.extend(all.into_iter().filter(|(_, to)| is_bench_input(to)));
            env.insert(RUN.into(), to);
        }
        env.extend(board.env.clone());
        Ok(RemoteProgram {
            program: program.clone(),
            arguments: moved,
            env,
            files,
            results: criterion_home(program),
            results_variable: CRITERION.into(),
        })
    }
}

/// True for files of a run directory that a bench reads: models, jobs and inputs.
fn is_bench_input(path: &str) -> bool {
    path.contains("/variants/") || path.ends_with("/job.json") || path.ends_with(".safetensors")
}

/// The board's path of a file here: the same below `here`, else one in a folder for files outside.
fn place(here: &Path, path: &Path) -> String {
    let absolute = here.join(path);
    let inside = absolute.strip_prefix(here).ok().filter(|rest| {
        rest.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir))
    });
    match inside {
        Some(rest) => rest.to_string_lossy().into_owned(),
        None => {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let whole = absolute.to_string_lossy();
            let id = paring_core::schema::Sha256Hex::of(whole.as_bytes());
            format!("outside/{}/{name}", id.short())
        }
    }
}

/// The folder of criterion's figures on this machine, as criterion itself would choose it.
fn criterion_home(program: &Path) -> PathBuf {
    if let Some(home) = std::env::var_os(CRITERION) {
        return home.into();
    }
    let built = program.ancestors().find(|folder| folder.join(".rustc_info.json").is_file());
    built.unwrap_or(Path::new("target")).join("criterion")
}

/// Runs an errand on a board. An interrupt stops it and gives a farm's place back.
fn run_on_board(
    errand: &RemoteProgram,
    board: &Target,
    name: &str,
    out: &mut dyn Write,
    progress: &Progress,
) -> Result<Option<i32>, WorkflowError> {
    let stop = catch_interrupts().map_err(WorkflowError::CatchInterrupts)?;
    let mut heard = |news| {
        if let TargetEvent::Note(_) = &news {
            progress(ProgressEvent::TargetNews { target: &board.name, news: &news });
        }
    };
    let mut site =
        TargetSession::open(board, Some(stop), &mut heard).map_err(WorkflowError::RunProgram)?;
    let program = &errand.program;
    let (target, files) = (board.name.as_str(), errand.files.len());
    progress(ProgressEvent::ProgramStart { program, target, files });
    let board = site.board().map_err(WorkflowError::RunProgram)?;
    errand
        .run(board, name, &mut |piece| out.write_all(piece).and_then(|()| out.flush()))
        .map_err(WorkflowError::RunProgram)
}

fn run_here(program: &Path, arguments: &[String]) -> Result<Option<i32>, WorkflowError> {
    let status = std::process::Command::new(program).args(arguments).status();
    let failed = |source| WorkflowError::StartProgram { path: program.to_path_buf(), source };
    Ok(status.map_err(failed)?.code())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_outside_gets_a_place_of_its_own() {
        let here = Path::new("/work/project");
        assert_eq!(place(here, Path::new("examples/digits")), "examples/digits");
        assert_eq!(place(here, Path::new("/work/project/run")), "run");
        for outside in ["/data/run", "../other/run"] {
            let to = place(here, Path::new(outside));
            assert!(to.starts_with("outside/") && to.ends_with("/run"), "{to}");
        }
        assert_ne!(place(here, Path::new("/a/run")), place(here, Path::new("/b/run")));
    }

    #[test]
    fn of_a_run_only_what_is_read_goes() {
        for path in ["run/variants/a.onnx", "run/journal/host/job.json", "r/j/h/inputs.safetensors"]
        {
            assert!(is_bench_input(path), "{path}");
        }
        assert!(!is_bench_input("run/journal/host/blocks.jsonl"));
        assert!(!is_bench_input("run/ledger.jsonl"));
    }
}
