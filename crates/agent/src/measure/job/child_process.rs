//! Processes: a block's own, watched from its parent, and a child that does not outlive its parent.

use rustix::process::{
    Pid, Resource, Rlimit, Signal, getppid, getrlimit, set_parent_process_death_signal, setrlimit,
};
use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// A block's result is at most this long: a child that says more is broken.
const MOST_OUTPUT: u64 = 256 << 20;

/// Has the kernel kill this process when its parent, process `parent`, ends, however it ends.
pub fn die_with_parent(parent: u32) {
    // On failure the worst is an orphan that finishes its block; the journal's lock keeps order.
    let _ = set_parent_process_death_signal(Some(Signal::KILL));
    let alive = getppid().map(Pid::as_raw_pid) == i32::try_from(parent).ok();
    if !alive {
        std::process::exit(1);
    }
}

/// Bounds the memory that this process may write to, as far as whoever started it allows; it ends at
/// the first allocation beyond. A crash leaves no core file. A bound can be raised again.
pub fn bound_memory(bytes: u64) {
    let bound = |resource, wanted: u64| {
        let Rlimit { maximum, .. } = getrlimit(resource);
        let current = Some(maximum.map_or(wanted, |most| most.min(wanted)));
        // Without the bound the parent's limit on time is left.
        let _ = setrlimit(resource, Rlimit { current, maximum });
    };
    bound(Resource::Data, bytes);
    bound(Resource::Core, 0);
}

/// Failure of a process.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProcessFailure {
    /// It could not be started.
    #[error("start {program}: {why}")]
    Start {
        /// The program.
        program: String,
        /// The system's words.
        why: String,
    },
    /// It was killed.
    #[error("killed after the limit of {} s", .0.as_secs())]
    TimedOut(Duration),
    /// It ended with a status other than success, or by a signal.
    #[error("{how}{}{said}", if said.is_empty() { "" } else { ": " })]
    Ended {
        /// The status or signal.
        how: String,
        /// The last lines of its standard error.
        said: String,
    },
}

/// Interval at which the machine is looked at while a block runs.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Runs a command to its end or the limit, and gives what it wrote to its standard output. `look` is
/// called now and then in between; without it nothing happens until the command ends.
///
/// # Errors
/// [`ProcessFailure`] says how the process ended, with the end of what it wrote to its standard error.
pub fn run_to_end(
    mut command: Command,
    limit: Duration,
    mut look: Option<&mut dyn FnMut()>,
) -> Result<Vec<u8>, ProcessFailure> {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // What a crash says is its first line, not where it was.
        .env("RUST_BACKTRACE", "0")
        .spawn()
        .map_err(|e| ProcessFailure::Start {
            program: command.get_program().display().to_string(),
            why: e.to_string(),
        })?;
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
        (Err(_), _) => Err(ProcessFailure::TimedOut(limit)),
        (Ok(_), Err(how)) => Err(ProcessFailure::Ended { how, said: last_lines(&said) }),
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
        run_to_end(command, Duration::from_millis(500), None).map_err(|e| e.to_string())
    }

    #[test]
    fn tells_success_failure_crash_and_hang_apart() {
        assert_eq!(shell("echo ok").unwrap(), b"ok\n");
        assert_eq!(shell("echo bad >&2; exit 3").unwrap_err(), "exit status: 3: bad");
        assert!(shell("kill -SEGV $$").unwrap_err().contains("signal: 11"));
        assert_eq!(shell("exec sleep 5").unwrap_err(), "killed after the limit of 0 s");
    }

    #[test]
    fn a_bound_on_memory_ends_what_allocates_beyond_it() {
        // In this test's own process every other test would have the bound too.
        let own = std::env::current_exe().unwrap();
        let mut command = Command::new(own);
        command.args([
            "--exact",
            "measure::job::child_process::tests::allocates_when_asked",
            "--nocapture",
        ]);
        command.env("PARING_TEST_ALLOCATES", "1");
        let ended = run_to_end(command, Duration::from_secs(20), None).unwrap_err().to_string();
        assert!(ended.contains("memory allocation of 268435456 bytes failed"), "{ended}");
    }

    /// The process of the test above.
    #[test]
    fn allocates_when_asked() {
        if std::env::var_os("PARING_TEST_ALLOCATES").is_some() {
            bound_memory(128 << 20);
            let bytes = std::hint::black_box(vec![1u8; 1 << 20]);
            bound_memory(160 << 20);
            let more = std::hint::black_box(vec![1u8; 256 << 20]);
            panic!("{} bytes", bytes.len() + more.len());
        }
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
