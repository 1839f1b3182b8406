//! A connection to a board through the system's `ssh`: the user's configuration, keys, agent, jump
//! hosts and known hosts, strictly.
//!
//! One `ssh` stays connected for as long as the connection lives, and ends with this process however
//! that ends, because it waits for the end of a pipe from it; every command goes through it. Driven
//! as a program rather than through a library: an interrupt from the terminal must not reach it,
//! and boards without sftp must do.

use super::shell_quoting::command_line;
use super::subprocess::{self, ProcessLimits, ProcessOutcome};
use crate::TargetError;
use std::ffi::OsStr;
use std::io::{Read, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::channel;
use std::time::Duration;

/// A board that has not answered by then is not there.
const CONNECT_LIMIT: Duration = Duration::from_secs(30);
/// Sent to a `cat` on the board, which sends it back.
const GREETING: &[u8] = b"paring greets\n";
/// Bytes before the greeting that are looked at.
const MOST_CHATTER: usize = 1 << 16;

/// The address of a board.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SshAddress {
    /// `user@host`, a host, or a name in ssh's configuration.
    pub destination: String,
    /// The port, where ssh's configuration does not know it.
    pub port: Option<u16>,
    /// A configuration instead of the user's.
    pub config: Option<PathBuf>,
}

/// An open connection. Files go over it by [`SshConnection::upload`], in `file_upload.rs`.
#[derive(Debug)]
pub struct SshConnection {
    address: SshAddress,
    /// Holds the control socket.
    folder: tempfile::TempDir,
    master: Child,
    /// Its end is the master's.
    pipe: Option<ChildStdin>,
    stop: Option<&'static AtomicBool>,
}

impl SshConnection {
    /// Connects. Commands end early when `stop` becomes true.
    ///
    /// # Errors
    /// [`TargetError::Unreachable`] with the words of ssh and a remedy.
    pub fn open(
        address: &SshAddress,
        stop: Option<&'static AtomicBool>,
    ) -> Result<SshConnection, TargetError> {
        let doing = || format!("connect to `{}`", address.destination);
        let failed =
            |source| TargetError::RunProgram { program: "ssh".into(), doing: doing(), source };
        let folder = tempfile::Builder::new().prefix("paring-").tempdir().map_err(failed)?;
        let log = folder.path().join("log");
        let errors = std::fs::File::create(&log).map_err(failed)?;
        let mut command = ssh(address, folder.path());
        command.args(["-M", "-o", "ControlPersist=no", "--"]).arg(&address.destination);
        command.arg(command_line(&["cat"])?);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(errors);
        let mut master = command.spawn().map_err(failed)?;
        let (pipe, stdout) = (master.stdin.take(), master.stdout.take());
        let mut connection = SshConnection { address: address.clone(), folder, master, pipe, stop };
        let greeted = connection.greet(stdout);
        if let Err(error @ TargetError::Broken { .. }) = greeted {
            let _ = connection.master.wait();
            let message = std::fs::read(&log).unwrap_or_default();
            let message = String::from_utf8_lossy(&message).trim().replace("\r\n", "\n");
            return Err(connection_error(address, &message).unwrap_or(error));
        }
        greeted.map(|()| connection)
    }

    /// Sends the greeting and waits for it to come back.
    fn greet(&mut self, stdout: Option<impl Read + Send + 'static>) -> Result<(), TargetError> {
        let broken = || self.broken(String::new());
        let (mut pipe, mut stdout) =
            (self.pipe.as_ref().ok_or_else(broken)?, stdout.ok_or_else(broken)?);
        pipe.write_all(GREETING).map_err(|_| self.broken(String::new()))?;
        let (sender, answers) = channel();
        std::thread::spawn(move || {
            let (mut received, mut piece) = (Vec::new(), [0; 1024]);
            while !received.ends_with(GREETING) && received.len() < MOST_CHATTER {
                match stdout.read(&mut piece) {
                    Ok(count @ 1..) => received.extend_from_slice(&piece[..count]),
                    _ => break,
                }
            }
            sender.send(received)
        });
        let received = answers.recv_timeout(CONNECT_LIMIT).map_err(|_| {
            let message = format!("no answer within {} s", CONNECT_LIMIT.as_secs());
            TargetError::Unreachable {
                destination: self.address.destination.clone(),
                message,
                hint: None,
                transient: true,
            }
        })?;
        match received.strip_suffix(GREETING) {
            Some([]) => Ok(()),
            Some(chatter) => Err(TargetError::ShellChatter {
                destination: self.address.destination.clone(),
                message: excerpt(chatter),
            }),
            None if received.is_empty() => Err(self.broken(String::new())),
            None => Err(TargetError::UnexpectedAnswer {
                what: "greet".into(),
                message: excerpt(&received),
            }),
        }
    }

    /// Runs a command on the board to its end. `input` goes to its standard input, `on_output` gets its
    /// standard output in pieces.
    ///
    /// # Errors
    /// [`TargetError`] where the connection breaks or a limit is met; a command that fails is an
    /// answer, not an error.
    pub fn stream(
        &self,
        arguments: &[impl AsRef<OsStr>],
        input: &[u8],
        limits: &ProcessLimits,
        on_output: &mut dyn FnMut(&[u8]) -> std::io::Result<()>,
    ) -> Result<ProcessOutcome, TargetError> {
        let mut command = ssh(&self.address, self.folder.path());
        command.args(["-o", "ControlMaster=no", "--"]).arg(&self.address.destination);
        command.arg(command_line(arguments)?);
        let limits = ProcessLimits { stop: limits.stop.or(self.stop), ..*limits };
        let ended =
            subprocess::run(&mut command, &command_name(arguments), input, &limits, on_output)?;
        // ssh's own failures end with 255, and so may a command.
        if ended.status.code() == Some(255) && !self.alive() {
            return Err(self.broken(ended.stderr));
        }
        Ok(ended)
    }

    /// Runs a command on the board and gives what it wrote to its standard output.
    ///
    /// # Errors
    /// [`TargetError`], also where the command fails.
    pub fn run(
        &self,
        arguments: &[impl AsRef<OsStr>],
        limits: &ProcessLimits,
    ) -> Result<Vec<u8>, TargetError> {
        self.run_with_input(arguments, &[], limits)
    }

    /// [`SshConnection::run`] with `input` for the command's standard input.
    ///
    /// # Errors
    /// [`TargetError`], also where the command fails.
    pub fn run_with_input(
        &self,
        arguments: &[impl AsRef<OsStr>],
        input: &[u8],
        limits: &ProcessLimits,
    ) -> Result<Vec<u8>, TargetError> {
        let mut output = Vec::new();
        self.run_to_success(arguments, input, limits, &mut output)?;
        Ok(output)
    }

    /// Runs a command on the board and writes its standard output to `to`, as it comes.
    ///
    /// # Errors
    /// [`TargetError`], also where the command fails; a part of the output may have been written.
    pub(crate) fn run_into(
        &self,
        arguments: &[impl AsRef<OsStr>],
        limits: &ProcessLimits,
        to: &mut dyn Write,
    ) -> Result<(), TargetError> {
        self.run_to_success(arguments, &[], limits, to)
    }

    fn run_to_success(
        &self,
        arguments: &[impl AsRef<OsStr>],
        input: &[u8],
        limits: &ProcessLimits,
        to: &mut dyn Write,
    ) -> Result<(), TargetError> {
        let ended = self.stream(arguments, input, limits, &mut |piece| to.write_all(piece))?;
        if ended.status.success() {
            return Ok(());
        }
        Err(TargetError::Failed {
            what: command_name(arguments),
            status: ended.status.to_string(),
            message: ended.stderr,
        })
    }

    /// The board, for messages.
    pub fn destination(&self) -> &str {
        &self.address.destination
    }

    fn alive(&self) -> bool {
        let mut check = ssh(&self.address, self.folder.path());
        check.args(["-O", "check", "--"]).arg(&self.address.destination);
        let limits =
            ProcessLimits { stop: None, ..ProcessLimits::short().within(Duration::from_secs(5)) };
        subprocess::run(&mut check, "check", &[], &limits, &mut |_| Ok(()))
            .is_ok_and(|ended| ended.status.success())
    }

    fn broken(&self, message: String) -> TargetError {
        TargetError::Broken { destination: self.address.destination.clone(), message }
    }
}

impl Drop for SshConnection {
    fn drop(&mut self) {
        drop(self.pipe.take());
        // Commands that still run on the board are not waited for.
        let _ = self.master.kill();
        let _ = self.master.wait();
    }
}

/// `ssh` with the options of every call. It has a process group of its own: an interrupt from the
/// terminal is this program's to handle.
fn ssh(address: &SshAddress, folder: &Path) -> Command {
    let mut command = Command::new("ssh");
    if let Some(config) = &address.config {
        command.arg("-F").arg(config);
    }
    if let Some(port) = address.port {
        command.args(["-p", &port.to_string()]);
    }
    command.arg("-T").arg("-S").arg(folder.join("s"));
    for option in [
        "BatchMode=yes",
        "StrictHostKeyChecking=yes",
        "ConnectTimeout=10",
        "ServerAliveInterval=5",
        "ServerAliveCountMax=3",
        "ClearAllForwardings=yes",
        // A board is not lent the user's keys.
        "ForwardAgent=no",
        "ForwardX11=no",
        "PermitLocalCommand=no",
        "RemoteCommand=none",
    ] {
        command.args(["-o", option]);
    }
    command.process_group(0);
    command
}

/// A command for a person to reach the same board with the same configuration; `program` is `ssh`, say.
fn command_to_type(program: &str, address: &SshAddress) -> String {
    let mut words = vec![program.to_string()];
    if let Some(config) = &address.config {
        words.extend(["-F".into(), config.to_string_lossy().into_owned()]);
    }
    if let Some(number) = address.port {
        words.extend(["-p".into(), number.to_string()]);
    }
    words.push(address.destination.clone());
    let quoted = |word: &String| match shlex::try_quote(word) {
        Ok(word) => word.into_owned(),
        Err(_) => word.clone(),
    };
    words.iter().map(quoted).collect::<Vec<_>>().join(" ")
}

/// True where another try may help, and a remedy.
fn remedy(address: &SshAddress, message: &str) -> (bool, Option<String>) {
    let said = |words: &[&str]| words.iter().any(|word| message.contains(word));
    if said(&["REMOTE HOST IDENTIFICATION HAS CHANGED"]) {
        let why = "its host key is not the known one: find out why before you remove the old one with `ssh-keygen -R`";
        (false, Some(why.into()))
    } else if said(&["Host key verification failed"]) {
        let command = command_to_type("ssh", address);
        (
            false,
            Some(format!(
                "its host key is not known yet: type `{command}`, and compare the fingerprint before you accept it"
            )),
        )
    } else if said(&["Permission denied"]) {
        let command = command_to_type("ssh-copy-id", address);
        (false, Some(format!("let it accept your key: `{command}`")))
    } else if said(&["Could not resolve", "not known"]) {
        (true, Some("is the name right, and the board on the network?".into()))
    } else {
        let own = ["Bad owner", "Bad configuration", "Can't open user config"];
        (!said(&own), None)
    }
}

/// The error for a connection that ssh did not make, with its words and a remedy.
fn connection_error(address: &SshAddress, message: &str) -> Option<TargetError> {
    let lines: Vec<&str> = message.lines().filter(|line| !line.starts_with('@')).collect();
    let (transient, hint) = remedy(address, message);
    let last = lines.last().filter(|line| !line.is_empty())?;
    Some(TargetError::Unreachable {
        destination: address.destination.clone(),
        message: (*last).to_string(),
        hint,
        transient,
    })
}

/// The beginning of an answer, for a message.
pub(crate) fn excerpt(bytes: &[u8]) -> String {
    let text: String = String::from_utf8_lossy(bytes).trim().chars().take(80).collect();
    text.escape_debug().to_string()
}

/// The name of a command in messages: its program, or the title of a shell script.
fn command_name(arguments: &[impl AsRef<OsStr>]) -> String {
    let first = arguments.first().map(|a| a.as_ref().to_string_lossy().into_owned());
    let shell = first.as_deref() == Some("sh");
    match arguments.get(3).filter(|_| shell) {
        Some(name) => name.as_ref().to_string_lossy().into_owned(),
        None => format!("`{}`", first.unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remedies_are_commands_for_this_board() {
        #[track_caller]
        fn says(message: &str, expected: &str) {
            let address = SshAddress {
                destination: "pi@shed".into(),
                port: Some(2222),
                config: Some("my ssh/config".into()),
            };
            let error = connection_error(&address, message).unwrap();
            assert_eq!(error.to_string(), format!("reach `pi@shed`: {message}{expected}"));
        }
        says(
            "Host key verification failed.",
            "; its host key is not known yet: type `ssh -F 'my ssh/config' -p 2222 pi@shed`, and compare the fingerprint before you accept it",
        );
        says(
            "pi@shed: Permission denied (publickey).",
            "; let it accept your key: `ssh-copy-id -F 'my ssh/config' -p 2222 pi@shed`",
        );
        says("Bad configuration option: x", "");
    }
}
