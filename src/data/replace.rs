//! Files that are replaced as a whole or not at all.

use serde::Serialize;
use std::fs::OpenOptions;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

/// Writes under a temporary name in the same folder, syncs, and renames: whoever reads sees the old
/// content or the new, also after a power cut. The folder is created where it does not exist.
///
/// # Errors
/// Those of the file system; an existing file stays as it was.
pub fn replace_file(path: &Path, content: &[u8]) -> io::Result<()> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // What the process's mask makes of it, not the private mode of temporary files.
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    let mut file = builder.prefix(".paring-").tempfile_in(folder)?;
    file.write_all(content)?;
    file.as_file().sync_all()?;
    file.persist(path).map(drop).map_err(|e| e.error)
}

/// Appends values as lines of JSON and syncs. A last line that was torn is ended first, so that it
/// spoils no other.
///
/// # Errors
/// Those of the file system.
pub fn append_lines(path: &Path, values: &[impl Serialize]) -> io::Result<()> {
    if values.is_empty() {
        return Ok(());
    }
    let mut lines = Vec::new();
    let mut file = OpenOptions::new().create(true).read(true).append(true).open(path)?;
    if file.seek(SeekFrom::End(0))? > 0 {
        file.seek(SeekFrom::End(-1))?;
        let mut last = [0];
        file.read_exact(&mut last)?;
        lines.extend((last != *b"\n").then_some(b'\n'));
    }
    for value in values {
        serde_json::to_writer(&mut lines, value)?;
        lines.push(b'\n');
    }
    file.write_all(&lines)?;
    file.sync_data()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_torn_line_spoils_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lines");
        append_lines(&path, &[1, 2]).unwrap();
        std::fs::write(&path, b"1\n2\n{\"tor").unwrap();
        append_lines(&path, &[3]).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"1\n2\n{\"tor\n3\n");
    }

    #[test]
    fn replaces_and_leaves_nothing_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep").join("file");
        replace_file(&path, b"one").unwrap();
        replace_file(&path, b"two").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"two");
        assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }
}
