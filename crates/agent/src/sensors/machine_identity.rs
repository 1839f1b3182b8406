//! The machine's fingerprint.

use super::{ProcessorSet, machine_control::governor_settable, machine_control::power_mode};
use super::{field, field_bytes, first_line};
use paring_core::schema::TargetEnvironment;
use std::path::Path;

/// Hash of the sources that this program was built from.
pub const SOURCES: &str = concat!("sources:", env!("PARING_SOURCES"));

/// Compiler of this program, with its target, features and flags.
pub const COMPILER: &str = env!("PARING_COMPILER");

/// Fingerprint of the machine whose `/proc` and `/sys` hang from `root`.
pub fn environment(root: &Path, engine: &str) -> TargetEnvironment {
    let read = |file: &str| std::fs::read_to_string(root.join(file)).unwrap_or_default();
    let line = |file: &str| first_line(&root.join(file));
    let cpuinfo = read("proc/cpuinfo");
    let processors = ProcessorSet::all(root);
    let version = env!("CARGO_PKG_VERSION").to_string();
    TargetEnvironment {
        board: line("proc/device-tree/model").or_else(|| line("sys/class/dmi/id/product_name")),
        arch: std::env::consts::ARCH.to_string(),
        cpu: field(&cpuinfo, "model name").or_else(|| field(&cpuinfo, "Model")),
        cpus: std::thread::available_parallelism().map_or(1, usize::from),
        cpu_features: features(&cpuinfo),
        governor: processors.governor(),
        governor_settable: governor_settable(root),
        power_mode: power_mode(root),
        soc: soc(root),
        cpu_part: cpu_part(&cpuinfo),
        caches: caches(root),
        frequency_range_khz: processors.frequency_range_khz(),
        os_image: os_image(&read("etc/os-release")),
        compiler: COMPILER.to_string(),
        kernel: line("proc/sys/kernel/osrelease"),
        memory_bytes: field_bytes(&read("proc/meminfo"), "MemTotal"),
        emulated: foreign(&cpuinfo, std::env::consts::ARCH),
        ..TargetEnvironment::new(engine.to_string(), version)
    }
}

/// The device tree's `compatible`, most specific first, without the board: `brcm,bcm2712`.
fn soc(root: &Path) -> Option<String> {
    let text = std::fs::read_to_string(root.join("proc/device-tree/compatible")).ok()?;
    let last = text.split('\0').rfind(|name| !name.is_empty())?;
    Some(last.to_string())
}

/// Source: the kernel's arm64 `cpuinfo`, one block a processor; the first one's.
fn cpu_part(cpuinfo: &str) -> Option<String> {
    let maker = field(cpuinfo, "CPU implementer")?;
    Some(format!("{maker} {}", field(cpuinfo, "CPU part")?))
}

/// Source: the kernel's `Documentation/ABI/testing/sysfs-devices-system-cpu`.
fn caches(root: &Path) -> Vec<String> {
    let folder = root.join("sys/devices/system/cpu/cpu0/cache");
    let each = (0..16).map_while(|index| {
        let line = |file: &str| first_line(&folder.join(format!("index{index}")).join(file));
        Some(format!("L{} {} {}", line("level")?, line("type")?, line("size")?))
    });
    each.collect()
}

/// Source: os-release(5).
fn os_image(text: &str) -> Option<String> {
    let value = text.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="))?;
    Some(value.trim_matches('"').to_string())
}

/// True if this program runs on an emulated processor.
pub fn emulated(root: &Path) -> bool {
    let cpuinfo = std::fs::read_to_string(root.join("proc/cpuinfo")).unwrap_or_default();
    foreign(&cpuinfo, std::env::consts::ARCH)
}

/// True if a program for `arch` runs on a processor that calls itself otherwise: under user-mode
/// emulation `/proc/cpuinfo` is the host's.
fn foreign(cpuinfo: &str, arch: &str) -> bool {
    let x86 = cpuinfo.contains("vendor_id");
    let arm = cpuinfo.contains("CPU implementer");
    match arch {
        "x86_64" | "x86" => arm,
        "aarch64" | "arm" => x86,
        _ => x86 || arm,
    }
}

/// Instruction-set features that decide which kernels an engine can choose. On 32-bit ARM as the
/// kernel lists them: the standard library does not tell there.
fn features(cpuinfo: &str) -> Vec<String> {
    let mut found: Vec<&str> = Vec::new();
    #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
    macro_rules! detect {
        ($detected:ident: $($name:tt),*) => {
            $(if std::arch::$detected!($name) { found.push($name); })*
        };
    }
    #[cfg(target_arch = "x86_64")]
    detect!(is_x86_feature_detected: "avx", "avx2", "fma", "f16c", "avx512f", "avx512vnni", "avxvnni");
    #[cfg(target_arch = "aarch64")]
    detect!(is_aarch64_feature_detected: "neon", "dotprod", "fp16", "i8mm", "sve");
    if cfg!(target_arch = "arm") {
        let line = cpuinfo.lines().find_map(|line| line.strip_prefix("Features"));
        let words = line.unwrap_or_default().split_whitespace();
        found.extend(words.filter(|word| ["neon", "vfpv4", "asimd"].contains(word)));
    }
    found.sort_unstable();
    found.into_iter().map(str::to_string).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_architecture_s_cpuinfo_means_emulation() {
        assert!(foreign("vendor_id : GenuineIntel", "aarch64"));
        assert!(!foreign("CPU implementer : 0x41", "aarch64"));
        assert!(!foreign("vendor_id : AuthenticAMD", "x86_64"));
    }

    #[test]
    fn a_board_says_what_it_is() {
        let root = tempfile::tempdir().unwrap();
        let write = |file: &str, text: &str| {
            let path = root.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        write("proc/device-tree/model", "Raspberry Pi 5 Model B Rev 1.0\0");
        write("proc/device-tree/compatible", "raspberrypi,5-model-b\0brcm,bcm2712\0");
        write("proc/cpuinfo", "processor\t: 0\nCPU implementer\t: 0x41\nCPU part\t: 0xd0b\n");
        write(
            "etc/os-release",
            "NAME=\"Debian\"\nPRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\n",
        );
        let cache = "sys/devices/system/cpu/cpu0/cache/index0";
        write(&format!("{cache}/level"), "1\n");
        write(&format!("{cache}/type"), "Data\n");
        write(&format!("{cache}/size"), "64K\n");
        let frequency = "sys/devices/system/cpu/cpu0/cpufreq";
        write(&format!("{frequency}/cpuinfo_min_freq"), "1500000\n");
        write(&format!("{frequency}/cpuinfo_max_freq"), "2400000\n");
        let found = environment(root.path(), "engine");
        assert_eq!(found.board.as_deref(), Some("Raspberry Pi 5 Model B Rev 1.0"));
        assert_eq!(found.soc.as_deref(), Some("brcm,bcm2712"));
        assert_eq!(found.cpu_part.as_deref(), Some("0x41 0xd0b"));
        assert_eq!(found.caches, ["L1 Data 64K"]);
        assert_eq!(found.frequency_range_khz, Some((1_500_000, 2_400_000)));
        assert_eq!(found.os_image.as_deref(), Some("Debian GNU/Linux 12 (bookworm)"));
        assert!(found.compiler.starts_with("rustc "), "{}", found.compiler);
    }

    #[test]
    fn a_bare_root_leaves_cells_empty() {
        let root = tempfile::tempdir().unwrap();
        let found = environment(root.path(), "engine");
        assert_eq!((found.board, found.cpu, found.governor), (None, None, None));
    }
}
