//! Running average power limit: energy counters of x86 processors.
//!
//! Source: the kernel's `Documentation/power/powercap` (control types, zones and sub-zones) and its
//! driver `intel_rapl`: a package and `psys` are zones of their own, `core`, `uncore` and `dram` are
//! sub-zones of a package.

use super::energy_counter::EnergyCounter;
use super::sensor_file::{entries, file_name, number, unreadable};
use paring_core::schema::MissingReason;
use std::path::{Path, PathBuf};

/// The kernel's interfaces to the same counters, in the order of preference: the processor's registers,
/// and the same mapped into memory.
const INTERFACES: [&str; 2] = ["intel-rapl:", "intel-rapl-mmio:"];

/// The counters of `psys`, which holds the packages, or of all packages where there is no `psys`. A
/// domain that two interfaces show counts once; sub-zones are part of their package and do not count.
#[derive(Debug)]
pub(super) struct RaplSensor {
    zones: Vec<RaplDomain>,
}

#[derive(Debug)]
struct RaplDomain {
    name: String,
    folder: PathBuf,
    counter: EnergyCounter,
}

impl RaplSensor {
    /// Finds the domains that hold all others and reads each once.
    ///
    /// # Errors
    /// Why there is no energy, and whether there are zones at all.
    pub(super) fn open(root: &Path) -> Result<Self, (bool, MissingReason)> {
        let folder = root.join("sys/class/powercap");
        let domains = domains(&folder).map_err(|why| (true, why))?;
        let of_kind = |kind: &str| {
            let named = move |zone: &&RaplDomain| zone.name.starts_with(kind);
            domains.iter().filter(named).map(|zone| zone.folder.clone()).collect::<Vec<_>>()
        };
        let (mut platforms, packages) = (of_kind("psys"), of_kind("package"));
        // Boards that do not wire the platform's counter leave it at zero.
        platforms.retain(|zone| number(&zone.join("energy_uj")).is_ok_and(|value| value > 0));
        let chosen = if platforms.is_empty() { packages } else { platforms };
        let mut zones = domains;
        zones.retain(|zone| chosen.contains(&zone.folder));
        if zones.is_empty() {
            let shown = folder.join("intel-rapl:*").display().to_string();
            let why = format!("no {shown}: no x86 processor, or its kernel or hypervisor hides it");
            return Err((false, MissingReason(why)));
        }
        for zone in &mut zones {
            let range =
                number(&zone.folder.join("max_energy_range_uj")).map_err(|why| (true, why))?;
            zone.counter = EnergyCounter::new(u64::try_from(range).unwrap_or(0));
        }
        let mut found = RaplSensor { zones };
        found.read(0).map_err(|why| (true, why))?;
        Ok(found)
    }

    /// The names of the domains.
    pub(super) fn name(&self) -> String {
        self.zones.iter().map(|zone| zone.name.as_str()).collect::<Vec<_>>().join(" + ")
    }

    /// Coverage of the domains.
    pub(super) fn coverage(&self) -> String {
        let platform = self.zones.iter().any(|zone| zone.name.starts_with("psys"));
        format!("{} ({})", if platform { "platform" } else { "SoC" }, self.name())
    }

    /// Energy since the first reading, in microjoules.
    pub(super) fn read(&mut self, at_ns: u64) -> Result<f64, MissingReason> {
        let mut sum = 0;
        for zone in &mut self.zones {
            let path = zone.folder.join("energy_uj");
            let value = u64::try_from(number(&path)?).unwrap_or(u64::MAX);
            sum += zone
                .counter
                .advance(at_ns, value)
                .map_err(|what| MissingReason(format!("{} {what}", path.display())))?;
        }
        Ok(sum as f64)
    }
}

/// Top-level zones, each domain once.
fn domains(folder: &Path) -> Result<Vec<RaplDomain>, MissingReason> {
    let mut found: Vec<RaplDomain> = Vec::new();
    for interface in INTERFACES {
        let mut own: Vec<RaplDomain> = Vec::new();
        let top = |path: &PathBuf| file_name(path).matches(':').count() == 1;
        for folder in entries(folder, interface).into_iter().filter(top) {
            let named = folder.join("name");
            let name = std::fs::read_to_string(&named).map_err(|e| unreadable(&named, &e))?;
            own.push(RaplDomain {
                name: name.trim().to_string(),
                folder,
                counter: EnergyCounter::new(0),
            });
        }
        // Domains of one interface are different ones, whatever they are called.
        own.retain(|zone| found.iter().all(|other| other.name != zone.name));
        found.extend(own);
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::super::sensor_file::tests::write;
    use super::*;

    /// A zone with its name and counter.
    fn zone(root: &Path, folder: &str, name: &str, energy: &str) {
        let at = |file: &str| format!("sys/class/powercap/{folder}/{file}");
        let range = at("max_energy_range_uj");
        let files = [(at("name"), name), (at("energy_uj"), energy), (range, "1000000")];
        files.iter().for_each(|(file, text)| write(root, &[(file, text)]));
    }

    #[test]
    fn packages_are_added_and_what_is_inside_them_is_not() {
        let root = tempfile::tempdir().unwrap();
        let (there, MissingReason(why)) = RaplSensor::open(root.path()).unwrap_err();
        assert!(!there && why.contains("intel-rapl:*"), "{why}");
        let zone = |folder: &str, name: &str, energy: &str| zone(root.path(), folder, name, energy);
        zone("intel-rapl:0", "package-0\n", "500\n");
        zone("intel-rapl:0:0", "core\n", "400\n");
        zone("intel-rapl:0:1", "dram\n", "40\n");
        zone("intel-rapl:1", "package-1\n", "999900\n");
        zone("intel-rapl-mmio:0", "package-0\n", "500\n");
        zone("intel-rapl-mmio:1", "package-1\n", "999900\n");
        let mut rapl = RaplSensor::open(root.path()).unwrap();
        assert_eq!(rapl.name(), "package-0 + package-1");
        assert_eq!(rapl.coverage(), "SoC (package-0 + package-1)");
        zone("intel-rapl:0", "package-0\n", "1500\n");
        zone("intel-rapl:0:0", "core\n", "900\n");
        zone("intel-rapl:1", "package-1\n", "200\n");
        zone("intel-rapl-mmio:0", "package-0\n", "1500\n");
        assert_eq!(rapl.read(1), Ok(1_000.0 + 300.0));
        zone("intel-rapl:1", "package-1\n", "broken\n");
        let MissingReason(why) = rapl.read(2).unwrap_err();
        assert!(why.contains("intel-rapl:1/energy_uj says `broken`"), "{why}");
        std::fs::remove_file(root.path().join("sys/class/powercap/intel-rapl:1/energy_uj"))
            .unwrap();
        assert!(rapl.read(3).unwrap_err().0.starts_with("no file"));
        let (there, MissingReason(why)) = RaplSensor::open(root.path()).unwrap_err();
        assert!(there && why.starts_with("no file"), "{why}");
    }

    #[test]
    fn the_memory_mapped_counter_counts_where_there_is_no_register() {
        let root = tempfile::tempdir().unwrap();
        zone(root.path(), "intel-rapl:0", "package-0\n", "500\n");
        zone(root.path(), "intel-rapl-mmio:0", "package-0\n", "700\n");
        zone(root.path(), "intel-rapl-mmio:1", "package-1\n", "900\n");
        let mut rapl = RaplSensor::open(root.path()).unwrap();
        assert_eq!(rapl.name(), "package-0 + package-1");
        zone(root.path(), "intel-rapl:0", "package-0\n", "501\n");
        zone(root.path(), "intel-rapl-mmio:0", "package-0\n", "5000\n");
        zone(root.path(), "intel-rapl-mmio:1", "package-1\n", "920\n");
        assert_eq!(rapl.read(1), Ok(21.0));
    }

    #[test]
    fn the_platform_holds_the_packages_and_stands_alone() {
        let root = tempfile::tempdir().unwrap();
        zone(root.path(), "intel-rapl:0", "package-0\n", "500\n");
        zone(root.path(), "intel-rapl:1", "psys\n", "7\n");
        let mut rapl = RaplSensor::open(root.path()).unwrap();
        assert_eq!((rapl.name(), rapl.coverage()), ("psys".into(), "platform (psys)".into()));
        zone(root.path(), "intel-rapl:0", "package-0\n", "600\n");
        zone(root.path(), "intel-rapl:1", "psys\n", "207\n");
        assert_eq!(rapl.read(1), Ok(200.0));
        // A board that does not wire it, or a user that may not read it, has the packages.
        for dead in ["0\n", "denied\n"] {
            zone(root.path(), "intel-rapl:1", "psys\n", dead);
            let rapl = RaplSensor::open(root.path()).unwrap();
            assert_eq!(rapl.coverage(), "SoC (package-0)");
        }
    }
}
