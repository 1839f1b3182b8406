//! The machine's fingerprint.

use super::{field, field_bytes, first_line};
use crate::record::Environment;
use std::path::Path;

/// Fingerprint of the machine whose `/proc` and `/sys` hang from `root`.
pub fn environment(root: &Path, engine: &str) -> Environment {
    let read = |file: &str| std::fs::read_to_string(root.join(file)).unwrap_or_default();
    let line = |file: &str| first_line(&root.join(file));
    let cpuinfo = read("proc/cpuinfo");
    let version = env!("CARGO_PKG_VERSION").to_string();
    Environment {
        board: line("proc/device-tree/model").or_else(|| line("sys/class/dmi/id/product_name")),
        arch: std::env::consts::ARCH.to_string(),
        cpu: field(&cpuinfo, "model name").or_else(|| field(&cpuinfo, "Model")),
        cpus: std::thread::available_parallelism().map_or(1, usize::from),
        cpu_features: features(),
        governor: line("sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
        kernel: line("proc/sys/kernel/osrelease"),
        memory_bytes: field_bytes(&read("proc/meminfo"), "MemTotal"),
        emulated: emulated(&cpuinfo, std::env::consts::ARCH),
        ..Environment::new(engine.to_string(), version)
    }
}

/// Whether a program for `arch` runs on a processor that calls itself otherwise: under user-mode
/// emulation `/proc/cpuinfo` is the host's.
fn emulated(cpuinfo: &str, arch: &str) -> bool {
    let x86 = cpuinfo.contains("vendor_id");
    let arm = cpuinfo.contains("CPU implementer");
    match arch {
        "x86_64" | "x86" => arm,
        "aarch64" | "arm" => x86,
        _ => x86 || arm,
    }
}

/// Instruction-set features that decide which kernels an engine can choose.
fn features() -> Vec<String> {
    let mut found: Vec<&str> = Vec::new();
    macro_rules! detect {
        ($detected:ident: $($name:tt),*) => {
            $(if std::arch::$detected!($name) { found.push($name); })*
        };
    }
    #[cfg(target_arch = "x86_64")]
    detect!(is_x86_feature_detected: "avx", "avx2", "fma", "f16c", "avx512f", "avx512vnni", "avxvnni");
    #[cfg(target_arch = "aarch64")]
    detect!(is_aarch64_feature_detected: "neon", "dotprod", "fp16", "i8mm", "sve");
    found.sort_unstable();
    found.into_iter().map(str::to_string).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_architecture_s_cpuinfo_means_emulation() {
        assert!(emulated("vendor_id : GenuineIntel", "aarch64"));
        assert!(!emulated("CPU implementer : 0x41", "aarch64"));
        assert!(!emulated("vendor_id : AuthenticAMD", "x86_64"));
    }

    #[test]
    fn a_bare_root_leaves_cells_empty() {
        let root = tempfile::tempdir().unwrap();
        let found = environment(root.path(), "engine");
        assert_eq!((found.board, found.cpu, found.governor), (None, None, None));
    }
}
