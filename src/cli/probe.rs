//! `paring probe`: what a target is, and what it can measure.

use super::elsewhere::one_target;
use super::{Coded, Global, patterns, sysfs_root};
use clap::Args;
use paring_boards::{Target, TargetProfile, TargetSession};
use paring_core::schema::{
    EnergySource, MachineRoofline, MissingReason, SensorReport, TargetEnvironment,
};
use paring_core::units::Bytes;
use serde_json::json;
use std::path::PathBuf;

/// Say what a target is: processor, kernels, power sensors.
#[derive(Debug, Args)]
pub(super) struct Probe {
    /// The target: a name of the inventory, or a profile for this machine
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
        let target = one_target(&self.target, global)?;
        let root = self.sysfs_root.as_deref().map(sysfs_root).transpose()?;
        let mut heard = |_| {};
        let mut site = TargetSession::open(&target, None, &mut heard)?;
        let environment = site.probe(root.as_deref())?;
        // An emulator's are nobody's.
        let peaks = if environment.emulated { None } else { Some(site.peaks()?) };
        drop(site);
        let energy = target.profile.energy.resolve(&environment.sensors);
        let patterns = match self.patterns || self.again {
            true => Some(patterns::conformance(&target, self.again, global)?),
            false => None,
        };
        if global.json {
            say!(
                "{:#}",
                json!({
                    "schema": 1, "target": target.name, "profile": target.profile.name,
                    "environment": environment, "peaks": peaks, "energy": energy,
                    "patterns": patterns,
                })
            );
            return Ok(());
        }
        machine(&target, &environment);
        kernels(&environment, peaks.as_ref());
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

fn machine(target: &Target, found: &TargetEnvironment) {
    let say = |name: &str, value: &str| say!("{name:<10} {value}");
    let known = |value: &Option<String>| value.clone().unwrap_or_else(|| "not said".into());
    let TargetProfile { description, models, .. } = &target.profile;
    say("target", &format!("{}: {description}", target.name));
    say("board", &known(&found.board));
    let board = found.board.as_deref().unwrap_or_default();
    if !models.is_empty() && !target.profile.matches_machine(board, &found.arch) {
        say("", &format!("it should call itself {}: is this the machine?", models.join(" or ")));
    }
    say("soc", &known(&found.soc));
    let emulated = if found.emulated { ", EMULATED: not a board's speed" } else { "" };
    say("cpu", &format!("{}, {} x {}{emulated}", known(&found.cpu), found.cpus, found.arch));
    say("features", &found.cpu_features.join(" "));
    say("caches", &found.caches.join(", "));
    say("governor", &known(&found.governor));
    say("system", &format!("{}, kernel {}", known(&found.os_image), known(&found.kernel)));
    say("memory", &found.memory_bytes.map_or("not said".into(), |b| Bytes(b).to_string()));
    say("engine", &found.engine);
}

/// The engine's matrix product kernels for this processor, by what they add up in, the fastest first;
/// and how fast memory is read.
fn kernels(found: &TargetEnvironment, peaks: Option<&MachineRoofline>) {
    say!("\nproduct kernels that run here, by accumulator");
    for (accumulator, names) in &found.kernels {
        say!("  {accumulator:<8} {}", names.join(" "));
    }
    let Some(peaks) = peaks else { return };
    say!("\nwhat one core does at most, operands in cache, in billions of operations a second");
    let mut kernels: Vec<_> = peaks.kernels.iter().collect();
    kernels.sort_by(|a, b| a.precision.cmp(&b.precision).then(b.gops.total_cmp(&a.gops)));
    for one in kernels {
        say!("  {:<8} {:>8.1}  {}", one.precision, one.gops, one.kernel);
    }
    let reads = peaks.reads.iter().map(|r| format!("{} {:.1}", Bytes(r.bytes), r.gb_per_s));
    say!("read in GB/s from {}", reads.collect::<Vec<_>>().join(", from "));
}

fn sensors(reports: &[SensorReport], energy: &Result<EnergySource, MissingReason>) {
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
            Err(MissingReason(why)) if *there => say!("  {source:<8} unusable: {why}"),
            Err(MissingReason(why)) => say!("  {source:<8} absent: {why}"),
        }
    }
    match energy {
        Ok(source) => say!("energy comes from {}, unless a study says otherwise", source.name()),
        Err(MissingReason(why)) => say!("no energy: {why}"),
    }
    say!("a study can name others under [energy]: a command that prints watts, the log of a meter");
}
