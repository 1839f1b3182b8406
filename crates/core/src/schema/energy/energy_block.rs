//! Energy of windows, blocks and variants.

use crate::schema::{ConfidenceInterval, MissingReason, SensorFacts};
use crate::units::{LatencyNs, PowerMw};
use serde::{Deserialize, Serialize};

/// A span of time and what it took. Times count from the block's start.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EnergyWindow {
    /// Its start.
    pub start_ns: LatencyNs,
    /// Its end.
    pub end_ns: LatencyNs,
    /// Energy in microjoules, or why there is none.
    pub energy_uj: Result<f64, MissingReason>,
    /// Readings it stands on.
    pub readings: u32,
}

impl EnergyWindow {
    /// Its length.
    pub fn span(&self) -> LatencyNs {
        LatencyNs(self.end_ns.0.saturating_sub(self.start_ns.0))
    }

    /// Its mean power; `None` without energy or length.
    pub fn power(&self) -> Option<PowerMw> {
        let energy = *self.energy_uj.as_ref().ok()?;
        let span = self.span();
        (span.0 > 0).then(|| PowerMw(energy * 1e6 / span.as_f64()))
    }
}

/// The raw data of an energy block: idle, the model in a loop, idle. Windows begin and end well
/// inside their phase, so that a slow sensor does not see the neighbouring one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EnergyBlock {
    /// The sensor.
    pub sensor: SensorFacts,
    /// All spans of full load, the run's last, by which a meter's log is aligned; empty without one.
    pub pulse_ns: Vec<(LatencyNs, LatencyNs)>,
    /// The block's start by the target's clock, nanoseconds since 1970.
    pub started_unix_ns: u64,
    /// Before.
    pub idle_before: EnergyWindow,
    /// With the model running.
    pub run: EnergyWindow,
    /// After.
    pub idle_after: EnergyWindow,
    /// Inferences inside the window.
    pub inferences: u64,
}

impl EnergyBlock {
    /// True if its sensor gave no energy. A meter's log has it to give yet.
    pub fn unread(&self) -> bool {
        self.pulse_ns.is_empty() && self.missing().is_some()
    }

    /// Reason that the block gives no energy; `None` where it does.
    pub fn missing(&self) -> Option<&MissingReason> {
        let windows = [&self.run, &self.idle_before, &self.idle_after];
        windows.into_iter().find_map(|window| window.energy_uj.as_ref().err())
    }
}

/// Energy of one variant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EnergySummary {
    /// Windows it stands on.
    pub windows: usize,
    /// Energy of one inference above idle, in microjoules: median over windows, and the range that
    /// windows and the uncertainty of idle span.
    pub per_inference_uj: ConfidenceInterval,
    /// The same with the idle power inside.
    pub gross_uj: f64,
    /// Mean power with the model running.
    pub power: PowerMw,
    /// Mean power of the idle windows.
    pub idle: PowerMw,
    /// The sensor.
    pub sensor: SensorFacts,
}
