//! Sensors of the machine: the only place that names `/proc` and `/sys`.
//!
//! Every function takes the root folder those trees hang from, so that a test can hand in another.

mod program_output;
mod condition_observer;
mod machine_control;
mod block_devices;
mod energy;
mod cpu_time;
mod kernel_files;
mod machine_identity;
mod memory;
mod processor_set;
mod thermal;
mod throttling;

pub use block_devices::{BlockDevice, disks, forget, uses_of_file};
pub use condition_observer::{ConditionObserver, ThermalMonitor, ThermalState};
pub use energy::{EnergySampler, EnergySensor, ReadingKind, ReadingSeries, survey};
pub use kernel_files::root;
pub use machine_control::{
    ControlError, SteadinessSettings, available_governors, boot_id, fix_clocks, governors,
    power_mode, release_clocks, set_governor, set_power_mode, steadiness_settings,
};
pub use machine_identity::{COMPILER, SOURCES, emulated, environment};
pub use memory::memory;
pub use processor_set::ProcessorSet;
pub use thermal::{cool_down, hottest};

use kernel_files::{field, field_bytes, first_line};
