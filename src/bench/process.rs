//! Processes: a block's own, watched from its parent, and a child that does not outlive its parent.

use rustix::process::{Pid, Signal, getppid, set_parent_process_death_signal};
use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// A block's result is at most this long: a child that says more is broken.
const MOST_OUTPUT: u64 = 256 << 20;

/// Has the kernel kill this process when its parent, process `parent`, ends, however it ends.
pub(super) fn die_with_parent(parent: u32) {
    // On failure the worst is an orphan that finishes its block; the journal's lock keeps order.
    let _ = set_parent_process_death_signal(Some(Signal::KILL));
    let alive = getppid().map(Pid::as_raw_pid) == i32::try_from(parent).ok();
    if !alive {
        std::process::exit(1);
    }
}

/// So often a machine is looked at while a block runs.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Runs a command to its end or the limit, and gives what it wrote to its standard output. `look` is
/// called now and then in between; without it nothing happens until the command ends.
///
/// # Errors
/// For a person: how the process ended, and the end of what it wrote to its standard error.
pub(super) fn run_to_end(
    mut command: Command,
    limit: Duration,
    mut look: Option<&mut dyn FnMut()>,
) -> Result<Vec<u8>, String> {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // What a crash says is its first line, not where it was.
        .env("RUST_BACKTRACE", "0")
        .spawn()
        .map_err(|e| format!("start {}: {e}", command.get_program().display()))?;
    let (sender, receiver) = mpsc::channel();
    let out = child.stdout.take();
    let complaints = child.stderr.take();
    let errors = std::thread::spawn(move || drain(complaints));
    std::thread::spawn(move || sender.send(drain(out)));
    // The output's end is the process's end: nobody asks the kernel whether it still runs.
    let begun = Instant::now();
    let output = loop {
        let left = limit.saturating_sub(begun.elapsed());
        let next = if look.is_some() { left.min(LOOK_EVERY) } else { left };
        match (receiver.recv_timeout(next), &mut look) {
            (Err(mpsc::RecvTimeoutError::Timeout), Some(look)) if begun.elapsed() < limit => look(),
            (answer, _) => break answer,
        }
    };
    if output.is_err() {
        let _ = child.kill();
    }
    let ended = end(&mut child);
    let said = errors.join().unwrap_or_default();
    let said = String::from_utf8_lossy(&said);
    match (output, ended) {
        (Err(_), _) => Err(format!("killed after the limit of {} s", limit.as_secs())),
        (Ok(_), Err(how)) if said.trim().is_empty() => Err(how),
        (Ok(_), Err(how)) => Err(format!("{how}: {}", last_lines(&said))),
        (Ok(output), Ok(())) => Ok(output),
    }
}

fn drain(pipe: Option<impl Read>) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Some(pipe) = pipe {
        // What was read before an error is what there is.
        let _ = pipe.take(MOST_OUTPUT).read_to_end(&mut bytes);
    }
    bytes
}

fn end(child: &mut Child) -> Result<(), String> {
    match child.wait() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(status.to_string()),
        Err(error) => Err(error.to_string()),
    }
}

fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(3)..].join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Result<Vec<u8>, String> {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        run_to_end(command, Duration::from_millis(500), None)
    }

    #[test]
    fn tells_success_failure_crash_and_hang_apart() {
        assert_eq!(shell("echo ok").unwrap(), b"ok\n");
        assert_eq!(shell("echo bad >&2; exit 3").unwrap_err(), "exit status: 3: bad");
        assert!(shell("kill -SEGV $$").unwrap_err().contains("signal: 11"));
        assert_eq!(shell("exec sleep 5").unwrap_err(), "killed after the limit of 0 s");
    }

    #[test]
    fn looks_now_and_then() {
        let mut looks = 0;
        let mut command = Command::new("sleep");
        command.arg("0.6");
        let limit = Duration::from_secs(20);
        run_to_end(command, limit, Some(&mut || looks += 1)).unwrap();
        assert!((1..=3).contains(&looks), "{looks}");
    }
}
