//! `paring --version`: commit, sources, engine, compiler and target triple of this program.

use paring_agent::engine::ENGINE;
use paring_agent::sensors::COMPILER;

/// Origin of a program, as its build knows it.
#[derive(Clone, Copy, Debug)]
pub struct BuildRecord {
    /// The commit that the sources were at or built on; `None` outside a checkout.
    pub commit: Option<&'static str>,
    /// SHA-256 of the sources.
    pub sources: &'static str,
    /// Target triple.
    pub triple: &'static str,
}

impl BuildRecord {
    /// The long form of the version, without the program's name.
    pub(in crate::cli) fn long_version(&self) -> String {
        let lines = [
            ("commit", self.commit.unwrap_or("none: not built in a checkout")),
            ("sources", self.sources),
            ("engine", ENGINE),
            ("compiler", &COMPILER.replace(&format!(" {},", self.triple), "")),
            ("target", self.triple),
        ];
        let version = env!("CARGO_PKG_VERSION").to_string();
        lines.iter().fold(version, |text, (name, value)| format!("{text}\n{name}: {value}"))
    }
}

/// The commit that a file ends with: git's log of `HEAD`, whose last line has the commit before and the
/// one now, or Cargo's record of a package, which has one. Bytes of a lowercase SHA-1.
pub const fn last_commit(record: &[u8]) -> Option<[u8; 40]> {
    let mut start = 0;
    let mut at = record.len().saturating_sub(1);
    while at > 0 {
        if record[at - 1] == b'\n' && is_log_line(record, at) {
            start = at;
            break;
        }
        at -= 1;
    }
    match is_log_line(record, start) {
        true => commit_at(record, start + 41),
        false => first_commit(record),
    }
}

/// True where a line has two commits, one after the other.
const fn is_log_line(bytes: &[u8], at: usize) -> bool {
    commit_at(bytes, at).is_some()
        && at + 40 < bytes.len()
        && bytes[at + 40] == b' '
        && commit_at(bytes, at + 41).is_some()
}

/// The first commit in quotes.
const fn first_commit(bytes: &[u8]) -> Option<[u8; 40]> {
    let mut at = 1;
    while at < bytes.len() {
        if bytes[at - 1] == b'"'
            && at + 40 < bytes.len()
            && bytes[at + 40] == b'"'
            && let Some(commit) = commit_at(bytes, at)
        {
            return Some(commit);
        }
        at += 1;
    }
    None
}

/// Forty hexadecimal digits.
const fn commit_at(bytes: &[u8], start: usize) -> Option<[u8; 40]> {
    let mut commit = [0; 40];
    let mut digit = 0;
    while digit < commit.len() {
        if start + digit >= bytes.len() {
            return None;
        }
        let byte = bytes[start + digit];
        if !matches!(byte, b'0'..=b'9' | b'a'..=b'f') {
            return None;
        }
        commit[digit] = byte;
        digit += 1;
    }
    Some(commit)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "1111111111111111111111111111111111111111";
    const NEW: &str = "abcdef0123456789abcdef0123456789abcdef01";

    #[track_caller]
    fn found(record: &str, expected: Option<&str>) {
        let commit = last_commit(record.as_bytes());
        let text = commit.as_ref().map(|commit| std::str::from_utf8(commit).unwrap());
        assert_eq!(text, expected, "{record:?}");
    }

    #[test]
    fn a_commit_is_the_last_of_a_log_or_that_of_a_package() {
        let none = "0000000000000000000000000000000000000000";
        found(&format!("{none} {NEW} A <a@b> 1 +0000\tclone: from b\n"), Some(NEW));
        let log = format!(
            "{none} {OLD} A <a@b> 1 +0000\tcommit: a\n{OLD} {NEW} A <a@b> 2 +0000\tcommit: b"
        );
        found(&log, Some(NEW));
        found(&format!("{log}\n"), Some(NEW));
        found(&format!("{{\n  \"git\": {{\n    \"sha1\": \"{NEW}\"\n  }},\n}}"), Some(NEW));
        for nothing in ["", "\n", "ref: refs/heads/main\n", &NEW[..39], "{}"] {
            found(nothing, None);
        }
    }

    #[test]
    fn the_version_has_a_line_for_everything_that_can_differ() {
        let record = BuildRecord { commit: Some(NEW), sources: "ab", triple: "x-y-z" };
        let text = record.long_version();
        let names: Vec<&str> =
            text.lines().skip(1).filter_map(|l| Some(l.split_once(": ")?.0)).collect();
        assert_eq!(names, ["commit", "sources", "engine", "compiler", "target"]);
        assert!(text.contains("\nengine: tract "), "{text}");
        let record = BuildRecord { commit: None, ..record };
        assert!(record.long_version().contains("\ncommit: none"));
    }
}
