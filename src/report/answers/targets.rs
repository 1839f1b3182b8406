//! The answers of `paring target`: targets that are known, and their state.

use paring_boards::{CheckFinding, CheckGrade, Inventory, Target, TargetProfile};
use serde_json::{Value, json};

/// Targets and profiles for a machine.
pub fn targets_json(inventory: &Inventory, profiles: &[TargetProfile]) -> Value {
    let boards: Vec<_> = inventory
        .targets
        .iter()
        .map(|t| {
            json!({ "name": t.name, "profile": t.profile.name, "address": t.transport.to_string(),
                    "labels": t.profile.labels, "emulated": t.emulated })
        })
        .collect();
    let profiles: Vec<_> =
        profiles.iter().map(|p| json!({ "name": p.name, "description": p.description })).collect();
    json!({ "files": inventory.files, "targets": boards, "profiles": profiles })
}

/// Targets and profiles for a person.
pub fn targets_text(inventory: &Inventory, profiles: &[TargetProfile]) -> String {
    let mut lines = Vec::new();
    for path in &inventory.files {
        lines.push(format!("inventory {}", path.display()));
    }
    if inventory.files.is_empty() {
        lines.push("no inventory here or in the configuration folder; `paring target add user@host` begins one".into());
    }
    for target in &inventory.targets {
        let labels: Vec<String> =
            target.profile.labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
        let emulated = if target.emulated { " EMULATED" } else { "" };
        let (name, kind, address) = (&target.name, &target.profile.name, &target.transport);
        lines.push(format!("  {name:<20} {kind:<22} {address:<28} {}{emulated}", labels.join(",")));
    }
    lines.push("profiles, for `extends` or for this machine:".into());
    for profile in profiles {
        lines.push(format!("  {:<22} {}", profile.name, profile.description));
    }
    lines.join("\n")
}

/// Findings of a check for a machine.
pub fn findings_json(checked: &[(Target, Vec<CheckFinding>)]) -> Value {
    let each = checked.iter().map(|(t, found)| json!({ "target": t.name, "findings": found }));
    json!(each.collect::<Vec<_>>())
}

/// Findings of a check for a person.
pub fn findings_text(checked: &[(Target, Vec<CheckFinding>)]) -> String {
    let mut lines = Vec::new();
    for (target, findings) in checked {
        lines.push(format!("{} ({}):", target.name, target.transport));
        for CheckFinding { subject, grade, observation, remedy } in findings {
            let mark = match grade {
                CheckGrade::Good => "ok",
                CheckGrade::Poor => "--",
                CheckGrade::Bad => "!!",
            };
            let remedy = remedy.as_ref().map(|r| format!("; {r}")).unwrap_or_default();
            lines.push(format!("  {mark} {subject:<11} {observation}{remedy}"));
        }
    }
    lines.join("\n")
}
