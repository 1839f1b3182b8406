//! A board made of a local sshd: its own port, keys and work folder, nothing of the user's.
#![allow(dead_code, reason = "each test binary uses a part")]

use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const LOOPBACK: &str = "127.0.0.1";

/// An sshd on this machine that plays a board.
pub struct SshdBoard {
    folder: tempfile::TempDir,
    sshd: Option<Child>,
    port: u16,
    /// The address that it listens on.
    host: String,
    /// The network namespace it lives in, where that is not this machine's.
    namespace: Option<String>,
}

impl SshdBoard {
    /// Starts one; a reason where this machine cannot.
    pub fn start() -> Result<SshdBoard, String> {
        let listener = TcpListener::bind((LOOPBACK, 0)).map_err(|e| e.to_string())?;
        let port = listener.local_addr().map_err(|e| e.to_string())?.port();
        drop(listener);
        SshdBoard::at(LOOPBACK, port, None)
    }

    /// Starts one at the other end of a cable: in a network namespace that is there already, on an
    /// address of it.
    pub fn start_in_namespace(namespace: &str, host: &str) -> Result<SshdBoard, String> {
        SshdBoard::at(host, 2222, Some(namespace.to_string()))
    }

    fn at(host: &str, port: u16, namespace: Option<String>) -> Result<SshdBoard, String> {
        let folder =
            tempfile::Builder::new().prefix("board-").tempdir().map_err(|e| e.to_string())?;
        let mut board = SshdBoard { folder, sshd: None, port, host: host.to_string(), namespace };
        board.key("host_key")?;
        board.key("user_key")?;
        board.configure();
        // sshd asks for this folder when it is started by root.
        let _ = std::fs::create_dir("/run/sshd");
        board.boot()?;
        Ok(board)
    }

    /// A folder of this board.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Its port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The ssh configuration that leads to it, as `board`.
    pub fn config(&self) -> PathBuf {
        self.path("ssh_config")
    }

    /// Starts the sshd, and waits until it listens.
    pub fn boot(&mut self) -> Result<(), String> {
        let program = ["/usr/sbin/sshd", "/usr/bin/sshd", "/sbin/sshd"];
        let sshd = program.iter().find(|p| Path::new(p).exists()).ok_or("sshd is not installed")?;
        let log = std::fs::File::create(self.path("sshd.log")).map_err(|e| e.to_string())?;
        let mut command = match &self.namespace {
            None => Command::new(sshd),
            Some(namespace) => {
                let mut command = Command::new("ip");
                command.args(["netns", "exec", namespace, sshd]);
                command
            }
        };
        command.args(["-D", "-e", "-f"]).arg(self.path("sshd_config"));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let mut child = command.spawn().map_err(|e| format!("start sshd: {e}"))?;
        let start = Instant::now();
        while TcpStream::connect((self.host.as_str(), self.port)).is_err() {
            if child.try_wait().is_ok_and(|ended| ended.is_some())
                || start.elapsed() > Duration::from_secs(10)
            {
                let said = std::fs::read_to_string(self.path("sshd.log")).unwrap_or_default();
                return Err(format!("sshd does not listen: {said}"));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        self.sshd = Some(child);
        Ok(())
    }

    /// Ends the sshd and every connection through it: what runs detached goes on.
    pub fn unplug(&mut self) {
        if let Some(mut sshd) = self.sshd.take() {
            for child in descendants(sshd.id()) {
                let _ = Command::new("kill").args(["-9", &child.to_string()]).output();
            }
            let _ = sshd.kill();
            let _ = sshd.wait();
        }
    }

    /// Everything that runs on it: sessions, what they started, and the agent with its blocks.
    pub fn processes(&self, agent: Option<u32>) -> Vec<u32> {
        let own = self.sshd.iter().map(Child::id).chain(agent);
        own.flat_map(|pid| std::iter::once(pid).chain(descendants(pid))).collect()
    }

    /// Takes its power away: nothing that ran on it goes on, or says goodbye.
    pub fn power_off(&mut self, agent: Option<u32>) {
        let all = self.processes(agent);
        signal("KILL", &all);
        self.unplug();
        let start = Instant::now();
        while all.iter().any(|pid| is_running(*pid)) {
            assert!(start.elapsed() < Duration::from_secs(60), "killed, and still there");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Leads its ssh configuration to another port of this machine.
    pub fn redirect_to_port(&self, port: u16) {
        let at = |name| std::fs::read_to_string(self.path(name)).unwrap();
        let config =
            at("ssh_config").replace(&format!("Port {}", self.port), &format!("Port {port}"));
        std::fs::write(self.config(), config).unwrap();
        let known = format!("[{LOOPBACK}]:{port} {}", at("host_key.pub"));
        std::fs::write(self.path("known_hosts"), known).unwrap();
    }

    /// Gives it another host key than the known one, as a stranger on its address would have.
    pub fn replace_host_key(&mut self) {
        self.unplug();
        std::fs::remove_file(self.path("host_key")).unwrap();
        std::fs::remove_file(self.path("host_key.pub")).unwrap();
        self.key("host_key").unwrap();
        self.boot().unwrap();
    }

    fn key(&self, name: &str) -> Result<(), String> {
        let made = Command::new("ssh-keygen")
            .args(["-q", "-t", "ed25519", "-N", "", "-f"])
            .arg(self.path(name))
            .stdin(Stdio::null())
            .status();
        match made {
            Ok(status) if status.success() => Ok(()),
            _ => Err("ssh-keygen is not installed".into()),
        }
    }

    fn configure(&self) {
        let (at, port) = (|name: &str| self.path(name).display().to_string(), self.port);
        let host = &self.host;
        let read = |name: &str| std::fs::read_to_string(self.path(name)).unwrap();
        std::fs::copy(self.path("user_key.pub"), self.path("authorized_keys")).unwrap();
        // A home of its own: what a user's shell does when it starts, and leaves half done when it
        // is killed, is another matter.
        std::fs::create_dir(self.path("home")).unwrap();
        let known = format!("[{host}]:{port} {}", read("host_key.pub"));
        std::fs::write(self.path("known_hosts"), known).unwrap();
        let server = format!(
            "Port {port}\nListenAddress {host}\nHostKey {}\nAuthorizedKeysFile {}\n\
             StrictModes no\nUsePAM no\nPidFile none\nMaxStartups 100\nSetEnv HOME={}\n",
            at("host_key"),
            at("authorized_keys"),
            at("home"),
        );
        std::fs::write(self.path("sshd_config"), server).unwrap();
        let client = format!(
            "Host board {host}\n  HostName {host}\n  Port {port}\n  IdentityFile {}\n  \
             IdentitiesOnly yes\n  UserKnownHostsFile {}\n  GlobalKnownHostsFile /dev/null\n",
            at("user_key"),
            at("known_hosts"),
        );
        std::fs::write(self.config(), client).unwrap();
    }
}

impl Drop for SshdBoard {
    fn drop(&mut self) {
        self.unplug();
    }
}

/// Sends a signal to processes, some of which may have ended.
pub fn signal(name: &str, processes: &[u32]) {
    for pid in processes {
        let _ = Command::new("kill").args(["-s", name, &pid.to_string()]).output();
    }
}

/// True of a process that runs; one that has ended and that nobody asked about does not.
pub fn is_running(pid: u32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    status.lines().any(|line| line.starts_with("State:") && !line.contains('Z'))
}

/// Processes that a process started, and theirs, deepest last.
pub fn descendants(parent: u32) -> Vec<u32> {
    let listed = Command::new("ps").args(["-o", "pid=", "--ppid", &parent.to_string()]).output();
    let text = listed.map(|o| String::from_utf8_lossy(&o.stdout).into_owned()).unwrap_or_default();
    let own: Vec<u32> = text.split_whitespace().filter_map(|pid| pid.parse().ok()).collect();
    let theirs = own.iter().flat_map(|pid| descendants(*pid)).collect::<Vec<_>>();
    own.into_iter().chain(theirs).collect()
}
