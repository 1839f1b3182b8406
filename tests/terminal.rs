//! Verbs on a terminal of 80 columns and 24 lines: what is on the screen when they have ended.

mod common;

use common::{digits, skipped};
use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

/// A terminal, kept by tmux.
struct Terminal {
    folder: tempfile::TempDir,
}

impl Terminal {
    fn tmux(&self, words: &[&str]) -> Option<Output> {
        let mut tmux = Command::new("tmux");
        tmux.arg("-S").arg(self.folder.path().join("tmux")).args(["-f", "/dev/null"]).args(words);
        tmux.env("PARING_FORECASTS", self.folder.path().join("forecasts.jsonl")).output().ok()
    }

    /// Runs a command line in a new terminal in `folder`, and gives every line of it; `None` without tmux.
    fn run(folder: tempfile::TempDir, command: &str) -> Option<String> {
        let terminal = Terminal { folder };
        let script = format!("{command}; echo ended $?; sleep 600");
        let at = terminal.folder.path().to_str().unwrap();
        let begun = terminal.tmux(&[
            "new-session",
            "-d",
            "-x",
            "80",
            "-y",
            "24",
            "-c",
            at,
            "sh",
            "-c",
            &script,
        ])?;
        assert!(begun.status.success(), "{begun:?}");
        let start = Instant::now();
        loop {
            let shown = terminal.tmux(&["capture-pane", "-p", "-S", "-2000"])?;
            let text = String::from_utf8_lossy(&shown.stdout).into_owned();
            if text.lines().any(|line| line.starts_with("ended ")) {
                terminal.tmux(&["kill-server"]);
                return Some(text);
            }
            assert!(start.elapsed() < Duration::from_secs(600), "it does not end:\n{text}");
            std::thread::sleep(Duration::from_millis(200));
        }
    }
}

fn study(folder: &Path) {
    let text = format!(
        "[study]\nname = \"small\"\nowner = \"tests\"\n[model]\npath = {:?}\n[data]\npath = {:?}\n\
         [protocol]\nprobes = 4\nsolo_ms = 10\npaired_ms = 10\n\
         [[variant]]\nname = \"half\"\nsteps = [{{ prune = \"channels\", ratio = 0.5 }}]\n\
         [[variant]]\nname = \"nhwc\"\nengine = [\"conv_nhwc\"]\n",
        digits("digits_cnn.onnx"),
        digits("digits.npz"),
    );
    std::fs::write(folder.join("study.toml"), text).unwrap();
}

/// Nouns of counts.
const PLURALS: [&str; 6] = ["predictions", "samples", "blocks", "rows", "groups", "components"];

/// First words of bars, which are gone when a stage has ended.
const STAGES: [&str; 8] =
    ["forecast", "compress", "evaluate", "measure", "upload", "explain", "ask", "report"];

#[track_caller]
fn is_tidy(screen: &str) {
    assert!(screen.lines().any(|line| line == "ended 0"), "{screen}");
    let is_bar = |line: &&str| {
        line.starts_with(' ') && STAGES.iter().any(|stage| line.trim_start().starts_with(stage))
    };
    let left = screen.lines().filter(is_bar).collect::<Vec<_>>();
    assert!(left.is_empty(), "bars that nobody cleared: {left:?}\n{screen}");
    let words: Vec<&str> = screen.split_whitespace().collect();
    let odd = words.iter().find(|word| ["0/0", "us", "us,", "-0.00", "−0.00"].contains(word));
    assert!(odd.is_none(), "`{odd:?}` in:\n{screen}");
    let one = words.windows(2).find(|pair| pair[0] == "1" && PLURALS.contains(&pair[1]));
    assert!(one.is_none(), "{one:?} in:\n{screen}");
}

#[test]
fn a_quick_run_leaves_a_table_and_few_lines() {
    let folder = tempfile::tempdir().unwrap();
    study(folder.path());
    let paring = env!("CARGO_BIN_EXE_paring");
    let command = format!(
        "{paring} run study.toml --quick --out run && {paring} show run && {paring} compare run run"
    );
    let Some(screen) = Terminal::run(folder, &command) else {
        return skipped("a run on a terminal, because tmux is not installed");
    };
    is_tidy(&screen);
    let (run, rest) = screen.split_once("manifest").unwrap_or_else(|| panic!("{screen}"));
    assert!(run.contains("µs"), "{run}");
    assert!(run.matches("not valid:").count() < 2, "one reason is said once:\n{run}");
    assert!(rest.contains("half"), "{rest}");
}

#[test]
fn an_explanation_leaves_lines_that_fit() {
    let folder = tempfile::tempdir().unwrap();
    study(folder.path());
    let paring = env!("CARGO_BIN_EXE_paring");
    let command = format!(
        "{paring} compress study.toml --out run --quiet >made.txt && {paring} explain run --minutes 0.2"
    );
    let Some(screen) = Terminal::run(folder, &command) else {
        return skipped("an explanation on a terminal, because tmux is not installed");
    };
    is_tidy(&screen);
}
