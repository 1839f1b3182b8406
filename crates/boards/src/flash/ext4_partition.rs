//! Files put into an ext4 partition of an image by `debugfs` of e2fsprogs, without mounting it.

use super::FlashError;
use super::partition_table::DiskPartition;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

/// A file for an ext4 partition: absolute path, content, mode.
pub(super) struct Ext4File<'a> {
    pub(super) path: &'a str,
    pub(super) content: &'a [u8],
    pub(super) executable: bool,
}

/// Puts files and symbolic links into an ext4 partition by `debugfs` of e2fsprogs.
pub(super) fn write_ext4(
    image: &Path,
    partition: &DiskPartition,
    files: &[Ext4File],
    links: &[(&str, &str)],
) -> Result<(), FlashError> {
    let scratch = tempfile::tempdir().map_err(FlashError::io("make a folder beside", image))?;
    let mut script = String::new();
    for (index, Ext4File { path, content, executable }) in files.iter().enumerate() {
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
    for Ext4File { path, content, .. } in files {
        let found = debugfs(image, partition, &[], &format!("stat {path}\n"))?;
        let size = format!("Size: {}", content.len());
        if !found.lines().any(|line| line.trim_end().ends_with(&size)) {
            let message = format!("{path} is not there after writing; is the partition full?");
            return Err(FlashError::Tool { tool: "debugfs", path: image.to_path_buf(), message });
        }
    }
    Ok(())
}

fn debugfs(
    image: &Path,
    partition: &DiskPartition,
    arguments: &[&str],
    script: &str,
) -> Result<String, FlashError> {
    let failed =
        |message: String| FlashError::Tool { tool: "debugfs", path: image.to_path_buf(), message };
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
