//! Keys of the `[protocol]` section about approving variants.

use super::timing::ProtocolSection;
use crate::study::ApprovalRules;
use paring_core::schema::Sha256Hex;

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
        Sha256Hex::try_from(text.to_lowercase())
            .map_err(|e| format!("`approval_keys` under [protocol]: {e}"))
    });
    let approvals = approvals.unwrap_or(usize::from(required));
    Ok(ApprovalRules { approvals, required, keys: keys.collect::<Result<_, _>>()? })
}

#[cfg(test)]
mod tests {
    use super::*;

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
