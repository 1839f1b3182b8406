//! Arguments of `paring mcp`.

use super::mcp_server::McpServer;
use super::root_folder::RootFolder;
use crate::cli::{CodedError, ExitCode};
use anyhow::Context;
use clap::Args;
use std::path::PathBuf;
use std::time::Duration;

/// Serve verbs as tools of the Model Context Protocol, on standard input and output.
///
/// Tools read runs and models below one folder; none of them writes, unless --allow-run is given.
#[derive(Debug, Args)]
pub(in crate::cli) struct McpArgs {
    /// The folder that tools may read; paths are meant from here
    #[arg(long, default_value = ".")]
    root: PathBuf,
    /// Also offer `run` and `compress`, which write run directories below the folder and use the machine
    #[arg(long)]
    allow_run: bool,
    /// Longest answer of a tool in bytes; the rest is cut off, and said to be
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(1_000..=10_000_000))]
    max_bytes: u64,
    /// Time limit of a tool that reads, in seconds
    #[arg(long, default_value_t = 120, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    limit_s: u64,
}

impl McpArgs {
    pub(in crate::cli) fn run(self) -> Result<(), CodedError> {
        let root = RootFolder::open(&self.root).map_err(|problem| {
            CodedError::new(ExitCode::Input, anyhow::anyhow!("--root {problem}"))
        })?;
        let program = std::env::current_exe().context("find this program's own file");
        let program = program.map_err(|error| CodedError::new(ExitCode::Internal, error))?;
        let server = McpServer {
            root,
            allow_run: self.allow_run,
            max_bytes: self.max_bytes as usize,
            limit: Duration::from_secs(self.limit_s),
            program,
        };
        server.serve().map_err(|error| CodedError::new(ExitCode::Internal, error))
    }
}
