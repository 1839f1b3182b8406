//! Sensors of the machine: the only place that names `/proc` and `/sys`.
//!
//! Every function takes the root folder those trees hang from, so that a test can hand in another.

mod command;
mod conditions;
mod control;
mod disks;
mod energy;
mod load;
mod machine;
mod memory;
mod processors;
mod thermal;
mod throttle;

pub use conditions::{ConditionObserver, ThermalMonitor, ThermalState};
pub use control::{
    ControlError, available_governors, boot_id, fix_clocks, governors, power_mode, release_clocks,
    set_governor, set_power_mode,
};
pub use disks::{BlockDevice, disks, forget, uses_of_file};
pub use energy::{EnergySampler, EnergySensor, ReadingKind, ReadingSeries, survey};
pub use machine::{SOURCES, emulated, environment};
pub use memory::memory;
pub use processors::ProcessorSet;
pub use thermal::{cool_down, hottest};

use std::path::Path;

/// The root of the running system.
pub fn root() -> &'static Path {
    Path::new("/")
}

/// A file's first line without blanks and trailing zero bytes; `None` where it cannot be read.
fn first_line(path: &Path) -> Option<String> {
    let text = std::fs::read_to_string(path).ok()?;
    let line = text.lines().next()?.trim_end_matches('\0').trim();
    (!line.is_empty()).then(|| line.to_string())
}

/// The value behind the first line that begins with `key`, up to the line's end, in files of
/// `key: value` lines.
fn field(text: &str, key: &str) -> Option<String> {
    text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        (name.trim() == key).then(|| value.trim().to_string())
    })
}

/// [`field`] of a value such as `123 kB`, in bytes.
fn field_bytes(text: &str, key: &str) -> Option<u64> {
    let value = field(text, key)?;
    value.strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}
