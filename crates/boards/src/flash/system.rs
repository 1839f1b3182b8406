//! The systems that images hold: which one it is, and files put into its partition without mounting.

use super::FlashError;
use super::source::open_image;
use super::table::{Partition, Window, partitions};
use paring_core::guard::catch_panic;
use paring_core::units::Bytes;
use serde::Serialize;
use std::fmt;
use std::fs::OpenOptions;
use std::io::{self, Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};

/// What is done where reading files of a FAT partition fails.
const READ: &str = "read the FAT partition of";
/// The root folder of a boot partition has some dozens.
const MOST_ENTRIES: usize = 65_536;
/// The kernel's command line has some hundred bytes.
const MOST_TEXT: u64 = 1 << 20;

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
    let mut file = open_image(path)?;
    let all = partitions(&mut file, path)?;
    if let Some(app) = all.iter().find(|partition| partition.name == "APP") {
        return Ok(Found { system: System::Jetson, partition: app.clone() });
    }
    let unknown = |found: String| FlashError::UnknownSystem { path: path.to_path_buf(), found };
    let Some(boot) = all.iter().find(|partition| partition.fat) else {
        return Err(unknown(format!("{} partitions, none of them FAT", all.len())));
    };
    let files = Fat::open_to_read(path, boot)?.names()?;
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

/// A FAT partition of an image. Its library panics at some images: every call is guarded, and so is the
/// last one, which is made when this is dropped.
pub(super) struct Fat<'a> {
    path: &'a Path,
    /// `None` once it was closed.
    files: Option<FileSystem>,
}

type FileSystem = fatfs::FileSystem<Window>;

impl<'a> Fat<'a> {
    /// Opens a partition to change its files.
    pub(super) fn open(path: &'a Path, partition: &Partition) -> Result<Self, FlashError> {
        Fat::mount(path, partition, OpenOptions::new().read(true).write(true))
    }

    /// Opens a partition of an image that stays as it is.
    fn open_to_read(path: &'a Path, partition: &Partition) -> Result<Self, FlashError> {
        Fat::mount(path, partition, OpenOptions::new().read(true))
    }

    fn mount(
        path: &'a Path,
        partition: &Partition,
        options: &OpenOptions,
    ) -> Result<Self, FlashError> {
        let file = options.open(path).map_err(FlashError::io("open", path))?;
        let window = Window::new(file, partition);
        let mounted = || fatfs::FileSystem::new(window, fatfs::FsOptions::new());
        Ok(Fat { path, files: Some(guarded(READ, path, mounted)?) })
    }

    fn call<T>(
        &self,
        doing: &'static str,
        call: impl FnOnce(&FileSystem) -> io::Result<T>,
    ) -> Result<T, FlashError> {
        let closed = || io::Error::other("it was closed");
        guarded(doing, self.path, || call(self.files.as_ref().ok_or_else(closed)?))
    }

    fn names(&self) -> Result<Vec<String>, FlashError> {
        self.call(READ, |files| {
            // A folder whose clusters go round in a circle has no end.
            let entries = files.root_dir().iter().take(MOST_ENTRIES + 1);
            let names = entries.map(|entry| Ok(entry?.file_name()));
            let names = names.collect::<io::Result<Vec<String>>>()?;
            match names.len() {
                0..=MOST_ENTRIES => Ok(names),
                _ => Err(io::Error::other("its folder has no end")),
            }
        })
    }

    /// The text of a file.
    pub(super) fn read(&self, name: &str) -> Result<String, FlashError> {
        self.call(READ, |files| {
            let mut text = String::new();
            files.root_dir().open_file(name)?.take(MOST_TEXT).read_to_string(&mut text)?;
            Ok(text)
        })
    }

    /// Writes a file, whatever stood there.
    pub(super) fn write(&self, name: &str, content: &[u8]) -> Result<(), FlashError> {
        self.call("write into the FAT partition of", |files| {
            let root = files.root_dir();
            if let Some((folder, _)) = name.rsplit_once('/') {
                root.create_dir(folder)?;
            }
            let mut file = root.create_file(name)?;
            file.truncate()?;
            file.write_all(content)?;
            file.flush()
        })
    }

    /// Writes what is still in memory.
    pub(super) fn close(mut self) -> Result<(), FlashError> {
        let files = self.files.take();
        let unmount = || files.map_or(Ok(()), FileSystem::unmount);
        guarded("write the FAT partition of", self.path, unmount)
    }
}

impl Drop for Fat<'_> {
    fn drop(&mut self) {
        let files = self.files.take();
        // It writes what is still in memory. Whoever wants to know whether that fails closes it.
        let _ = catch_panic(|| drop(files));
    }
}

/// Calls the library that reads FAT.
fn guarded<T>(
    doing: &'static str,
    path: &Path,
    call: impl FnOnce() -> io::Result<T>,
) -> Result<T, FlashError> {
    let said = match catch_panic(call) {
        Ok(done) => return done.map_err(FlashError::io(doing, path)),
        Err(said) => said,
    };
    Err(FlashError::Panicked { what: "the FAT partition", path: path.to_path_buf(), said })
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
