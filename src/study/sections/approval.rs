//! Keys of the `[protocol]` section about approving variants.

use super::timing::ProtocolSection;
use crate::study::ApprovalRules;
use paring_core::schema::Sha256Hex;
use paring_signing::from_base64;

/// More people than this are a slip of the finger.
const MOST_APPROVALS: usize = 100;

/// Checks `approvals`, `require_approval` and `approval_keys`.
pub(in crate::study) fn approval_rules(section: &ProtocolSection) -> Result<ApprovalRules, String> {
    checked_rules(section.approvals, section.require_approval, &section.approval_keys)
}

fn checked_rules(
    approvals: Option<usize>,
    required: bool,
    keys: &[String],
) -> Result<ApprovalRules, String> {
    if let Some(odd) = approvals.filter(|count| !(1..=MOST_APPROVALS).contains(count)) {
        return Err(format!(
            "`approvals` under [protocol] must be 1 to {MOST_APPROVALS}, it is {odd}"
        ));
    }
    let keys = keys.iter().map(|text| {
        // As `ssh-keygen -l` prints it.
        let key = match text.strip_prefix("SHA256:") {
            Some(base64) => ssh_fingerprint(base64),
            None => Sha256Hex::try_from(text.to_lowercase()).map_err(|e| e.to_string()),
        };
        key.map_err(|e| format!("`approval_keys` under [protocol]: {e}"))
    });
    let approvals = approvals.unwrap_or(usize::from(required));
    Ok(ApprovalRules { approvals, required, keys: keys.collect::<Result<_, _>>()? })
}

/// The SHA-256 behind `SHA256:`, in base64 without padding.
fn ssh_fingerprint(base64: &str) -> Result<Sha256Hex, String> {
    let bytes = from_base64(&format!("{base64}=")).unwrap_or_default();
    match <[u8; 32]>::try_from(bytes) {
        Ok(digest) => Ok(Sha256Hex::from_bytes(&digest)),
        Err(_) => Err(format!("`SHA256:{base64}` is no fingerprint as `ssh-keygen -l` prints it")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_named_as_ssh_keygen_prints_them_too() {
        let base64 = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU".to_string();
        let rules = checked_rules(None, false, &[format!("SHA256:{base64}")]).unwrap();
        assert_eq!(rules.keys, [Sha256Hex::of(b"")]);
        let said = checked_rules(None, false, &["SHA256:abc".into()]).unwrap_err();
        assert!(said.contains("`SHA256:abc` is no fingerprint"), "{said}");
    }

    #[test]
    fn rules_are_checked() {
        assert!(checked_rules(None, false, &[]).unwrap().is_default());
        assert_eq!(checked_rules(None, true, &[]).unwrap().approvals, 1);
        let said = checked_rules(Some(0), false, &[]).unwrap_err();
        assert_eq!(said, "`approvals` under [protocol] must be 1 to 100, it is 0");
        let said = checked_rules(None, false, &["abc".into()]).unwrap_err();
        assert!(
            said.starts_with("`approval_keys` under [protocol]: `abc` is no SHA-256"),
            "{said}"
        );
    }
}
