//! `paring runner`.

use crate::cli::progress::ProgressPrinter;
use crate::cli::{CodedError, ExitCode, GlobalOptions, say};
use crate::workflow::{self, RunnerOptions};
use clap::Args;
use std::path::PathBuf;

/// Run a program that Cargo built on a board, and bring criterion's figures back.
#[derive(Debug, Args)]
pub(in crate::cli) struct RunnerArgs {
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

impl RunnerArgs {
    pub(in crate::cli) fn run(self, global: &GlobalOptions) -> Result<(), CodedError> {
        let Some((program, arguments)) = self.program.split_first() else {
            let error = anyhow::anyhow!("no program to run");
            return Err(CodedError::new(ExitCode::Input, error));
        };
        let options = RunnerOptions {
            target: self.target,
            with: self.with,
            program: program.into(),
            arguments: arguments.to_vec(),
            trust: global.trust(),
        };
        let printer = ProgressPrinter::new(global.quiet);
        let mut out = say::foreign_output();
        let code = workflow::run_program(&options, &mut *out, &|event| printer.show(event))?;
        match code {
            Some(0) => Ok(()),
            // Cargo shows the program's own code.
            Some(code) => std::process::exit(code),
            None => {
                let program = options.program.display();
                let error = anyhow::anyhow!("a signal ended {program} there");
                Err(CodedError::new(ExitCode::Measurement, error))
            }
        }
    }
}
