//! `paring runner`: what Cargo calls instead of a program that was built for a board.

use super::{Coded, ExitCode, Global};
use clap::Args;
use paring_boards::{
    self, Inventory, RemoteProgram, Target, TargetError, TargetEvent, TargetSession,
    TargetTransport, catch_interrupts, files_below, is_environment_variable_name,
};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Component, Path, PathBuf};

/// Where criterion puts what it finds.
const CRITERION: &str = "CRITERION_HOME";
/// The run directory that `benches/variants.rs` reads.
const RUN: &str = "PARING_RUN";
/// Variables with these beginnings mean the same on a board.
const PASSED: [&str; 3] = ["TRACT_", "RUST_", "PARING_"];

/// Run a program that Cargo built on a board, and bring criterion's figures back.
#[derive(Debug, Args)]
pub(super) struct Runner {
    /// The board: a name of the inventory, or labels
    #[arg(long)]
    target: String,
    /// Files or folders that the program reads, below the folder that Cargo runs it in
    #[arg(long)]
    with: Vec<PathBuf>,
    /// The program and its arguments, as Cargo appends them
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    program: Vec<String>,
}

impl Runner {
    pub(super) fn run(self, global: &Global) -> Result<(), Coded> {
        let input = |e: anyhow::Error| Coded::new(ExitCode::Input, e);
        let here = std::env::current_dir().map_err(|e| input(e.into()))?;
        let inventory = Inventory::find(&here, global.trust()).map_err(|e| input(e.into()))?;
        let chosen = paring_boards::select_targets(std::slice::from_ref(&self.target), &inventory)
            .map_err(|e| input(e.into()))?;
        let [board] = chosen.as_slice() else {
            let names: Vec<&str> = chosen.iter().map(|t| t.name.as_str()).collect();
            let problem = format!("`{}` means {}", self.target, names.join(", "));
            return Err(input(anyhow::anyhow!("{problem}; a program runs on one target")));
        };
        let Some((program, arguments)) = self.program.split_first() else {
            return Err(input(anyhow::anyhow!("no program to run")));
        };
        let program = Path::new(program);
        if !program.is_file() {
            return Err(input(anyhow::anyhow!("no program at {}", program.display())));
        }
        let code = match board.transport {
            TargetTransport::Local => locally(program, arguments)?,
            TargetTransport::Ssh(_) | TargetTransport::Labgrid(..) => {
                let errand = self.errand(&here, program, arguments, board)?;
                let name = here.file_name().unwrap_or_default().to_string_lossy();
                away(&errand, board, &name, global.quiet)?
            }
        };
        match code {
            Some(0) => Ok(()),
            // Cargo shows the program's own code.
            Some(code) => std::process::exit(code),
            None => {
                let error = anyhow::anyhow!("a signal ended {} there", program.display());
                Err(Coded::new(ExitCode::Measurement, error))
            }
        }
    }

    fn errand(
        &self,
        here: &Path,
        program: &Path,
        arguments: &[String],
        board: &Target,
    ) -> Result<RemoteProgram, Coded> {
        let mut files = Vec::new();
        for path in &self.with {
            files.extend(files_below(path, &place(here, path)).map_err(coded)?);
        }
        let mut moved = Vec::new();
        for argument in arguments {
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
            let all = files_below(&run, &to).map_err(coded)?;
            files.extend(all.into_iter().filter(|(_, to)| read_from_a_run(to)));
            env.insert(RUN.into(), to);
        }
        env.extend(board.env.clone());
        Ok(RemoteProgram {
            program: program.to_path_buf(),
            arguments: moved,
            env,
            files,
            results: criterion_home(program),
            results_variable: CRITERION.into(),
        })
    }
}

/// Of a run directory a bench reads models, jobs and inputs.
fn read_from_a_run(path: &str) -> bool {
    path.contains("/variants/") || path.ends_with("/job.json") || path.ends_with(".safetensors")
}

/// Where a path of this machine goes: as it is below `here`, else in a folder for what lies outside.
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

/// Where criterion's figures lie on this machine: as criterion itself would have it.
fn criterion_home(program: &Path) -> PathBuf {
    if let Some(home) = std::env::var_os(CRITERION) {
        return home.into();
    }
    let built = program.ancestors().find(|folder| folder.join(".rustc_info.json").is_file());
    built.unwrap_or(Path::new("target")).join("criterion")
}

/// Runs an errand on a board. An interrupt stops it and gives a farm's place back.
fn away(
    errand: &RemoteProgram,
    board: &Target,
    name: &str,
    quiet: bool,
) -> Result<Option<i32>, Coded> {
    let stop = catch_interrupts().map_err(|e| Coded::new(ExitCode::Internal, e))?;
    let mut heard = |news| {
        if let (TargetEvent::Note(note), false) = (news, quiet) {
            note!("{}: {note}", board.name);
        }
    };
    let mut site = TargetSession::open(board, Some(stop), &mut heard).map_err(unreachable)?;
    if !quiet {
        let (program, count) = (errand.program.display(), errand.files.len());
        note!("running {program} on `{}` with {count} files", board.name);
    }
    let mut out = super::say::foreign_output();
    let ended = errand
        .run(site.board()?, name, &mut |piece| out.write_all(piece).and_then(|()| out.flush()));
    ended.map_err(unreachable)
}

fn locally(program: &Path, arguments: &[String]) -> Result<Option<i32>, Coded> {
    let status = std::process::Command::new(program).args(arguments).status();
    let failed = |error: std::io::Error| {
        let error = anyhow::Error::from(error).context(format!("run {}", program.display()));
        Coded::new(ExitCode::Input, error)
    };
    Ok(status.map_err(failed)?.code())
}

/// A file of this machine is the user's, a board that does not answer the board's.
fn coded(error: TargetError) -> Coded {
    Coded::new(ExitCode::Input, error)
}

fn unreachable(error: TargetError) -> Coded {
    let code = match &error {
        TargetError::File { .. } | TargetError::RunProgram { .. } => ExitCode::Input,
        TargetError::Failed { .. }
        | TargetError::AnswerRefused { .. }
        | TargetError::AnswerTooLong { .. } => ExitCode::Measurement,
        TargetError::Interrupted => ExitCode::Interrupted,
        _ => ExitCode::Target,
    };
    Coded::new(code, error)
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
            assert!(read_from_a_run(path), "{path}");
        }
        assert!(!read_from_a_run("run/journal/host/blocks.jsonl"));
        assert!(!read_from_a_run("run/ledger.jsonl"));
    }
}
