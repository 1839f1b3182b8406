//! `paring target`.

use super::target_args::{AddTargetArgs, TargetAction, TargetArgs};
use crate::cli::progress::ProgressPrinter;
use crate::cli::{CodedError, ExitCode, GlobalOptions, say};
use crate::report;
use crate::workflow::{self, AddedTarget};
use paring_boards::CheckGrade;
use paring_core::number_format::counted;
use paring_core::text::shell_word;
use serde_json::json;

impl TargetArgs {
    pub(in crate::cli) fn run(self, global: &GlobalOptions) -> Result<(), CodedError> {
        match self.action {
            TargetAction::List(columns) => {
                let list = workflow::list_targets(global.trust())?;
                let (inventory, profiles) = (&list.inventory, list.profiles.as_slice());
                match global.json {
                    true => say!("{:#}", report::targets_json(inventory, profiles)),
                    false => {
                        let layout = global.layout(columns);
                        say::table(&report::targets_text(inventory, profiles, layout));
                    }
                }
                Ok(())
            }
            TargetAction::Add(args) => add(args, global),
            TargetAction::Remove { name } => {
                let inventory = workflow::remove_target(&name, global.trust())?;
                match global.json {
                    true => say!("{:#}", json!({ "removed": name, "inventory": inventory })),
                    false => say!("`{name}` is no longer in {}", inventory.display()),
                }
                Ok(())
            }
            TargetAction::Rename { name, to } => {
                let inventory = workflow::rename_target(&name, &to, global.trust())?;
                match global.json {
                    true => {
                        say!("{:#}", json!({ "name": to, "before": name, "inventory": inventory }))
                    }
                    false => say!("`{name}` is `{to}` in {}", inventory.display()),
                }
                Ok(())
            }
            TargetAction::Check { names } => check(&names, global),
            TargetAction::Clean { names } => {
                Ok(workflow::clean_targets(&names, global.trust(), &mut |target| {
                    if !global.quiet {
                        say!("{}: {} is gone", target.name, target.profile.work);
                    }
                })?)
            }
        }
    }
}

fn add(args: AddTargetArgs, global: &GlobalOptions) -> Result<(), CodedError> {
    let options = args.options(global.trust());
    let printer = ProgressPrinter::new(global.quiet);
    let AddedTarget { name, profile, environment, inventory } =
        workflow::add_target(&options, &|event| printer.show(event))?;
    let board = environment.board.as_deref().unwrap_or("a machine without a name");
    if global.json {
        say!(
            "{:#}",
            json!({ "name": name, "profile": profile.name, "environment": environment, "inventory": inventory })
        );
    } else {
        let processors = counted(environment.cpus as u64, "processor");
        say!("`{name}` is {board}, {processors}, {}", environment.arch);
        say!(
            "written to {} as `{}`; `paring target check {}` says how it is",
            inventory.display(),
            profile.name,
            shell_word(&name)
        );
    }
    Ok(())
}

fn check(names: &[String], global: &GlobalOptions) -> Result<(), CodedError> {
    let printer = ProgressPrinter::new(global.quiet);
    let checked = workflow::check_targets(names, global.trust(), &|event| printer.show(event))?;
    match global.json {
        true => say!("{:#}", report::findings_json(&checked)),
        false => say!("{}", report::findings_text(&checked)),
    }
    let bad = checked.iter().filter(|(_, all)| all.iter().any(|one| one.grade == CheckGrade::Bad));
    match bad.count() {
        0 => Ok(()),
        n => {
            let error = anyhow::anyhow!("{n} of {} targets cannot measure", checked.len());
            Err(CodedError::new(ExitCode::Target, error))
        }
    }
}
