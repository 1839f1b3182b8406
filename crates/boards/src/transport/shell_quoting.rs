//! Remote command lines: made here, and nowhere else, from a list of arguments.

use crate::TargetError;
use std::borrow::Cow;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

/// One line for a board's login shell that runs `arguments` with every byte as it is.
///
/// A backslash never stands in single quotes, where fish takes it for an escape.
///
/// # Errors
/// [`TargetError::NulByte`]: no system can pass one in an argument.
pub(super) fn command_line(arguments: &[impl AsRef<OsStr>]) -> Result<OsString, TargetError> {
    let words = arguments.iter().map(|argument| quote(argument.as_ref()));
    let words = words.collect::<Result<Vec<_>, _>>()?;
    Ok(OsString::from_vec(words.join(&b' ')))
}

fn quote(argument: &OsStr) -> Result<Cow<'_, [u8]>, TargetError> {
    let quoted = shlex::bytes::try_quote(argument.as_bytes());
    quoted.map_err(|_| TargetError::NulByte(argument.to_string_lossy().into_owned()))
}

/// A path as an argument that no program takes for an option.
pub(crate) fn path_argument(path: &str) -> String {
    if path.starts_with('-') { format!("./{path}") } else { path.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::process::Command;

    /// The arguments that a shell finds in a line, which prints each followed by a zero byte.
    fn arrived(shell: &str, arguments: &[Vec<u8>]) -> Vec<Vec<u8>> {
        let mut all: Vec<OsString> = ["printf", "%s\\0"].map(OsString::from).to_vec();
        all.extend(arguments.iter().map(|a| OsString::from_vec(a.clone())));
        let line = command_line(&all).unwrap();
        let output = Command::new(shell).arg("-c").arg(line).output().unwrap();
        let mut words: Vec<Vec<u8>> =
            output.stdout.split(|byte| *byte == 0).map(<[u8]>::to_vec).collect();
        assert_eq!(words.pop(), Some(vec![]), "{}", String::from_utf8_lossy(&output.stderr));
        words
    }

    #[test]
    fn nasty_words_arrive_as_they_were() {
        let words =
            ["", " ", "a b", "'", "\\", "\\'", "$(reboot)", "`id`", "a;b", "..", "-n", "é\n*"];
        let words = words.map(|w| w.as_bytes().to_vec()).to_vec();
        for shell in ["sh", "bash"] {
            assert_eq!(arrived(shell, &words), words);
        }
    }

    #[test]
    fn a_zero_byte_is_refused() {
        let message = command_line(&["a\0b"]).unwrap_err().to_string();
        assert!(message.contains("zero byte"), "{message}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn any_bytes_arrive_as_they_were(
            words in prop::collection::vec(prop::collection::vec(1u8.., 0..40), 1..6)
        ) {
            prop_assert_eq!(arrived("sh", &words), words);
        }
    }
}
