//! Memory of the current process.

use super::field_bytes;
use paring_core::schema::MemoryPoint;
use paring_core::units::Bytes;
use std::path::Path;

/// Memory of the current process now. `VmHWM` belongs to the address space, so a fresh process
/// starts at its own, unlike `ru_maxrss`, which survives exec.
///
/// Source: proc(5), `/proc/pid/status` and `/proc/pid/smaps_rollup`.
pub fn memory(root: &Path) -> MemoryPoint {
    let read = |file: &str| std::fs::read_to_string(root.join("proc/self").join(file));
    let status = read("status").unwrap_or_default();
    let rollup = read("smaps_rollup").unwrap_or_default();
    MemoryPoint {
        vm_hwm_bytes: field_bytes(&status, "VmHWM").map(Bytes),
        pss_bytes: field_bytes(&rollup, "Pss").map(Bytes),
        rss_anon_bytes: field_bytes(&status, "RssAnon").map(Bytes),
        ..MemoryPoint::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_kernel_s_words_and_nothing_where_there_are_none() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(memory(root.path()).vm_hwm_bytes, None);
        let own = root.path().join("proc/self");
        std::fs::create_dir_all(&own).unwrap();
        std::fs::write(own.join("status"), "Name:\tx\nVmHWM:\t   18784 kB\nRssAnon:\t 12 kB\n")
            .unwrap();
        std::fs::write(
            own.join("smaps_rollup"),
            "00-ff ---p 0 0:0 0 [rollup]\nRss: 9 kB\nPss:   7 kB\n",
        )
        .unwrap();
        let point = memory(root.path());
        assert_eq!(point.vm_hwm_bytes, Some(Bytes(18784 * 1024)));
        assert_eq!(point.rss_anon_bytes, Some(Bytes(12 * 1024)));
        assert_eq!(point.pss_bytes, Some(Bytes(7 * 1024)));
    }
}
