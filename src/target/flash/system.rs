//! The systems that images hold: which one it is, and files put into its partition without mounting.

use super::FlashError;
use super::table::{Partition, Window, partitions};
use crate::units::Bytes;
use serde::Serialize;
use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};

/// A system that a board boots from an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum System {
    /// Raspberry Pi OS of trixie or later: cloud-init reads the FAT partition.
    CloudInit,
    /// Raspberry Pi OS of bookworm: the kernel's command line names a script on the FAT partition.
    FirstRun,
    /// Jetson Linux: an ext4 root partition called APP.
    Jetson,
}

impl fmt::Display for System {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            System::CloudInit => "Raspberry Pi OS with cloud-init",
            System::FirstRun => "Raspberry Pi OS with firstrun.sh",
            System::Jetson => "Jetson Linux",
        })
    }
}

/// The partition of an image that is written to, and whose it is.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) system: System,
    pub(super) partition: Partition,
}

/// Which system an image holds.
pub(super) fn recognise(path: &Path) -> Result<Found, FlashError> {
    let mut file = File::open(path).map_err(FlashError::io("open", path))?;
    let all = partitions(&mut file, path)?;
    if let Some(app) = all.iter().find(|partition| partition.name == "APP") {
        return Ok(Found { system: System::Jetson, partition: app.clone() });
    }
    let unknown = |found: String| FlashError::UnknownSystem { path: path.to_path_buf(), found };
    let Some(boot) = all.iter().find(|partition| partition.fat) else {
        return Err(unknown(format!("{} partitions, none of them FAT", all.len())));
    };
    let files = Fat::open(path, boot)?.names()?;
    let has = |name: &str| files.iter().any(|file| file.eq_ignore_ascii_case(name));
    if !has("config.txt") || !has("cmdline.txt") {
        return Err(unknown("a FAT partition without config.txt or cmdline.txt".into()));
    }
    let system = match has("user-data") || has("meta-data") || has("network-config") {
        true => System::CloudInit,
        false => System::FirstRun,
    };
    Ok(Found { system, partition: boot.clone() })
}

/// A FAT partition of an image.
pub(super) struct Fat<'a> {
    path: &'a Path,
    files: fatfs::FileSystem<Window>,
}

impl<'a> Fat<'a> {
    pub(super) fn open(path: &'a Path, partition: &Partition) -> Result<Self, FlashError> {
        let failed = FlashError::io("read the FAT partition of", path);
        let file = OpenOptions::new().read(true).write(true).open(path);
        let file = file.map_err(FlashError::io("open", path))?;
        let window = Window::new(file, partition);
        let files = fatfs::FileSystem::new(window, fatfs::FsOptions::new()).map_err(failed)?;
        Ok(Fat { path, files })
    }

    fn names(&self) -> Result<Vec<String>, FlashError> {
        let failed = FlashError::io("read the FAT partition of", self.path);
        let entries = self.files.root_dir().iter();
        entries.map(|entry| Ok(entry.map_err(&failed)?.file_name())).collect()
    }

    /// The text of a file.
    pub(super) fn read(&self, name: &str) -> Result<String, FlashError> {
        let mut text = String::new();
        let opened = self.files.root_dir().open_file(name);
        let read = opened.and_then(|mut file| file.read_to_string(&mut text));
        read.map_err(FlashError::io("read the FAT partition of", self.path))?;
        Ok(text)
    }

    /// Writes a file, whatever stood there.
    pub(super) fn write(&self, name: &str, content: &[u8]) -> Result<(), FlashError> {
        let put = || -> io::Result<()> {
            let root = self.files.root_dir();
            if let Some((folder, _)) = name.rsplit_once('/') {
                root.create_dir(folder)?;
            }
            let mut file = root.create_file(name)?;
            file.truncate()?;
            file.write_all(content)?;
            file.flush()
        };
        put().map_err(FlashError::io("write into the FAT partition of", self.path))
    }

    /// Writes what is still in memory.
    pub(super) fn close(self) -> Result<(), FlashError> {
        self.files.unmount().map_err(FlashError::io("write the FAT partition of", self.path))
    }
}

/// A file for an ext4 partition: absolute path, content, mode.
pub(super) struct RootFile<'a> {
    pub(super) path: &'a str,
    pub(super) content: &'a [u8],
    pub(super) executable: bool,
}

/// Puts files and symbolic links into an ext4 partition by `debugfs` of e2fsprogs.
pub(super) fn write_ext4(
    image: &Path,
    partition: &Partition,
    files: &[RootFile],
    links: &[(&str, &str)],
) -> Result<(), FlashError> {
    let scratch = tempfile::tempdir().map_err(FlashError::io("make a folder beside", image))?;
    let mut script = String::new();
    for (index, RootFile { path, content, executable }) in files.iter().enumerate() {
        let source = scratch.path().join(index.to_string());
        std::fs::write(&source, content).map_err(FlashError::io("write", &source))?;
        for (end, _) in path.match_indices('/').skip(1) {
            script += &format!("mkdir {}\n", &path[..end]);
        }
        let mode = if *executable { "0100755" } else { "0100644" };
        script +=
            &format!("rm {path}\nwrite {} {path}\nsif {path} mode {mode}\n", source.display());
        script += &format!("sif {path} uid 0\nsif {path} gid 0\n");
    }
    for (from, to) in links {
        for (end, _) in from.match_indices('/').skip(1) {
            script += &format!("mkdir {}\n", &from[..end]);
        }
        script += &format!("rm {from}\nsymlink {from} {to}\n");
    }
    debugfs(image, partition, &["-w"], &script)?;
    for RootFile { path, content, .. } in files {
        let found = debugfs(image, partition, &[], &format!("stat {path}\n"))?;
        let size = format!("Size: {}", content.len());
        if !found.lines().any(|line| line.trim_end().ends_with(&size)) {
            let said = format!("{path} is not there after writing; is the partition full?");
            return Err(FlashError::Tool { tool: "debugfs", path: image.to_path_buf(), said });
        }
    }
    Ok(())
}

fn debugfs(
    image: &Path,
    partition: &Partition,
    arguments: &[&str],
    script: &str,
) -> Result<String, FlashError> {
    let failed =
        |said: String| FlashError::Tool { tool: "debugfs", path: image.to_path_buf(), said };
    let at = format!("{}?offset={}", image.display(), partition.start);
    let mut child = Command::new("debugfs")
        .args(arguments)
        .args(["-f", "-", &at])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|e| failed(format!("{e}; install e2fsprogs")))?;
    if let Some(mut input) = child.stdin.take() {
        input.write_all(script.as_bytes()).map_err(|e| failed(e.to_string()))?;
    }
    let output = child.wait_with_output().map_err(|e| failed(e.to_string()))?;
    if !output.status.success() {
        return Err(failed(String::from_utf8_lossy(&output.stderr).trim().to_string()));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

impl Found {
    /// Refuses a partition that cannot hold what is to come.
    pub(super) fn roomy(&self, path: &Path, bytes: u64) -> Result<(), FlashError> {
        match self.partition.bytes.0 > bytes {
            true => Ok(()),
            false => Err(FlashError::TooLarge {
                path: path.to_path_buf(),
                image: Bytes(bytes),
                device: self.partition.bytes,
            }),
        }
    }
}
