//! The answers of `paring target`: targets that are known, and their state.

use crate::report::terminal::TerminalLayout;
use crate::report::terminal::layout::text_table::{TextColumn, cell, fitted};
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

/// Targets and profiles for a person, as tables.
pub fn targets_text(
    inventory: &Inventory,
    profiles: &[TargetProfile],
    layout: TerminalLayout,
) -> String {
    let mut lines = Vec::new();
    for path in &inventory.files {
        lines.push(format!("inventory {}", path.display()));
    }
    if inventory.files.is_empty() {
        lines.push("no inventory here or in the configuration folder; `paring target add user@host` begins one".into());
    }
    let head = layout.prose(&lines.join("\n"));
    let boards = match inventory.targets.is_empty() {
        true => String::new(),
        false => format!("{}\n", fitted(target_columns(&inventory.targets), layout)),
    };
    let names = profiles.iter().map(|profile| cell(&profile.name));
    let descriptions = profiles.iter().map(|profile| cell(&profile.description));
    let profiles = fitted(
        vec![
            TextColumn::text("profile", 0, names).whole(),
            TextColumn::text("kind of machine", 0, descriptions),
        ],
        layout,
    );
    format!(
        "{head}\n{boards}{profiles}\na profile stands for this machine, or in `extends` of an entry"
    )
}

fn target_columns(targets: &[Target]) -> Vec<TextColumn> {
    let labels = |target: &Target| {
        let each = target.profile.labels.iter().map(|(key, value)| format!("{key}={value}"));
        each.collect::<Vec<_>>().join(",")
    };
    let emulated = |target: &Target| if target.emulated { "yes" } else { "" };
    let mut columns = vec![
        TextColumn::text("target", 0, targets.iter().map(|t| cell(&t.name))).whole(),
        TextColumn::text("profile", 0, targets.iter().map(|t| cell(&t.profile.name))),
        TextColumn::text("address", 1, targets.iter().map(|t| cell(&t.transport))),
        TextColumn::text("emulated", 0, targets.iter().map(|t| cell(emulated(t)))),
        TextColumn::text("labels", 2, targets.iter().map(|t| cell(labels(t)))),
    ];
    columns.retain(TextColumn::holds_something);
    columns
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
