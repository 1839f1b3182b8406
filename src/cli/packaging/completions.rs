//! `paring completions`.

use crate::cli::{CodedError, CommandLine, say};
use clap::{Args, Command, CommandFactory};
use clap_complete::Shell;

/// Print completions for a shell: `source <(paring completions bash)`
#[derive(Debug, Args)]
pub(in crate::cli) struct CompletionsArgs {
    /// The shell
    shell: Shell,
}

impl CompletionsArgs {
    pub(in crate::cli) fn run(self) -> Result<(), CodedError> {
        let (mut script, mut shown) = (Vec::new(), without_hidden(&CommandLine::command()));
        clap_complete::generate(self.shell, &mut shown, "paring", &mut script);
        say::whole(&String::from_utf8_lossy(&script));
        Ok(())
    }
}

/// The command line without verbs that are no user's, which completions would offer.
fn without_hidden(all: &Command) -> Command {
    let verbs = all.get_subcommands().filter(|verb| !verb.is_hide_set()).cloned();
    let shown = Command::new("paring").version(env!("CARGO_PKG_VERSION")).propagate_version(true);
    shown.args(all.get_arguments().cloned()).subcommands(verbs)
}
