//! Files of `ssh-keygen -Y verify`: who may sign, with which key.
//!
//! Source: ssh-keygen(1), ALLOWED SIGNERS.

use crate::{KeyError, SSH_NAMESPACE, SignerPublicKey, SshPublicKey};

/// A public key, and the names that a file gives its owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowedSigner {
    /// Principals of an allowed_signers file, `ann@example.org` say; none of a bare key.
    pub principals: Vec<String>,
    /// The key.
    pub key: SignerPublicKey,
}

/// The keys in a text: one public key in PEM or as a file `.pub` has it, or an allowed_signers file.
///
/// # Errors
/// [`KeyError`]; [`KeyError::AllowedSigners`] names the line of a file, and what is wrong with it.
pub fn allowed_signers(text: &str) -> Result<Vec<AllowedSigner>, KeyError> {
    let lines = text.lines().map(str::trim).enumerate();
    let mut lines = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#')).peekable();
    if lines.peek().is_none_or(|(_, line)| line.starts_with("-----") || SshPublicKey::is_one(line))
    {
        return Ok(vec![AllowedSigner {
            principals: vec![],
            key: SignerPublicKey::from_text(text)?,
        }]);
    }
    let signers = lines.map(|(position, line)| {
        allowed_signer(line)
            .map_err(|problem| KeyError::AllowedSigners { line: position + 1, problem })
    });
    signers.collect()
}

fn allowed_signer(line: &str) -> Result<AllowedSigner, String> {
    let (principals, rest) = line.split_once(char::is_whitespace).ok_or("it has no key")?;
    let rest = rest.trim_start();
    let key = match rest.split_once(char::is_whitespace) {
        Some((options, key)) if !SshPublicKey::is_one(rest) => {
            namespaces(options)?;
            key.trim_start()
        }
        _ => rest,
    };
    Ok(AllowedSigner {
        principals: principals.split(',').map(|name| name.trim_matches('"').to_string()).collect(),
        key: SshPublicKey::from_openssh(key)
            .map(SignerPublicKey::Ssh)
            .map_err(|e| e.to_string())?,
    })
}

/// Refuses options that narrow what a key may sign in a way that is not known here.
fn namespaces(options: &str) -> Result<(), String> {
    let given = options.strip_prefix("namespaces=\"").and_then(|rest| rest.strip_suffix('"'));
    match given {
        None => Err(format!("option `{options}` is not known: only namespaces=\"paring\" is")),
        Some(given) if given.split(',').any(|name| name.trim() == SSH_NAMESPACE) => Ok(()),
        Some(given) => Err(format!("it is for `{given}`, not for `{SSH_NAMESPACE}`")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = include_str!("../tests/keys/id_ed25519.pub");

    #[test]
    fn files_of_both_kinds_are_read() {
        let bare = allowed_signers(LINE).unwrap();
        assert_eq!((bare.len(), bare[0].principals.len()), (1, 0));
        let text =
            format!("# people\n\nann@example.org,ann {LINE}bob namespaces=\"paring,git\" {LINE}");
        let people = allowed_signers(&text).unwrap();
        assert_eq!(people[0].principals, ["ann@example.org", "ann"]);
        assert_eq!((people[1].principals[0].as_str(), &people[1].key), ("bob", &bare[0].key));
    }

    #[test]
    fn lines_that_cannot_be_judged_are_refused() {
        let said = |text: &str| allowed_signers(text).unwrap_err().to_string();
        let narrowed = said(&format!("ann valid-before=\"20300101\" {LINE}"));
        assert!(narrowed.contains("line 1") && narrowed.contains("valid-before"), "{narrowed}");
        assert!(said(&format!("ann namespaces=\"git\" {LINE}")).contains("not for `paring`"));
        assert!(said("ann").contains("line 1: it has no key"));
        assert!(said("").contains("P-256"));
    }
}
