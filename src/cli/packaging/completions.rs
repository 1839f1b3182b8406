//! `paring completions`.

use crate::cli::{CodedError, CommandLine, say};
use clap::{Args, CommandFactory};
use clap_complete::Shell;

/// Print completions for a shell: `source <(paring completions bash)`
#[derive(Debug, Args)]
pub(in crate::cli) struct CompletionsArgs {
    /// The shell
    shell: Shell,
}

impl CompletionsArgs {
    pub(in crate::cli) fn run(self) -> Result<(), CodedError> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut CommandLine::command(), "paring", &mut script);
        say::whole(&String::from_utf8_lossy(&script));
        Ok(())
    }
}
