//! Temperature.

use super::first_line;
use crate::units::MilliCelsius;
use std::path::Path;

/// The hottest thermal zone now; `None` on a machine without any.
///
/// Source: the kernel's `Documentation/ABI/testing/sysfs-class-thermal` (thousandths of a degree).
pub fn hottest(root: &Path) -> Option<MilliCelsius> {
    let zones = std::fs::read_dir(root.join("sys/class/thermal")).ok()?;
    zones
        .flatten()
        .filter(|zone| zone.file_name().to_string_lossy().starts_with("thermal_zone"))
        .filter_map(|zone| first_line(&zone.path().join("temp"))?.parse().ok())
        .max()
        .map(MilliCelsius)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_the_hottest_zone_and_ignores_fans() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(hottest(root.path()), None);
        for (folder, value) in
            [("thermal_zone0", "48312"), ("thermal_zone1", "51000"), ("cooling_device0", "99999")]
        {
            let zone = root.path().join("sys/class/thermal").join(folder);
            std::fs::create_dir_all(&zone).unwrap();
            std::fs::write(zone.join("temp"), format!("{value}\n")).unwrap();
        }
        assert_eq!(hottest(root.path()), Some(MilliCelsius(51_000)));
    }
}
