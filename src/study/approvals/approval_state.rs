//! The state of a variant's approval: who approved it until when, and what is lacking.

use super::{ApprovalRules, RecordedApproval};
use paring_core::schema::{ApprovalAction, VariantRecord};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::time::SystemTime;

/// Approvals of a variant that count, and what is lacking.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ApprovalState {
    /// Those who approve it now, with the key of each and the moment it expires.
    pub approvals: Vec<CountedApproval>,
    /// The reason why it is not approved; `None` of an approved variant.
    pub lacking: Option<String>,
}

/// An approval that counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CountedApproval {
    /// The person who gave it.
    pub by: String,
    /// SHA-256 of the public key.
    pub key_sha256: String,
    /// Time, RFC 3339 UTC.
    pub given_at: String,
    /// The moment from which it no longer counts.
    pub expires: Option<String>,
    /// Reason.
    pub reason: Option<String>,
}

impl ApprovalState {
    /// The state of a variant at a time, by the approvals of its run's ledger and the rules of its study,
    /// which somebody owns.
    pub fn of(
        variant: &VariantRecord,
        recorded: &[RecordedApproval],
        (rules, owner): (&ApprovalRules, &str),
        now: SystemTime,
    ) -> ApprovalState {
        let about = |own: &&RecordedApproval| own.approval.variant_id == variant.variant_id;
        // The last word of each person with each key.
        let mut last: BTreeMap<(&str, &str), &RecordedApproval> = BTreeMap::new();
        for own in recorded.iter().filter(about) {
            last.insert((&own.approval.by, own.key_sha256.as_str()), own);
        }
        let (mut approvals, mut void) = (Vec::new(), Vec::new());
        for ((by, key), own) in last {
            let approval = &own.approval;
            let expired = approval.expires.as_ref().is_some_and(|end| is_past(end, now));
            if approval.action == ApprovalAction::Revoke {
                void.push(format!("{by} revoked it"));
            } else if expired {
                let end = approval.expires.as_deref().unwrap_or_default();
                void.push(format!("that of {by} expired on {end}"));
            } else if !rules.keys.is_empty() && !rules.keys.contains(&own.key_sha256) {
                void.push(format!("the key of {by} is not one that the study names"));
            } else {
                approvals.push(CountedApproval {
                    by: by.to_string(),
                    key_sha256: key.to_string(),
                    given_at: approval.given_at.clone(),
                    expires: approval.expires.clone(),
                    reason: approval.reason.clone(),
                });
            }
        }
        let lacking = lacking(&approvals, rules, owner).map(|lacking| match void.is_empty() {
            true => lacking,
            false => format!("{lacking} ({})", void.join("; ")),
        });
        ApprovalState { approvals, lacking }
    }
}

/// The lack in the approvals that a study asks for.
fn lacking(approvals: &[CountedApproval], rules: &ApprovalRules, owner: &str) -> Option<String> {
    let needed = rules.approvals.max(1);
    let people: BTreeSet<&str> = approvals.iter().map(|own| own.by.as_str()).collect();
    let keys: BTreeSet<&str> = approvals.iter().map(|own| own.key_sha256.as_str()).collect();
    // One person with two names has one key, and one with two keys one name.
    let counted = people.len().min(keys.len());
    if counted < needed {
        return Some(format!("it has {counted} of {needed} approvals"));
    }
    let by_rule = !rules.is_default();
    match by_rule && people.iter().all(|by| *by == owner) {
        true => Some(format!("its only approval is that of the study's owner, {owner}")),
        false => None,
    }
}

fn is_past(moment: &str, now: SystemTime) -> bool {
    // One that cannot be read ends nothing that ever began.
    humantime::parse_rfc3339(moment).map_or(true, |end| end <= now)
}

#[cfg(test)]
mod tests {
    use super::*;
    use paring_core::schema::{Approval, Sha256Hex};

    fn entry(
        by: &str,
        key: &str,
        action: ApprovalAction,
        expires: Option<&str>,
    ) -> RecordedApproval {
        let record = variant();
        RecordedApproval {
            line: 1,
            key_sha256: Sha256Hex::of(key.as_bytes()),
            approval: Approval {
                action,
                run_id: "run".into(),
                variant: record.name,
                variant_id: record.variant_id,
                ledger_sha256: Sha256Hex::zeros(),
                by: by.into(),
                given_at: "2030-01-01T00:00:00Z".into(),
                expires: expires.map(str::to_string),
                reason: None,
                public_key: String::new(),
            },
        }
    }

    fn variant() -> VariantRecord {
        let path = "/tests/fixtures/run-of-format-1/run/variants/half.json";
        let text =
            std::fs::read_to_string(format!("{}{path}", env!("CARGO_MANIFEST_DIR"))).unwrap();
        serde_json::from_str(&text).unwrap()
    }

    #[track_caller]
    fn lacks(recorded: &[RecordedApproval], approvals: usize, expected: Option<&str>) {
        let rules = ApprovalRules { approvals, ..ApprovalRules::default() };
        let now = humantime::parse_rfc3339("2030-06-01T00:00:00Z").unwrap();
        let state = ApprovalState::of(&variant(), recorded, (&rules, "Olga"), now);
        assert_eq!(state.lacking.as_deref(), expected);
    }

    #[test]
    fn four_eyes_are_two_people_with_two_keys_and_not_the_owner_alone() {
        use ApprovalAction::{Approve, Revoke};
        let (olga, ann) = (entry("Olga", "1", Approve, None), entry("Ann", "2", Approve, None));
        lacks(&[], 2, Some("it has 0 of 2 approvals"));
        lacks(std::slice::from_ref(&ann), 2, Some("it has 1 of 2 approvals"));
        lacks(&[olga.clone(), ann.clone()], 2, None);
        lacks(
            &[olga.clone(), entry("Ann", "1", Approve, None)],
            2,
            Some("it has 1 of 2 approvals"),
        );
        lacks(&[ann.clone(), entry("Ann", "3", Approve, None)], 2, Some("it has 1 of 2 approvals"));
        lacks(
            std::slice::from_ref(&olga),
            1,
            Some("its only approval is that of the study's owner, Olga"),
        );
        lacks(&[olga], 0, None);
        let revoked = [ann.clone(), entry("Ann", "2", Revoke, None)];
        lacks(&revoked, 1, Some("it has 0 of 1 approvals (Ann revoked it)"));
        lacks(&[&revoked[..], &[ann]].concat(), 1, None);
    }

    #[test]
    fn approvals_end_when_they_say() {
        use ApprovalAction::Approve;
        lacks(&[entry("Ann", "1", Approve, Some("2030-06-02T00:00:00Z"))], 1, None);
        let words = "it has 0 of 1 approvals (that of Ann expired on 2030-06-01T00:00:00Z)";
        lacks(&[entry("Ann", "1", Approve, Some("2030-06-01T00:00:00Z"))], 1, Some(words));
        let odd = entry("Ann", "1", Approve, Some("soon"));
        lacks(&[odd], 1, Some("it has 0 of 1 approvals (that of Ann expired on soon)"));
    }

    #[test]
    fn only_keys_that_the_study_names_count() {
        let ann = entry("Ann", "2", ApprovalAction::Approve, None);
        let keys = vec![Sha256Hex::of(b"1")];
        let rules = ApprovalRules { approvals: 1, required: false, keys };
        let state = ApprovalState::of(&variant(), &[ann], (&rules, "Olga"), SystemTime::UNIX_EPOCH);
        let lacking = state.lacking.unwrap();
        assert!(lacking.contains("the key of Ann is not one that the study names"), "{lacking}");
    }
}
