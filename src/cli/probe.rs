//! `paring probe`: what a target is, and what it can measure.

use super::{Coded, ExitCode, Global, patterns, sysfs_root};
use crate::engine::{self, Kernel};
use crate::record::{EnergySource, Environment, Missing, SensorReport};
use crate::target::{self, LocalAgent, Profile};
use crate::units::Bytes;
use clap::Args;
use serde_json::json;
use std::path::PathBuf;

/// Say what a target is: processor, kernels, power sensors.
#[derive(Debug, Args)]
pub(super) struct Probe {
    /// The target
    #[arg(default_value = "host")]
    target: String,
    /// Look for power sensors under this folder instead of /
    #[arg(long, value_name = "DIR")]
    sysfs_root: Option<PathBuf>,
    /// What the engine does with every pattern that quantization writes; half a minute at first, then
    /// from the table that is kept
    #[arg(long)]
    patterns: bool,
    /// The same, tried anew
    #[arg(long)]
    again: bool,
}

impl Probe {
    pub(super) fn run(self, global: &Global) -> Result<(), Coded> {
        let profile = target::profile(&self.target).map_err(|e| Coded::new(ExitCode::Input, e))?;
        let root = self.sysfs_root.as_deref().map(sysfs_root).transpose()?;
        let environment =
            LocalAgent.probe(root.as_deref()).map_err(|e| Coded::new(ExitCode::Target, e))?;
        let kernels = engine::kernels();
        let energy = profile.energy.resolve(&environment.sensors);
        let patterns = match self.patterns || self.again {
            true => Some(patterns::conformance(&self.target, self.again, global)?),
            false => None,
        };
        if global.json {
            say!(
                "{:#}",
                json!({
                    "schema": 1, "target": profile.name, "environment": environment,
                    "kernels": kernels, "energy": energy, "patterns": patterns,
                })
            );
            return Ok(());
        }
        machine(&profile, &environment);
        print_kernels(&kernels);
        sensors(&environment.sensors, &energy);
        match &patterns {
            Some(table) => patterns::print(table),
            None => say!(
                "\n--patterns says what the engine does with each pattern that quantization writes"
            ),
        }
        Ok(())
    }
}

fn machine(profile: &Profile, found: &Environment) {
    let say = |name: &str, value: &str| say!("{name:<10} {value}");
    let known = |value: &Option<String>| value.clone().unwrap_or_else(|| "not said".into());
    say("target", &format!("{}: {}", profile.name, profile.description));
    say("board", &known(&found.board));
    let emulated = if found.emulated { ", EMULATED: not a board's speed" } else { "" };
    say("cpu", &format!("{}, {} x {}{emulated}", known(&found.cpu), found.cpus, found.arch));
    say("features", &found.cpu_features.join(" "));
    say("governor", &known(&found.governor));
    say("kernel", &known(&found.kernel));
    say("memory", &found.memory_bytes.map_or("not said".into(), |b| Bytes(b).to_string()));
    say("engine", &found.engine);
}

/// The engine's matrix product kernels for this processor, by what they accumulate in.
fn print_kernels(kernels: &[Kernel]) {
    let mut kinds: Vec<&str> = kernels.iter().map(|kernel| kernel.accumulator.as_str()).collect();
    kinds.dedup();
    say!("\nproduct kernels that run here, by accumulator");
    for kind in kinds {
        let own = kernels.iter().filter(|kernel| kernel.accumulator == kind);
        let names: Vec<&str> = own.map(|kernel| kernel.name.as_str()).collect();
        say!("  {kind:<8} {}", names.join(" "));
    }
}

fn sensors(reports: &[SensorReport], energy: &Result<EnergySource, Missing>) {
    say!("\npower sensors");
    for SensorReport { source, there, found } in reports {
        match found {
            Ok(facts) => say!(
                "  {source:<8} {}; covers {}; {:.0} readings a second; in steps of {}",
                facts.name,
                facts.coverage,
                facts.rate_hz,
                facts.resolution
            ),
            Err(Missing(why)) if *there => say!("  {source:<8} unusable: {why}"),
            Err(Missing(why)) => say!("  {source:<8} absent: {why}"),
        }
    }
    match energy {
        Ok(source) => say!("energy comes from {}, unless a study says otherwise", source.name()),
        Err(Missing(why)) => say!("no energy: {why}"),
    }
    say!("a study can name others under [energy]: a command that prints watts, the log of a meter");
}
