//! A connection to a board through the system's `ssh`: the user's configuration, keys, agent, jump
//! hosts and known hosts, strictly.
//!
//! One `ssh` stays connected for as long as the connection lives, and ends with this process however
//! that ends, because it waits for the end of a pipe from it; every command goes through it. Driven
//! as a program rather than through a library: an interrupt from the terminal must not reach it,
//! and boards without sftp must do.

use super::child::{self, Ended, Limits};
use super::quote::command_line;
use super::{TargetError, child::Limits as Bounds};
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
/// Sent to be sent back.
const GREETING: &[u8] = b"paring greets\n";
/// How much of what stands before the greeting is looked at.
const MOST_CHATTER: usize = 1 << 16;

/// Where a board is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// `user@host`, a host, or a name in ssh's configuration.
    pub destination: String,
    /// The port, where ssh's configuration does not know it.
    pub port: Option<u16>,
    /// A configuration instead of the user's.
    pub config: Option<PathBuf>,
}

/// An open connection.
#[derive(Debug)]
pub struct Connection {
    address: Address,
    /// Holds the control socket.
    folder: tempfile::TempDir,
    master: Child,
    /// Its end is the master's.
    pipe: Option<ChildStdin>,
    stop: Option<&'static AtomicBool>,
}

impl Connection {
    /// Connects. Commands end early when `stop` becomes true.
    ///
    /// # Errors
    /// [`TargetError::Unreachable`] with what ssh said and what to do about it.
    pub fn open(
        address: &Address,
        stop: Option<&'static AtomicBool>,
    ) -> Result<Connection, TargetError> {
        let doing = || format!("connect to `{}`", address.destination);
        let tool = |source| TargetError::Tool { program: "ssh".into(), doing: doing(), source };
        let folder = tempfile::Builder::new().prefix("paring-").tempdir().map_err(tool)?;
        let log = folder.path().join("log");
        let errors = std::fs::File::create(&log).map_err(tool)?;
        let mut command = ssh(address, folder.path());
        command.args(["-M", "-o", "ControlPersist=no", "--"]).arg(&address.destination);
        command.arg(command_line(&["cat"])?);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(errors);
        let mut master = command.spawn().map_err(tool)?;
        let (pipe, answer) = (master.stdin.take(), master.stdout.take());
        let mut connection = Connection { address: address.clone(), folder, master, pipe, stop };
        let greeted = connection.greet(answer);
        if let Err(error @ TargetError::Broken { .. }) = greeted {
            let _ = connection.master.wait();
            let said = std::fs::read(&log).unwrap_or_default();
            let said = String::from_utf8_lossy(&said).trim().replace("\r\n", "\n");
            return Err(refusal(address, &said).unwrap_or(error));
        }
        greeted.map(|()| connection)
    }

    /// Sends the greeting and waits for it to come back.
    fn greet(&mut self, answer: Option<impl Read + Send + 'static>) -> Result<(), TargetError> {
        let broken = || self.broken(String::new());
        let (mut pipe, mut answer) =
            (self.pipe.as_ref().ok_or_else(broken)?, answer.ok_or_else(broken)?);
        pipe.write_all(GREETING).map_err(|_| self.broken(String::new()))?;
        let (sender, answers) = channel();
        std::thread::spawn(move || {
            let (mut said, mut piece) = (Vec::new(), [0; 1024]);
            while !said.ends_with(GREETING) && said.len() < MOST_CHATTER {
                match answer.read(&mut piece) {
                    Ok(count @ 1..) => said.extend_from_slice(&piece[..count]),
                    _ => break,
                }
            }
            sender.send(said)
        });
        let said = answers.recv_timeout(CONNECT_LIMIT).map_err(|_| {
            let said = format!("no answer within {} s", CONNECT_LIMIT.as_secs());
            TargetError::Unreachable {
                destination: self.address.destination.clone(),
                said,
                hint: None,
                passing: true,
            }
        })?;
        match said.strip_suffix(GREETING) {
            Some([]) => Ok(()),
            Some(chatter) => Err(TargetError::Chatter {
                destination: self.address.destination.clone(),
                said: excerpt(chatter),
            }),
            None if said.is_empty() => Err(self.broken(String::new())),
            None => Err(TargetError::Garbage { what: "greet".into(), said: excerpt(&said) }),
        }
    }

    /// Runs a command on the board to its end. `input` goes to its standard input, `heard` gets its
    /// standard output in pieces.
    ///
    /// # Errors
    /// [`TargetError`] where the connection breaks or a limit is met; a command that fails is an
    /// answer, not an error.
    pub fn stream(
        &self,
        arguments: &[impl AsRef<OsStr>],
        input: &[u8],
        limits: &Limits,
        heard: &mut dyn FnMut(&[u8]) -> std::io::Result<()>,
    ) -> Result<Ended, TargetError> {
        let mut command = ssh(&self.address, self.folder.path());
        command.args(["-o", "ControlMaster=no", "--"]).arg(&self.address.destination);
        command.arg(command_line(arguments)?);
        let limits = Bounds { stop: limits.stop.or(self.stop), ..*limits };
        let ended = child::run(&mut command, &named(arguments), input, &limits, heard)?;
        // ssh's own failures end with 255, and so may a command.
        if ended.status.code() == Some(255) && !self.alive() {
            return Err(self.broken(ended.said));
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
        limits: &Limits,
    ) -> Result<Vec<u8>, TargetError> {
        self.feed(arguments, &[], limits)
    }

    /// [`Connection::run`] with something for the command's standard input.
    ///
    /// # Errors
    /// [`TargetError`], also where the command fails.
    pub fn feed(
        &self,
        arguments: &[impl AsRef<OsStr>],
        input: &[u8],
        limits: &Limits,
    ) -> Result<Vec<u8>, TargetError> {
        let mut output = Vec::new();
        self.succeed(arguments, input, limits, &mut output)?;
        Ok(output)
    }

    /// Runs a command on the board and writes its standard output to `to`, as it comes.
    ///
    /// # Errors
    /// [`TargetError`], also where the command fails; a part of the output may have been written.
    pub(super) fn save(
        &self,
        arguments: &[impl AsRef<OsStr>],
        limits: &Limits,
        to: &mut dyn Write,
    ) -> Result<(), TargetError> {
        self.succeed(arguments, &[], limits, to)
    }

    fn succeed(
        &self,
        arguments: &[impl AsRef<OsStr>],
        input: &[u8],
        limits: &Limits,
        to: &mut dyn Write,
    ) -> Result<(), TargetError> {
        let ended = self.stream(arguments, input, limits, &mut |piece| to.write_all(piece))?;
        if ended.status.success() {
            return Ok(());
        }
        Err(TargetError::Failed {
            what: named(arguments),
            status: ended.status.to_string(),
            said: ended.said,
        })
    }

    /// The board, for messages.
    pub fn destination(&self) -> &str {
        &self.address.destination
    }

    fn alive(&self) -> bool {
        let mut check = ssh(&self.address, self.folder.path());
        check.args(["-O", "check", "--"]).arg(&self.address.destination);
        let limits = Limits { stop: None, ..Limits::short().within(Duration::from_secs(5)) };
        child::run(&mut check, "check", &[], &limits, &mut |_| Ok(()))
            .is_ok_and(|ended| ended.status.success())
    }

    fn broken(&self, said: String) -> TargetError {
        TargetError::Broken { destination: self.address.destination.clone(), said }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        drop(self.pipe.take());
        // Commands that still run on the board are not waited for.
        let _ = self.master.kill();
        let _ = self.master.wait();
    }
}

/// `ssh` with what holds for every call. It has a process group of its own: an interrupt from the
/// terminal is this program's to handle.
fn ssh(address: &Address, folder: &Path) -> Command {
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

/// What ssh said about a connection that did not come about, and what to do.
fn refusal(address: &Address, said: &str) -> Option<TargetError> {
    let lines: Vec<&str> = said.lines().filter(|line| !line.starts_with('@')).collect();
    let (passing, hint) = if said.contains("REMOTE HOST IDENTIFICATION HAS CHANGED") {
        (
            false,
            Some(
                "its host key is not the known one: find out why before you remove the old one with `ssh-keygen -R`",
            ),
        )
    } else if said.contains("Host key verification failed") {
        (
            false,
            Some(
                "its host key is not known yet: connect once with `ssh` and compare the fingerprint",
            ),
        )
    } else if said.contains("Permission denied") {
        (false, Some("let it accept your key: `ssh-copy-id`"))
    } else if said.contains("Could not resolve") || said.contains("not known") {
        (true, Some("is the name right, and the board on the network?"))
    } else if said.contains("Bad owner")
        || said.contains("Bad configuration")
        || said.contains("Can't open user config")
    {
        (false, None)
    } else {
        (true, None)
    };
    let last = lines.last().filter(|line| !line.is_empty())?;
    Some(TargetError::Unreachable {
        destination: address.destination.clone(),
        said: (*last).to_string(),
        hint,
        passing,
    })
}

/// The beginning of an answer, for a message.
pub(super) fn excerpt(bytes: &[u8]) -> String {
    let text: String = String::from_utf8_lossy(bytes).trim().chars().take(80).collect();
    text.escape_debug().to_string()
}

/// A command in a message: the program, and what it does where it is a shell.
fn named(arguments: &[impl AsRef<OsStr>]) -> String {
    let first = arguments.first().map(|a| a.as_ref().to_string_lossy().into_owned());
    let shell = first.as_deref() == Some("sh");
    match arguments.get(3).filter(|_| shell) {
        Some(name) => name.as_ref().to_string_lossy().into_owned(),
        None => format!("`{}`", first.unwrap_or_default()),
    }
}
