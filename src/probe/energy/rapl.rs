//! Running average power limit: energy counters of x86 processors.
//!
//! Source: the kernel's `Documentation/power/powercap`.

use super::counter::Counter;
use super::file::{entries, file_name, number, unreadable};
use crate::record::Missing;
use std::path::{Path, PathBuf};

/// The packages' counters. Sub-zones (cores, graphics) are part of their package and not added; nor
/// is `psys`, which holds the package too.
#[derive(Debug)]
pub(super) struct Rapl {
    zones: Vec<Zone>,
}

#[derive(Debug)]
struct Zone {
    name: String,
    path: PathBuf,
    counter: Counter,
}

impl Rapl {
    /// Finds the packages and reads each once.
    ///
    /// # Errors
    /// Why there is no energy, and whether there are zones at all.
    pub(super) fn open(root: &Path) -> Result<Self, (bool, Missing)> {
        let folder = root.join("sys/class/powercap");
        let top = |path: &PathBuf| file_name(path).matches(':').count() == 1;
        let mut zones = Vec::new();
        for zone in entries(&folder, "intel-rapl:").into_iter().filter(top) {
            let named = zone.join("name");
            let name = std::fs::read_to_string(&named)
                .map_err(|error| (true, unreadable(&named, &error)))?;
            if !name.starts_with("package") {
                continue;
            }
            let range = number(&zone.join("max_energy_range_uj")).map_err(|why| (true, why))?;
            zones.push(Zone {
                name: name.trim().to_string(),
                path: zone.join("energy_uj"),
                counter: Counter::new(u64::try_from(range).unwrap_or(0)),
            });
        }
        if zones.is_empty() {
            let shown = folder.join("intel-rapl:*").display().to_string();
            let why = format!("no {shown}: no x86 processor, or its kernel or hypervisor hides it");
            return Err((false, Missing(why)));
        }
        let mut found = Rapl { zones };
        found.read(0).map_err(|why| (true, why))?;
        Ok(found)
    }

    /// The names of the packages.
    pub(super) fn name(&self) -> String {
        self.zones.iter().map(|zone| zone.name.as_str()).collect::<Vec<_>>().join(" + ")
    }

    /// Energy since the first reading, in microjoules.
    pub(super) fn read(&mut self, at_ns: u64) -> Result<f64, Missing> {
        let mut sum = 0;
        for zone in &mut self.zones {
            let value = u64::try_from(number(&zone.path)?).unwrap_or(u64::MAX);
            sum += zone
                .counter
                .advance(at_ns, value)
                .map_err(|what| Missing(format!("{} {what}", zone.path.display())))?;
        }
        Ok(sum as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::super::file::tests::write;
    use super::*;

    #[test]
    fn packages_are_added_and_what_is_inside_them_is_not() {
        let root = tempfile::tempdir().unwrap();
        let (there, Missing(why)) = Rapl::open(root.path()).unwrap_err();
        assert!(!there && why.contains("intel-rapl:*"), "{why}");
        let zone = |folder: &str, name: &str, energy: &str| {
            let at = |file: &str| format!("sys/class/powercap/{folder}/{file}");
            let range = at("max_energy_range_uj");
            let files = [(at("name"), name), (at("energy_uj"), energy), (range, "1000000")];
            files.iter().for_each(|(file, text)| write(root.path(), &[(file, text)]));
        };
        zone("intel-rapl:0", "package-0\n", "500\n");
        zone("intel-rapl:0:0", "core\n", "400\n");
        zone("intel-rapl:1", "package-1\n", "999900\n");
        zone("intel-rapl:2", "psys\n", "7\n");
        zone("intel-rapl-mmio:0", "package-0\n", "500\n");
        let mut rapl = Rapl::open(root.path()).unwrap();
        assert_eq!(rapl.name(), "package-0 + package-1");
        zone("intel-rapl:0", "package-0\n", "1500\n");
        zone("intel-rapl:1", "package-1\n", "200\n");
        assert_eq!(rapl.read(1), Ok(1_000.0 + 300.0));
        zone("intel-rapl:1", "package-1\n", "broken\n");
        let Missing(why) = rapl.read(2).unwrap_err();
        assert!(why.contains("intel-rapl:1/energy_uj says `broken`"), "{why}");
        std::fs::remove_file(root.path().join("sys/class/powercap/intel-rapl:1/energy_uj"))
            .unwrap();
        assert!(rapl.read(3).unwrap_err().0.starts_with("no file"));
        let (there, Missing(why)) = Rapl::open(root.path()).unwrap_err();
        assert!(there && why.starts_with("no file"), "{why}");
    }
}
