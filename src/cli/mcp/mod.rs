//! `paring mcp`: verbs as tools of the Model Context Protocol, over standard input and output.

mod mcp_args;
mod mcp_server;
mod mcp_tools;
mod root_folder;

pub(in crate::cli) use mcp_args::McpArgs;
