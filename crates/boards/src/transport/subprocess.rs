//! Programs of this machine run with bounds on their time and their output.

use crate::TargetError;
use paring_core::text::shortened;
use std::io::{Read, Write};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

/// Bytes of standard error that are kept.
const MOST_STDERR: u64 = 1 << 16;
/// Characters of it that stand in a message.
const LONGEST_MESSAGE: usize = 4_000;
/// Time between two looks at the limits.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// Bounds on a program.
#[derive(Clone, Copy, Debug)]
pub struct ProcessLimits {
    /// It is killed after this long; `None` for as long as it takes.
    pub time: Option<Duration>,
    /// It is killed when it says more than this many bytes.
    pub output: u64,
    /// It is killed when this becomes true.
    pub stop: Option<&'static AtomicBool>,
}

impl ProcessLimits {
    /// Those of a short question with a short answer.
    pub fn short() -> Self {
        ProcessLimits { time: Some(Duration::from_secs(60)), output: 1 << 20, stop: None }
    }

    /// The same with another time.
    pub fn within(self, time: Duration) -> Self {
        ProcessLimits { time: Some(time), ..self }
    }

    fn timed_out(&self, start: Instant) -> bool {
        self.time.is_some_and(|limit| start.elapsed() > limit)
    }

    fn stopped(&self) -> bool {
        self.stop.is_some_and(|stop| stop.load(Ordering::Relaxed))
    }
}

/// The end of a program.
#[derive(Debug)]
pub struct ProcessOutcome {
    /// Its status.
    pub status: ExitStatus,
    /// The beginning of its standard error.
    pub stderr: String,
}

/// Runs a program to its end. `input` goes to its standard input; `on_output` gets its standard output
/// in pieces. `what` names it in errors.
///
/// # Errors
/// [`TargetError`] where it cannot start, is too slow, says too much, or is to stop.
pub(super) fn run(
    command: &mut Command,
    what: &str,
    input: &[u8],
    limits: &ProcessLimits,
    on_output: &mut dyn FnMut(&[u8]) -> std::io::Result<()>,
) -> Result<ProcessOutcome, TargetError> {
    let program = command.get_program().to_string_lossy().into_owned();
    let failed = |source| TargetError::RunProgram { program, doing: what.to_string(), source };
    let spawned =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = spawned.map_err(failed)?;
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    // These threads are not waited for when it is cut off: ssh hands its pipes to the connection,
    // which holds them until the command on the board ends.
    let input = input.to_vec();
    std::thread::spawn(move || {
        // A program that does not read to the end says why by its status.
        stdin.map(|mut stdin| stdin.write_all(&input))
    });
    let stderr = std::thread::spawn(move || stderr.map(read_beginning).unwrap_or_default());
    let (sender, pieces) = sync_channel(16);
    std::thread::spawn(move || {
        let Some(mut stdout) = stdout else { return };
        let mut buffer = vec![0; 1 << 16];
        while let Ok(count @ 1..) = stdout.read(&mut buffer) {
            if sender.send(buffer[..count].to_vec()).is_err() {
                return;
            }
        }
    });
    if let Err(error) = read_output(pieces, what, limits, on_output) {
        // It may have ended meanwhile.
        let _ = child.kill();
        let _ = child.wait();
        return Err(error);
    }
    let status = wait_for_exit(&mut child, what, limits)?;
    let stderr = stderr.join().unwrap_or_default();
    let stderr = String::from_utf8_lossy(&stderr);
    Ok(ProcessOutcome { status, stderr: shortened(stderr.trim(), LONGEST_MESSAGE).into_owned() })
}

fn read_beginning(mut pipe: impl Read) -> Vec<u8> {
    let mut bytes = Vec::new();
    let _ = pipe.by_ref().take(MOST_STDERR).read_to_end(&mut bytes);
    // The rest is read, so that the program does not stand still, and forgotten.
    let _ = std::io::copy(&mut pipe, &mut std::io::sink());
    bytes
}

/// Passes standard output on until its end or a limit.
fn read_output(
    pieces: Receiver<Vec<u8>>,
    what: &str,
    limits: &ProcessLimits,
    on_output: &mut dyn FnMut(&[u8]) -> std::io::Result<()>,
) -> Result<(), TargetError> {
    let start = Instant::now();
    let mut total = 0;
    loop {
        if limits.stopped() {
            return Err(TargetError::Interrupted);
        }
        if let (true, Some(limit)) = (limits.timed_out(start), limits.time) {
            return Err(TargetError::TimedOut { what: what.to_string(), limit });
        }
        match pieces.recv_timeout(POLL_INTERVAL) {
            Ok(piece) => {
                total += piece.len() as u64;
                if total > limits.output {
                    return Err(TargetError::AnswerTooLong {
                        what: what.to_string(),
                        board: None,
                        limit: limits.output,
                    });
                }
                on_output(&piece).map_err(|source| TargetError::StoreAnswer {
                    what: what.to_string(),
                    source,
                })?;
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return Ok(()),
        }
    }
}

/// Waits for the end of a program that has closed its output, or was killed.
fn wait_for_exit(
    child: &mut Child,
    what: &str,
    limits: &ProcessLimits,
) -> Result<ExitStatus, TargetError> {
    let start = Instant::now();
    let failed = |source| TargetError::StoreAnswer { what: what.to_string(), source };
    loop {
        if let Some(status) = child.try_wait().map_err(failed)? {
            return Ok(status);
        }
        if let (true, Some(limit)) = (limits.timed_out(start), limits.time) {
            let _ = child.kill();
            let _ = child.wait();
            return Err(TargetError::TimedOut { what: what.to_string(), limit });
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(
        script: &str,
        input: &[u8],
        limits: &ProcessLimits,
    ) -> Result<(ProcessOutcome, Vec<u8>), TargetError> {
        let mut output = Vec::new();
        let ended = run(Command::new("sh").args(["-c", script]), "ask", input, limits, &mut |b| {
            output.extend_from_slice(b);
            Ok(())
        })?;
        Ok((ended, output))
    }

    #[test]
    fn what_goes_in_comes_out() {
        let input: Vec<u8> = (0..300_000u32).map(|i| i as u8).collect();
        let (ended, output) =
            shell("cat; echo oops >&2; exit 3", &input, &ProcessLimits::short()).unwrap();
        assert!(output == input);
        assert_eq!((ended.status.code(), ended.stderr.as_str()), (Some(3), "oops"));
    }

    #[test]
    fn silence_floods_and_interruptions_are_cut_off() {
        let short =
            ProcessLimits { time: Some(Duration::from_millis(200)), output: 10_000, stop: None };
        let message = |script, limits| shell(script, b"", limits).unwrap_err().to_string();
        assert_eq!(message("exec sleep 30", &short), "ask: no answer within 0.2 s");
        assert_eq!(
            message("exec cat /dev/zero", &short),
            "ask: the answer is longer than 10000 bytes; cut off"
        );
        static STOP: AtomicBool = AtomicBool::new(true);
        let stopped = ProcessLimits { time: None, output: 1, stop: Some(&STOP) };
        assert!(matches!(shell("exec sleep 30", b"", &stopped), Err(TargetError::Interrupted)));
    }
}
