//! Fingerprint of a target while it measured.

use crate::schema::{SCHEMA, SensorReport};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Fingerprint of a target; `None` where the machine does not say it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TargetEnvironment {
    /// Format version.
    pub schema: u32,
    /// Board or machine model.
    pub board: Option<String>,
    /// Architecture the agent was compiled for, `x86_64` say.
    pub arch: String,
    /// Processor name.
    pub cpu: Option<String>,
    /// Processors online.
    pub cpus: usize,
    /// Instruction-set features that matter to kernels, sorted.
    pub cpu_features: Vec<String>,
    /// Frequency governor; where processors have several, each with its processors.
    pub governor: Option<String>,
    /// True if the agent's user may set the governor; `None` where there is none.
    #[serde(default)]
    pub governor_settable: Option<bool>,
    /// A Jetson's power mode, by number.
    #[serde(default)]
    pub power_mode: Option<String>,
    /// The system on the chip, by the names of its device tree.
    #[serde(default)]
    pub soc: Option<String>,
    /// Maker and part of the processor, as ARM processors say them: `0x41 0xd0b`.
    #[serde(default)]
    pub cpu_part: Option<String>,
    /// Caches of the first processor: `L1 Data 48K`.
    #[serde(default)]
    pub caches: Vec<String>,
    /// Lowest and highest frequency that a processor has, in kilohertz.
    #[serde(default)]
    pub frequency_range_khz: Option<(u64, u64)>,
    /// The operating system's own name.
    #[serde(default)]
    pub os_image: Option<String>,
    /// The compiler of the agent, its target, and what it was told.
    #[serde(default)]
    pub compiler: String,
    /// Kernel release.
    pub kernel: Option<String>,
    /// Physical memory.
    pub memory_bytes: Option<u64>,
    /// Engine and version.
    pub engine: String,
    /// Version of the agent.
    pub agent_version: String,
    /// True if the processor is emulated.
    pub emulated: bool,
    /// Kernels of matrix products that run there, by the type they add up in.
    #[serde(default)]
    pub kernels: BTreeMap<String, Vec<String>>,
    /// A GPU of the board, which no variant uses.
    #[serde(default)]
    pub unused_gpu: Option<String>,
    /// Every source of energy readings that was looked for.
    #[serde(default)]
    pub sensors: Vec<SensorReport>,
}

impl TargetEnvironment {
    /// An empty fingerprint of the current schema.
    pub fn new(engine: String, agent_version: String) -> Self {
        TargetEnvironment { schema: SCHEMA, engine, agent_version, ..TargetEnvironment::default() }
    }
}
