//! The server's life: JSON-RPC messages, one line each, until standard input ends. Calls run in processes
//! of their own, each in its thread, so that a long one holds up nobody.

use super::mcp_tools::{McpTool, TOOLS, ToolArguments, ToolWork};
use super::root_folder::RootFolder;
use crate::cli::say;
use paring_agent::measure::run_to_end;
use rust_mcp_schema::mcp_2025_06_18::{
    CallToolRequestParams, CallToolResult, ContentBlock, Implementation, InitializeResult,
    ListToolsResult, RequestId, RpcError, ServerCapabilities, ServerCapabilitiesTools, TextContent,
};
use serde::Serialize;
use serde_json::{Value, json};
use std::io::BufRead;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// The version of the protocol, which every client since has to know.
const PROTOCOL_VERSION: &str = "2025-06-18";
/// Calls that run at the same time.
const MOST_CALLS: usize = 4;
/// Time limit of a call that measures.
const RUN_LIMIT: Duration = Duration::from_secs(7 * 24 * 3600);

/// Codes of JSON-RPC 2.0.
const PARSE_ERROR: i64 = -32_700;
const INVALID_REQUEST: i64 = -32_600;
const METHOD_NOT_FOUND: i64 = -32_601;
const INVALID_PARAMS: i64 = -32_602;

/// A server with its bounds.
#[derive(Debug)]
pub(super) struct McpServer {
    pub(super) root: RootFolder,
    pub(super) allow_run: bool,
    pub(super) max_bytes: usize,
    pub(super) limit: Duration,
    /// This program.
    pub(super) program: PathBuf,
}

impl McpServer {
    /// Answers until standard input ends, and the last call has.
    ///
    /// # Errors
    /// Standard input cannot be read.
    pub(super) fn serve(&self) -> anyhow::Result<()> {
        let running = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for line in std::io::stdin().lock().lines() {
                let line = line?;
                let Some((id, call)) = self.received(&line) else { continue };
                if running.fetch_add(1, Ordering::Relaxed) >= MOST_CALLS {
                    running.fetch_sub(1, Ordering::Relaxed);
                    let busy = format!("{MOST_CALLS} calls are running; wait for one of them");
                    answer(id, &tool_result(busy, true));
                    continue;
                }
                let running = &running;
                scope.spawn(move || {
                    answer(id, &self.called(&call));
                    running.fetch_sub(1, Ordering::Relaxed);
                });
            }
            Ok(())
        })
    }

    /// Answers a message, but for a call, which is given back to be worked on.
    fn received(&self, line: &str) -> Option<(RequestId, CallToolRequestParams)> {
        if line.trim().is_empty() {
            return None;
        }
        let Ok(message) = serde_json::from_str::<Value>(line) else {
            print(&json!({ "jsonrpc": "2.0", "id": null, "error": fault(PARSE_ERROR, "no JSON") }));
            return None;
        };
        let id = serde_json::from_value::<RequestId>(message["id"].clone());
        let (Some(method), id) = (message["method"].as_str(), id) else {
            // An answer to a request that this server never makes, or nothing at all.
            return None;
        };
        // What has no id is a notification, and wants no answer.
        let id = match (id, message.get("id")) {
            (Ok(id), _) => id,
            (Err(_), None) => return None,
            (Err(_), Some(_)) => {
                let error = fault(INVALID_REQUEST, "`id` must be a string or a number");
                print(&json!({ "jsonrpc": "2.0", "id": null, "error": error }));
                return None;
            }
        };
        match method {
            "initialize" => answer(id, &self.introduction()),
            "ping" => answer(id, &json!({})),
            "tools/list" => {
                let tools = self.tools().map(McpTool::description).collect();
                answer(id, &ListToolsResult { tools, next_cursor: None, meta: None });
            }
            "tools/call" => {
                match serde_json::from_value::<CallToolRequestParams>(message["params"].clone()) {
                    Ok(call) if self.tools().any(|tool| tool.name == call.name) => {
                        return Some((id, call));
                    }
                    Ok(call) => refuse(id, INVALID_PARAMS, &self.unknown_tool(&call.name)),
                    Err(error) => refuse(id, INVALID_PARAMS, &error.to_string()),
                }
            }
            other => refuse(id, METHOD_NOT_FOUND, &format!("no method `{other}`")),
        }
        None
    }

    fn introduction(&self) -> InitializeResult {
        let root = self.root.path().display();
        InitializeResult {
            protocol_version: PROTOCOL_VERSION.into(),
            server_info: Implementation {
                name: env!("CARGO_PKG_NAME").into(),
                title: None,
                version: env!("CARGO_PKG_VERSION").into(),
            },
            capabilities: ServerCapabilities {
                tools: Some(ServerCapabilitiesTools { list_changed: Some(false) }),
                ..ServerCapabilities::default()
            },
            instructions: Some(format!(
                "Runs of paring (compressed ONNX models, measured on boards) below {root}. Paths are meant from there. `list` finds runs, `show` has their figures, `explain` the causes."
            )),
            meta: None,
        }
    }

    fn tools(&self) -> impl Iterator<Item = &'static McpTool> {
        let allow_run = self.allow_run;
        TOOLS.iter().filter(move |tool| allow_run || !tool.runs)
    }

    fn unknown_tool(&self, name: &str) -> String {
        match TOOLS.iter().any(|tool| tool.name == name) {
            true => format!("tool `{name}` needs a server with --allow-run"),
            false => format!("no tool `{name}`"),
        }
    }

    /// The result of a call. What went wrong is told to the caller, not to the protocol.
    fn called(&self, call: &CallToolRequestParams) -> CallToolResult {
        let given: ToolArguments = call.arguments.clone().unwrap_or_default();
        let tool = self.tools().find(|tool| tool.name == call.name);
        let answered =
            tool.ok_or_else(|| self.unknown_tool(&call.name)).and_then(|tool| {
                match tool.work(&given, &self.root)? {
                    ToolWork::Answer(text) => Ok(text),
                    ToolWork::Command(words) => self.ended(tool, &words),
                }
            });
        match answered {
            Ok(text) => tool_result(self.bounded(&text), false),
            Err(problem) => tool_result(problem, true),
        }
    }

    /// The answer of a command line of this program, which ends with this process.
    fn ended(&self, tool: &McpTool, words: &[String]) -> Result<String, String> {
        let mut command = Command::new(&self.program);
        command.args(["agent", "engine"]).arg(std::process::id().to_string()).arg(&self.program);
        command.args(words).args(["--json", "--quiet"]).current_dir(self.root.path());
        let limit = if tool.runs { RUN_LIMIT } else { self.limit };
        let output = run_to_end(command, limit, None).map_err(|failure| failure.to_string())?;
        let text = String::from_utf8_lossy(&output).into_owned();
        match (tool.name, serde_json::from_str::<Value>(&text)) {
            ("gate", Ok(shown)) if shown["gate"].is_null() => {
                Err("the run's protocol has no requirements".into())
            }
            ("gate", Ok(shown)) => Ok(shown["gate"].to_string()),
            (_, Ok(value)) => Ok(value.to_string()),
            (_, Err(_)) => Ok(text),
        }
    }

    /// A text, or its beginning and how long it is.
    fn bounded(&self, text: &str) -> String {
        if text.len() <= self.max_bytes {
            return text.to_string();
        }
        // Escaped once more inside JSON it may be longer.
        let most = self.max_bytes / 2;
        let end = (0..=most).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
        json!({ "cut": true, "bytes": text.len(), "beginning": &text[..end] }).to_string()
    }
}

fn tool_result(text: String, is_error: bool) -> CallToolResult {
    CallToolResult {
        content: vec![ContentBlock::TextContent(TextContent::new(text, None, None))],
        is_error: Some(is_error),
        meta: None,
        structured_content: None,
    }
}

fn fault(code: i64, message: &str) -> Value {
    json!(RpcError { code, data: None, message: message.to_string() })
}

fn answer(id: RequestId, result: &impl Serialize) {
    print(&json!({ "jsonrpc": "2.0", "id": id, "result": result }));
}

fn refuse(id: RequestId, code: i64, message: &str) {
    print(&json!({ "jsonrpc": "2.0", "id": id, "error": fault(code, message) }));
}

/// One message, one line.
fn print(message: &Value) {
    say::whole(&message.to_string());
}
