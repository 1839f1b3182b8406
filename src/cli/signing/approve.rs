//! `paring approve`.

use crate::cli::{CodedError, GlobalOptions};
use crate::study::{ApprovalRequest, ApprovalState};
use crate::workflow::{self, ApproveOptions};
use clap::Args;
use paring_core::schema::ApprovalAction;
use serde_json::json;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

const DAY: Duration = Duration::from_secs(24 * 3600);

/// Approve a variant, or revoke its approval, signed in the ledger.
#[derive(Debug, Args)]
pub(in crate::cli) struct ApproveArgs {
    /// The run directory
    run: PathBuf,
    /// The variant
    #[arg(long, value_name = "NAME")]
    variant: String,
    /// Your name
    #[arg(long, value_name = "NAME")]
    by: String,
    /// Your private key: P-256 in PEM, from `paring key new` or openssl, or your ssh key
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// The last day on which the approval counts, 2030-12-31 say (UTC), or a moment in RFC 3339
    #[arg(long, value_name = "DATE", value_parser = end_of, conflicts_with = "revoke")]
    expires: Option<SystemTime>,
    /// The reason, in words
    #[arg(long)]
    reason: Option<String>,
    /// Take back an approval that was given under this name with this key
    #[arg(long)]
    revoke: bool,
}

fn end_of(text: &str) -> Result<SystemTime, String> {
    let day = humantime::parse_rfc3339(&format!("{text}T00:00:00Z")).map(|start| start + DAY);
    day.or_else(|_| humantime::parse_rfc3339(text))
        .map_err(|_| "neither a date such as 2030-12-31 nor a moment in RFC 3339".into())
}

impl ApproveArgs {
    pub(in crate::cli) fn run(self, global: &GlobalOptions) -> Result<(), CodedError> {
        let action = if self.revoke { ApprovalAction::Revoke } else { ApprovalAction::Approve };
        let ApproveArgs { run, variant, by, key, expires, reason, .. } = self;
        let request = ApprovalRequest { action, variant, by, expires, reason };
        let given = workflow::approve(&ApproveOptions { run, key, request })?;
        if global.json {
            say!("{:#}", json!(given));
            return Ok(());
        }
        let approval = &given.approval;
        let what = match approval.action {
            ApprovalAction::Approve => "approved",
            ApprovalAction::Revoke => "revoked the approval of",
        };
        say!(
            "{} {what} {}\n{}\nmanifest {}",
            approval.by,
            approval.variant,
            state_line(&approval.variant, &given.state),
            given.manifest_sha256
        );
        Ok(())
    }
}

/// A variant's approval in a line.
pub(in crate::cli) fn state_line(variant: &str, state: &ApprovalState) -> String {
    let people = state.approvals.iter().map(|own| match &own.expires {
        Some(end) => format!("{} until {end}", own.by),
        None => own.by.clone(),
    });
    let people: Vec<String> = people.collect();
    match &state.lacking {
        None => format!("{variant} is approved by {}", people.join(" and ")),
        Some(lacking) => format!("{variant} is not approved: {lacking}"),
    }
}
