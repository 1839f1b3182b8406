//! `paring target`: the boards that are known here, a new one, how they are, and leaving them.

use super::{Coded, ExitCode, Global, fleet};
use clap::{Args, Subcommand};
use paring_boards::{
    self, CheckFinding, CheckGrade, INVENTORY_VARIABLE, Inventory, InventoryError, SshAddress,
    Target, TargetTransport,
};
use serde_json::json;
use std::path::{Path, PathBuf};

/// The boards that are known here.
#[derive(Debug, Args)]
pub(super) struct TargetVerb {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Say which targets a study can name
    List,
    /// Connect to a board, recognise it, and write it into the inventory
    Add(Add),
    /// Say how targets are: what is there, what is missing, how to mend it
    Check {
        /// Names or labels; all boards of the inventory where there are none
        names: Vec<String>,
    },
    /// Take away everything that paring put on boards
    Clean {
        /// Names or labels
        #[arg(required = true)]
        names: Vec<String>,
    },
}

#[derive(Debug, Args)]
struct Add {
    /// `user@host`, or a name in ssh's configuration
    address: String,
    /// Its name in studies; default: the host's
    #[arg(long)]
    name: Option<String>,
    /// The port
    #[arg(long)]
    port: Option<u16>,
    /// An ssh configuration instead of your own
    #[arg(long)]
    ssh_config: Option<PathBuf>,
    /// It is an emulator: every row says so
    #[arg(long)]
    emulated: bool,
    /// The profile, where it is not to be recognised
    #[arg(long)]
    profile: Option<String>,
}

impl TargetVerb {
    pub(super) fn run(self, global: &Global) -> Result<(), Coded> {
        let inventory = Inventory::find(Path::new(""), global.trust())?;
        match self.action {
            Action::List => {
                list(&inventory, global);
                Ok(())
            }
            Action::Add(add) => add.run(global),
            Action::Check { names } => {
                let targets = match names.is_empty() {
                    true => {
                        inventory.refuse_untrusted(&inventory.targets)?;
                        inventory.targets
                    }
                    false => paring_boards::select_targets(&names, &inventory)?,
                };
                check(&targets, global)
            }
            Action::Clean { names } => {
                clean(&paring_boards::select_targets(&names, &inventory)?, global)
            }
        }
    }
}

fn list(inventory: &Inventory, global: &Global) {
    let profiles = paring_boards::shipped_profiles().unwrap_or_default();
    if global.json {
        let boards: Vec<_> = inventory
            .targets
            .iter()
            .map(|t| {
                json!({ "name": t.name, "profile": t.profile.name, "address": address(t),
                        "labels": t.profile.labels, "emulated": t.emulated })
            })
            .collect();
        let profiles: Vec<_> = profiles
            .iter()
            .map(|p| json!({ "name": p.name, "description": p.description }))
            .collect();
        say!("{:#}", json!({ "files": inventory.files, "targets": boards, "profiles": profiles }));
        return;
    }
    for path in &inventory.files {
        say!("inventory {}", path.display());
    }
    if inventory.files.is_empty() {
        say!(
            "no inventory here or in the configuration folder; `paring target add user@host` begins one"
        );
    }
    for target in &inventory.targets {
        let labels: Vec<String> =
            target.profile.labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
        let emulated = if target.emulated { " EMULATED" } else { "" };
        let (name, kind, address) = (&target.name, &target.profile.name, address(target));
        say!("  {name:<20} {kind:<22} {address:<28} {}{emulated}", labels.join(","));
    }
    say!("profiles, for `extends` or for this machine:");
    for profile in &profiles {
        say!("  {:<22} {}", profile.name, profile.description);
    }
}

fn address(target: &Target) -> String {
    match &target.transport {
        TargetTransport::Local => "this machine".into(),
        TargetTransport::Ssh(SshAddress { destination, port: Some(port), .. }) => {
            format!("{destination}:{port}")
        }
        TargetTransport::Ssh(address) => address.destination.clone(),
        TargetTransport::Labgrid(farm, _) => farm.to_string(),
    }
}

/// The inventory that new boards are written to.
pub(super) fn own_inventory() -> Result<PathBuf, Coded> {
    let named = std::env::var_os(INVENTORY_VARIABLE).map(PathBuf::from);
    named.or_else(paring_boards::user_inventory_path).ok_or_else(|| {
        let error = anyhow::anyhow!("there is no home folder; name a file by {INVENTORY_VARIABLE}");
        Coded::new(ExitCode::Input, error)
    })
}

impl Add {
    fn run(self, global: &Global) -> Result<(), Coded> {
        let address = SshAddress {
            destination: self.address.clone(),
            port: self.port,
            config: self.ssh_config,
        };
        let host = self.address.rsplit('@').next().unwrap_or_default();
        let name = self.name.unwrap_or_else(|| host.to_string());
        let path = own_inventory()?;
        // What is wrong with the name is said before anything is sent.
        let chosen = self.profile.as_deref().map(paring_boards::shipped_profile).transpose();
        let chosen = chosen.map_err(|e| Coded::new(ExitCode::Input, e))?;
        let guess =
            paring_boards::shipped_profiles().map_err(|e| Coded::new(ExitCode::Internal, e))?;
        paring_boards::inventory_entry(&name, &guess[0], &address, false)?;
        let quiet = global.quiet;
        let (recognised, environment) =
            paring_boards::identify_board(&address, None, &mut |news| {
                if let (paring_boards::TargetEvent::Note(note), false) = (news, quiet) {
                    note!("{note}");
                }
            })?;
        let kind = chosen.unwrap_or(recognised);
        let emulated = self.emulated || environment.emulated;
        paring_boards::add_inventory_entry(
            &path,
            &paring_boards::inventory_entry(&name, &kind, &address, emulated)?,
        )?;
        let board = environment.board.as_deref().unwrap_or("a machine without a name");
        if global.json {
            say!(
                "{:#}",
                json!({ "name": name, "profile": kind.name, "environment": environment, "inventory": path })
            );
        } else {
            say!("`{name}` is {board}, {} processors, {}", environment.cpus, environment.arch);
            say!(
                "written to {} as `{}`; `paring target check {name}` says how it is",
                path.display(),
                kind.name
            );
        }
        Ok(())
    }
}

fn check(targets: &[Target], global: &Global) -> Result<(), Coded> {
    if targets.is_empty() {
        let error = anyhow::anyhow!("the inventory is empty; `paring target add user@host`");
        return Err(Coded::new(ExitCode::Input, error));
    }
    let all = fleet::on_all(targets, global.quiet, &|target, heard| {
        Ok(paring_boards::check_target(target, heard))
    });
    let all: Vec<(&Target, Vec<CheckFinding>)> =
        all.into_iter().filter_map(|(target, found)| Some((target, found.ok()?))).collect();
    if global.json {
        let each = all.iter().map(|(t, found)| json!({ "target": t.name, "findings": found }));
        say!("{:#}", json!(each.collect::<Vec<_>>()));
    } else {
        for (target, findings) in &all {
            say!("{} ({}):", target.name, address(target));
            for CheckFinding { subject, grade, observation, remedy } in findings {
                let mark = match grade {
                    CheckGrade::Good => "ok",
                    CheckGrade::Poor => "--",
                    CheckGrade::Bad => "!!",
                };
                let remedy = remedy.as_ref().map(|r| format!("; {r}")).unwrap_or_default();
                say!("  {mark} {subject:<11} {observation}{remedy}");
            }
        }
    }
    let bad = |findings: &[CheckFinding]| findings.iter().any(|f| f.grade == CheckGrade::Bad);
    match all.iter().filter(|(_, findings)| bad(findings)).count() {
        0 => Ok(()),
        n => {
            let error = anyhow::anyhow!("{n} of {} targets cannot measure", all.len());
            Err(Coded::new(ExitCode::Target, error))
        }
    }
}

fn clean(targets: &[Target], global: &Global) -> Result<(), Coded> {
    for target in targets {
        paring_boards::clean_target(target, &mut |_| {}).map_err(|error| {
            let Coded { code, error } = Coded::from(error);
            Coded::new(code, error.context(format!("target `{}`", target.name)))
        })?;
        if !global.quiet {
            say!("{}: {} is gone", target.name, target.profile.work);
        }
    }
    Ok(())
}

impl From<InventoryError> for Coded {
    fn from(error: InventoryError) -> Self {
        Coded::new(ExitCode::Input, error)
    }
}
