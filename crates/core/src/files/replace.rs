//! Files that are replaced as a whole or not at all.

use super::ConfinedPath;
use serde::Serialize;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

/// [`ConfinedPath::replace`] of a file that is no run's.
///
/// # Errors
/// Those of the file system; an existing file stays as it was.
pub fn replace_file(path: &Path, content: &[u8]) -> io::Result<()> {
    ConfinedPath::file(path).replace(content)
}

/// Appends values as lines of JSON and syncs. A last line that was torn is ended first, so that it
/// spoils no other.
///
/// # Errors
/// Those of the file system.
pub fn append_lines(path: &ConfinedPath, values: &[impl Serialize]) -> io::Result<()> {
    if values.is_empty() {
        return Ok(());
    }
    let mut lines = Vec::new();
    let mut file = path.open_to_append()?;
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
        let path = ConfinedPath::root(folder.path()).join("lines");
        append_lines(&path, &[1, 2]).unwrap();
        std::fs::write(&path, b"1\n2\n{\"tor").unwrap();
        append_lines(&path, &[3]).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"1\n2\n{\"tor\n3\n");
    }
}
