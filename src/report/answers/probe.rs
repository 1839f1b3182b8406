//! The answer of `paring probe`: a target's processor, kernels and power sensors.

use super::conformance::conformance_text;
use crate::report::terminal::TerminalLayout;
use paring_boards::{Target, TargetProfile};
use paring_core::schema::{
    EnergySource, EngineConformance, MachineRoofline, MissingReason, SensorReport,
    TargetEnvironment,
};
use paring_core::units::Bytes;
use serde_json::{Value, json};
use std::path::PathBuf;

/// Facts about a target.
#[derive(Clone, Debug)]
pub struct TargetFacts {
    /// The target.
    pub target: Target,
    /// Its machine, as the agent there sees it.
    pub environment: TargetEnvironment,
    /// Peak rates of kernels and memory; `None` for an emulator, whose rates are no machine's.
    pub peaks: Option<MachineRoofline>,
    /// The source that energy is read from, or the reason for none.
    pub energy: Result<EnergySource, MissingReason>,
    /// Patterns of quantization with the file that keeps them, where they were asked for.
    pub conformance: Option<(EngineConformance, PathBuf)>,
}

impl TargetFacts {
    /// Lines for a person.
    pub fn text(&self, layout: TerminalLayout) -> String {
        let mut lines = machine_lines(&self.target, &self.environment);
        lines.extend(kernel_lines(&self.environment, self.peaks.as_ref()));
        lines.extend(sensor_lines(&self.environment.sensors, &self.energy));
        let hint =
            "\n--patterns says what the engine does with each pattern that quantization writes";
        let patterns = match &self.conformance {
            Some((table, path)) => conformance_text(table, path, layout),
            None => layout.prose(hint),
        };
        format!("{}\n{patterns}", layout.prose(&lines.join("\n")))
    }

    /// The same for a machine.
    pub fn json(&self) -> Value {
        json!({
            "schema": 1, "target": self.target.name, "profile": self.target.profile.name,
            "environment": self.environment, "peaks": self.peaks, "energy": self.energy,
            "patterns": self.conformance.as_ref().map(|(table, _)| table),
        })
    }
}

fn machine_lines(target: &Target, found: &TargetEnvironment) -> Vec<String> {
    let mut lines = Vec::new();
    let mut say = |name: &str, value: &str| lines.push(format!("{name:<10} {value}"));
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
    lines
}

/// The engine's matrix product kernels for this processor, by what they add up in, the fastest first;
/// and how fast memory is read.
fn kernel_lines(found: &TargetEnvironment, peaks: Option<&MachineRoofline>) -> Vec<String> {
    let mut lines = vec!["\nproduct kernels that run here, by accumulator".to_string()];
    for (accumulator, names) in &found.kernels {
        lines.push(format!("  {accumulator:<8} {}", names.join(" ")));
    }
    let Some(peaks) = peaks else { return lines };
    lines.push(
        "\nwhat one core does at most, operands in cache, in billions of operations a second"
            .into(),
    );
    let mut kernels: Vec<_> = peaks.kernels.iter().collect();
    kernels.sort_by(|a, b| a.precision.cmp(&b.precision).then(b.gops.total_cmp(&a.gops)));
    for one in kernels {
        lines.push(format!("  {:<8} {:>8.1}  {}", one.precision, one.gops, one.kernel));
    }
    let reads = peaks.reads.iter().map(|r| format!("{} {:.1}", Bytes(r.bytes), r.gb_per_s));
    lines.push(format!("read in GB/s from {}", reads.collect::<Vec<_>>().join(", from ")));
    lines
}

fn sensor_lines(
    reports: &[SensorReport],
    energy: &Result<EnergySource, MissingReason>,
) -> Vec<String> {
    let mut lines = vec!["\npower sensors".to_string()];
    for SensorReport { source, there, found } in reports {
        match found {
            Ok(facts) => lines.push(format!(
                "  {source:<8} {}; covers {}; {:.0} readings a second; in steps of {}",
                facts.name, facts.coverage, facts.rate_hz, facts.resolution
            )),
            Err(MissingReason(why)) if *there => {
                lines.push(format!("  {source:<8} unusable: {why}"))
            }
            Err(MissingReason(why)) => lines.push(format!("  {source:<8} absent: {why}")),
        }
    }
    match energy {
        Ok(source) => lines
            .push(format!("energy comes from {}, unless a study says otherwise", source.name())),
        Err(MissingReason(why)) => lines.push(format!("no energy: {why}")),
    }
    lines.push(
        "a study can name others under [energy]: a command that prints watts, the log of a meter"
            .into(),
    );
    lines
}
