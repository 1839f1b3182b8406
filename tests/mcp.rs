//! `paring mcp`: a client's side by hand, over standard input and output.

mod common;
#[path = "common/runs.rs"]
mod runs;

use common::digits;
use runs::measured;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// A server, and a client that waits for each answer.
struct Client {
    child: Child,
    requests: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    id: u64,
}

impl Client {
    fn start(root: &Path, more: &[&str]) -> Client {
        let mut child = Command::new(env!("CARGO_BIN_EXE_paring"))
            .args(["mcp", "--root", root.to_str().unwrap()])
            .args(more)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (requests, answers) =
            (child.stdin.take(), BufReader::new(child.stdout.take().unwrap()));
        let mut client = Client { child, requests, answers, id: 0 };
        let introduced = client.ask(
            "initialize",
            json!({ "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": { "name": "test", "version": "0" } }),
        );
        assert_eq!(introduced["result"]["protocolVersion"], "2025-06-18");
        assert_eq!(introduced["result"]["serverInfo"]["name"], "paring");
        client
            .send(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }).to_string());
        client
    }

    fn send(&mut self, line: &str) {
        writeln!(self.requests.as_mut().unwrap(), "{line}").unwrap();
    }

    fn hear(&mut self) -> Value {
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"))
    }

    fn ask(&mut self, method: &str, params: Value) -> Value {
        self.id += 1;
        let message =
            json!({ "jsonrpc": "2.0", "id": self.id, "method": method, "params": params });
        self.send(&message.to_string());
        let answer = self.hear();
        assert_eq!(answer["id"], self.id, "{answer}");
        answer
    }

    /// Text of a tool's answer, and whether it is an error.
    fn call(&mut self, tool: &str, arguments: Value) -> (String, bool) {
        let answer = self.ask("tools/call", json!({ "name": tool, "arguments": arguments }));
        let result = &answer["result"];
        let text = result["content"][0]["text"].as_str().unwrap_or_else(|| panic!("{answer}"));
        (text.to_string(), result["isError"].as_bool().unwrap())
    }

    fn end(mut self) {
        drop(self.requests.take());
        assert!(self.child.wait().unwrap().success());
    }
}

#[test]
fn runs_and_models_are_read_over_the_protocol() {
    let folder = tempfile::tempdir().unwrap();
    let run = measured(folder.path());
    let name = run.file_name().unwrap().to_str().unwrap().to_string();
    std::fs::copy(digits("digits_cnn.onnx"), folder.path().join("model.onnx")).unwrap();
    let before = runs::files(&run);
    let mut client = Client::start(folder.path(), &[]);

    let listed = client.ask("tools/list", json!({}));
    let tools = listed["result"]["tools"].as_array().unwrap();
    let names: Vec<&str> = tools.iter().map(|tool| tool["name"].as_str().unwrap()).collect();
    let expected = ["list", "show", "gate", "verify", "explain", "report", "catalog", "diff"];
    assert_eq!(names, expected);
    for tool in tools {
        assert_eq!(tool["inputSchema"]["type"], "object");
        assert_eq!(tool["annotations"]["readOnlyHint"], true);
    }

    let (text, failed) = client.call("show", json!({ "run": name }));
    let shown: Value = serde_json::from_str(&text).unwrap();
    assert!(!failed && !shown["rows"].as_array().unwrap().is_empty());
    let (text, failed) = client.call("list", json!({}));
    assert!(!failed && text.contains(&name), "{text}");
    let (text, failed) = client.call("verify", json!({ "run": name }));
    assert!(!failed, "{text}");
    let (text, failed) = client.call("catalog", json!({ "model": "model.onnx" }));
    assert!(!failed && serde_json::from_str::<Value>(&text).is_ok());
    let (text, failed) = client.call("report", json!({ "run": name }));
    assert!(!failed && text.contains("report.html"), "{text}");
    let variant = format!("{name}/variants/pruned.onnx");
    let (text, failed) = client.call("diff", json!({ "base": "model.onnx", "variant": variant }));
    assert!(!failed && serde_json::from_str::<Value>(&text).is_ok(), "{text}");

    // What goes wrong is told to the caller.
    let outside = client.call("show", json!({ "run": "/etc" }));
    assert!(outside.1 && outside.0.contains("/etc is outside of"), "{outside:?}");
    let (text, failed) = client.call("explain", json!({ "run": name }));
    assert!(failed && text.contains("`paring explain` makes it"), "{text}");
    let (text, failed) = client.call("show", json!({ "run": "model.onnx" }));
    assert!(failed && text.contains("not a run directory"), "{text}");
    let refused = client.ask("tools/call", json!({ "name": "run", "arguments": {} }));
    assert!(refused["error"]["message"].as_str().unwrap().contains("--allow-run"), "{refused}");
    let unknown = client.ask("resources/list", json!({}));
    assert_eq!(unknown["error"]["code"], -32601);
    assert_eq!(client.ask("ping", json!({}))["result"], json!({}));
    client.send("{no json");
    assert_eq!(client.hear()["error"]["code"], -32700);
    client.send(&json!({ "jsonrpc": "2.0", "id": { "odd": 1 }, "method": "ping" }).to_string());
    assert_eq!(client.hear()["error"]["code"], -32600);
    client.end();
    assert_eq!(runs::files(&run), before, "tools that read write nothing");

    // Long answers are cut, and still JSON.
    let mut client = Client::start(folder.path(), &["--max-bytes", "1000"]);
    let (text, _) = client.call("show", json!({ "run": name }));
    let cut: Value = serde_json::from_str(&text).unwrap();
    assert!(
        cut["cut"] == true && cut["bytes"].as_u64().unwrap() > 1000 && text.len() < 2000,
        "{cut}"
    );
    client.end();
}

#[test]
fn a_study_runs_where_that_is_allowed_and_its_files_are_inside() {
    let folder = tempfile::tempdir().unwrap();
    let study = |model: &Path, data: &Path| {
        format!(
            "[study]\nname = \"mcp\"\nowner = \"tests\"\n[model]\npath = {model:?}\n[data]\npath = {data:?}\n\
             [protocol]\nprobes = 0\n\
             [[variant]]\nname = \"half\"\nsteps = [{{ prune = \"channels\", ratio = 0.5, criterion = \"l1\" }}]\n"
        )
    };
    for name in ["digits_cnn.onnx", "digits.npz"] {
        std::fs::copy(digits(name), folder.path().join(name)).unwrap();
    }
    let inside = study(Path::new("digits_cnn.onnx"), Path::new("digits.npz"));
    std::fs::write(folder.path().join("study.toml"), inside).unwrap();
    let outside = study(Path::new("digits_cnn.onnx"), &digits("digits.npz"));
    std::fs::write(folder.path().join("outside.toml"), outside).unwrap();
    let mut client = Client::start(folder.path(), &["--allow-run"]);
    let of = |study: &str, out: &str| json!({ "study": study, "out": out, "compress_only": true });
    let (text, failed) = client.call("run", of("outside.toml", "run"));
    assert!(failed && text.contains("is outside of"), "{text}");
    let (text, failed) = client.call("run", of("study.toml", "../run"));
    assert!(failed && text.contains("is outside of"), "{text}");
    let (text, failed) = client.call("run", of("study.toml", "run"));
    assert!(!failed, "{text}");
    assert!(folder.path().join("run/variants/half.onnx").exists());
    client.end();
}
