//! Lines and fields of the small files that the kernel writes.

use std::path::Path;

/// The root of the running system.
pub fn root() -> &'static Path {
    Path::new("/")
}

/// A file's first line without blanks and trailing zero bytes; `None` where it cannot be read.
pub(super) fn first_line(path: &Path) -> Option<String> {
    let text = std::fs::read_to_string(path).ok()?;
    let line = text.lines().next()?.trim_end_matches('\0').trim();
    (!line.is_empty()).then(|| line.to_string())
}

/// The value behind the first line that begins with `key`, up to the line's end, in files of
/// `key: value` lines.
pub(super) fn field(text: &str, key: &str) -> Option<String> {
    text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        (name.trim() == key).then(|| value.trim().to_string())
    })
}

/// [`field`] of a value such as `123 kB`, in bytes.
pub(super) fn field_bytes(text: &str, key: &str) -> Option<u64> {
    let value = field(text, key)?;
    value.strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}
