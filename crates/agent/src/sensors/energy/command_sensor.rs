//! A user's command that prints watts: one number a line as long as it runs, or one number each time
//! it runs.

use paring_core::schema::MissingReason;
use rustix::process::{Pid, Signal, kill_process_group};
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// A command that prints one number is run again this often.
pub(super) const PERIOD: Duration = Duration::from_millis(100);
/// A command that prints nothing for so long is given up.
const SILENCE: Duration = Duration::from_secs(10);
/// Longest wait for a reading before the sampler may look whether it should end.
const PATIENCE: Duration = Duration::from_millis(100);

/// The command, started.
#[derive(Debug)]
pub(super) struct CommandSensor {
    command: String,
    run: SensorCommand,
    heard: Instant,
}

/// One start of it. Dropping it ends it and all that it started.
#[derive(Debug)]
struct SensorCommand {
    child: Child,
    started: Instant,
    lines: Receiver<(Instant, String)>,
    said: usize,
    ended: bool,
    complaints: Option<JoinHandle<String>>,
}

impl CommandSensor {
    /// Starts the command in a shell, and waits for its first number.
    ///
    /// # Errors
    /// Why there is no number.
    pub(super) fn open(command: &str) -> Result<Self, MissingReason> {
        let run = SensorCommand::start(command)?;
        let mut found = CommandSensor { command: command.to_string(), run, heard: Instant::now() };
        while found.read()?.is_none() {}
        Ok(found)
    }

    /// The next number, in milliwatts, and when it came; `None` where none came for a while.
    ///
    /// # Errors
    /// Where the command failed, fell silent, or printed something else.
    pub(super) fn read(&mut self) -> Result<Option<(Instant, f64)>, MissingReason> {
        let shown = || format!("command `{}`", self.command);
        match self.run.lines.recv_timeout(PATIENCE) {
            Ok((at, line)) => {
                (self.heard, self.run.said) = (at, self.run.said + 1);
                let watts = line.trim().parse::<f64>().ok().filter(|w| w.is_finite() && *w >= 0.0);
                let broken =
                    || MissingReason(format!("{} prints `{line}`, which is no power", shown()));
                Ok(Some((at, watts.ok_or_else(broken)? * 1e3)))
            }
            Err(RecvTimeoutError::Timeout) if self.heard.elapsed() > SILENCE => {
                let seconds = SILENCE.as_secs();
                Err(MissingReason(format!("{} printed nothing for {seconds} s", shown())))
            }
            Err(RecvTimeoutError::Timeout) => Ok(None),
            Err(RecvTimeoutError::Disconnected) => {
                let one = self.run.said == 1;
                let how = self.run.end();
                match how {
                    Ok(()) if one => {
                        std::thread::sleep(PERIOD.saturating_sub(self.run.started.elapsed()));
                        self.run = SensorCommand::start(&self.command)?;
                        Ok(None)
                    }
                    Ok(()) => {
                        Err(MissingReason(format!("{} ended; it should go on printing", shown())))
                    }
                    Err(how) => Err(MissingReason(format!("{} failed: {how}", shown()))),
                }
            }
        }
    }
}

impl SensorCommand {
    fn start(command: &str) -> Result<Self, MissingReason> {
        let mut shell = std::process::Command::new("sh");
        let shell = shell.arg("-c").arg(command).process_group(0);
        let piped = shell.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let started = Instant::now();
        let mut child =
            piped.spawn().map_err(|e| MissingReason(format!("start `{command}`: {e}")))?;
        let (sender, lines) = channel();
        if let Some(out) = child.stdout.take() {
            std::thread::spawn(move || {
                for line in BufReader::new(out).lines().map_while(Result::ok) {
                    if sender.send((Instant::now(), line)).is_err() {
                        return;
                    }
                }
            });
        }
        let complaints =
            child.stderr.take().map(|pipe| std::thread::spawn(move || last_line(pipe)));
        Ok(SensorCommand { child, started, lines, said: 0, ended: false, complaints })
    }

    fn end(&mut self) -> Result<(), String> {
        self.ended = true;
        let complaint = self.complaints.take().and_then(|thread| thread.join().ok());
        match self.child.wait() {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(format!("{status}: {}", complaint.unwrap_or_default())),
            Err(error) => Err(error.to_string()),
        }
    }
}

impl Drop for SensorCommand {
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        // The group, because the shell's own children would go on printing.
        if let Some(group) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            let _ = kill_process_group(group, Signal::KILL);
        }
        let _ = self.child.wait();
    }
}

fn last_line(pipe: impl Read) -> String {
    BufReader::new(pipe).lines().map_while(Result::ok).last().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refused(command: &str, expected: &str) {
        let MissingReason(why) = CommandSensor::open(command).unwrap_err();
        assert!(why.starts_with(&format!("command `{command}` {expected}")), "{why}");
    }

    #[test]
    fn numbers_come_from_a_stream_or_from_runs_one_after_the_other() {
        for command in ["while :; do echo 2.5; sleep 0.01; done", "echo 2.5"] {
            let mut watts = CommandSensor::open(command).unwrap();
            let mut found = Vec::new();
            while found.len() < 3 {
                found.extend(watts.read().unwrap().map(|(_, milliwatts)| milliwatts));
            }
            assert_eq!(found, [2_500.0; 3]);
        }
    }

    #[test]
    fn a_command_that_gives_no_power_says_why() {
        refused("echo P=2.5W", "prints `P=2.5W`, which is no power");
        refused("echo -2.5", "prints `-2.5`");
        refused("echo no meter >&2; exit 3", "failed: exit status: 3: no meter");
        refused("exit 0", "ended; it should go on printing");
    }
}
