//! Programs of this machine that speak for a board: bounded in time and in what they may say.

use super::TargetError;
use paring_core::text::shortened;
use std::io::{Read, Write};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

/// How much of what goes wrong is kept.
const MOST_COMPLAINTS: u64 = 1 << 16;
/// How many characters of it stand in a message.
const LONGEST_COMPLAINT: usize = 4_000;
/// How often a wait looks whether it should end.
const GLANCE: Duration = Duration::from_millis(50);

/// Bounds on a program.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// It is killed after this long; `None` for as long as it takes.
    pub time: Option<Duration>,
    /// It is killed when it says more than this many bytes.
    pub output: u64,
    /// It is killed when this becomes true.
    pub stop: Option<&'static AtomicBool>,
}

impl Limits {
    /// Those of a short question with a short answer.
    pub fn short() -> Self {
        Limits { time: Some(Duration::from_secs(60)), output: 1 << 20, stop: None }
    }

    /// The same with another time.
    pub fn within(self, time: Duration) -> Self {
        Limits { time: Some(time), ..self }
    }

    fn passed(&self, begun: Instant) -> bool {
        self.time.is_some_and(|limit| begun.elapsed() > limit)
    }

    fn stopped(&self) -> bool {
        self.stop.is_some_and(|stop| stop.load(Ordering::Relaxed))
    }
}

/// How a program ended.
#[derive(Debug)]
pub struct Ended {
    /// Its status.
    pub status: ExitStatus,
    /// The beginning of what it wrote to its standard error.
    pub said: String,
}

/// Runs a program to its end. `input` goes to its standard input; `heard` gets its standard output
/// in pieces. `what` names it in errors.
///
/// # Errors
/// [`TargetError`] where it cannot start, is too slow, says too much, or is to stop.
pub(super) fn run(
    command: &mut Command,
    what: &str,
    input: &[u8],
    limits: &Limits,
    heard: &mut dyn FnMut(&[u8]) -> std::io::Result<()>,
) -> Result<Ended, TargetError> {
    let program = command.get_program().to_string_lossy().into_owned();
    let tool = |source| TargetError::Tool { program, doing: what.to_string(), source };
    let spawned =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = spawned.map_err(tool)?;
    let (to, from, complaints) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    // These threads are not waited for when it is cut off: ssh hands its pipes to the connection,
    // which holds them until the command on the board ends.
    let input = input.to_vec();
    std::thread::spawn(move || {
        // A program that does not read to the end says why by its status.
        to.map(|mut to| to.write_all(&input))
    });
    let said = std::thread::spawn(move || complaints.map(beginning).unwrap_or_default());
    let (sender, pieces) = sync_channel(16);
    std::thread::spawn(move || {
        let Some(mut from) = from else { return };
        let mut buffer = vec![0; 1 << 16];
        while let Ok(count @ 1..) = from.read(&mut buffer) {
            if sender.send(buffer[..count].to_vec()).is_err() {
                return;
            }
        }
    });
    if let Err(error) = listen(pieces, what, limits, heard) {
        // It may have ended meanwhile.
        let _ = child.kill();
        let _ = child.wait();
        return Err(error);
    }
    let status = end(&mut child, what, limits)?;
    let said = said.join().unwrap_or_default();
    let said = String::from_utf8_lossy(&said);
    Ok(Ended { status, said: shortened(said.trim(), LONGEST_COMPLAINT).into_owned() })
}

fn beginning(mut pipe: impl Read) -> Vec<u8> {
    let mut bytes = Vec::new();
    let _ = pipe.by_ref().take(MOST_COMPLAINTS).read_to_end(&mut bytes);
    // The rest is read, so that the program does not stand still, and forgotten.
    let _ = std::io::copy(&mut pipe, &mut std::io::sink());
    bytes
}

/// Passes on what is said until its end or a limit.
fn listen(
    pieces: Receiver<Vec<u8>>,
    what: &str,
    limits: &Limits,
    heard: &mut dyn FnMut(&[u8]) -> std::io::Result<()>,
) -> Result<(), TargetError> {
    let begun = Instant::now();
    let mut total = 0;
    loop {
        if limits.stopped() {
            return Err(TargetError::Interrupted);
        }
        if let (true, Some(limit)) = (limits.passed(begun), limits.time) {
            return Err(TargetError::Slow { what: what.to_string(), limit });
        }
        match pieces.recv_timeout(GLANCE) {
            Ok(piece) => {
                total += piece.len() as u64;
                if total > limits.output {
                    return Err(TargetError::Flood {
                        what: what.to_string(),
                        board: None,
                        limit: limits.output,
                    });
                }
                heard(&piece)
                    .map_err(|source| TargetError::Keep { what: what.to_string(), source })?;
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return Ok(()),
        }
    }
}

/// Waits for the end of a program that has closed its output, or was killed.
fn end(child: &mut Child, what: &str, limits: &Limits) -> Result<ExitStatus, TargetError> {
    let begun = Instant::now();
    let failed = |source| TargetError::Keep { what: what.to_string(), source };
    loop {
        if let Some(status) = child.try_wait().map_err(failed)? {
            return Ok(status);
        }
        if let (true, Some(limit)) = (limits.passed(begun), limits.time) {
            let _ = child.kill();
            let _ = child.wait();
            return Err(TargetError::Slow { what: what.to_string(), limit });
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, input: &[u8], limits: &Limits) -> Result<(Ended, Vec<u8>), TargetError> {
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
            shell("cat; echo oops >&2; exit 3", &input, &Limits::short()).unwrap();
        assert!(output == input);
        assert_eq!((ended.status.code(), ended.said.as_str()), (Some(3), "oops"));
    }

    #[test]
    fn silence_floods_and_interruptions_are_cut_off() {
        let short = Limits { time: Some(Duration::from_millis(200)), output: 10_000, stop: None };
        let message = |script, limits| shell(script, b"", limits).unwrap_err().to_string();
        assert_eq!(message("exec sleep 30", &short), "ask: no answer within 0.2 s");
        assert_eq!(
            message("exec cat /dev/zero", &short),
            "ask: the answer is longer than 10000 bytes; cut off"
        );
        static STOP: AtomicBool = AtomicBool::new(true);
        let stopped = Limits { time: None, output: 1, stop: Some(&STOP) };
        assert!(matches!(shell("exec sleep 30", b"", &stopped), Err(TargetError::Interrupted)));
    }
}
