//! The processors that a block may run on, and what their frequency policies say. A processor
//! outside of the set is no concern of the block, whatever its cluster does.
//!
//! Source: the kernel's `Documentation/admin-guide/pm/cpufreq.rst` (`cpuN/cpufreq` links to the
//! policy, frequencies in kilohertz).

use super::first_line;
use rustix::thread::{CpuSet, sched_getaffinity};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

const FOLDER: &str = "sys/devices/system/cpu";

/// Processors of one machine, by number.
#[derive(Clone, Debug)]
pub struct ProcessorSet {
    root: PathBuf,
    numbers: Vec<usize>,
    policies: Vec<FrequencyPolicy>,
}

/// The frequency policy of some of the processors: a cluster's, or a processor's own.
#[derive(Clone, Debug)]
pub(super) struct FrequencyPolicy {
    folder: PathBuf,
    /// The processors of the set that it rules.
    pub(super) numbers: Vec<usize>,
}

impl ProcessorSet {
    /// The processors of these numbers.
    pub fn of(root: &Path, numbers: &[usize]) -> ProcessorSet {
        let numbers: Vec<usize> =
            numbers.iter().copied().collect::<BTreeSet<_>>().into_iter().collect();
        let mut policies: Vec<FrequencyPolicy> = Vec::new();
        for number in &numbers {
            let link = root.join(FOLDER).join(format!("cpu{number}/cpufreq"));
            let Ok(folder) = link.canonicalize() else { continue };
            match policies.iter_mut().find(|policy| policy.folder == folder) {
                Some(policy) => policy.numbers.push(*number),
                None => policies.push(FrequencyPolicy { folder, numbers: vec![*number] }),
            }
        }
        ProcessorSet { root: root.to_path_buf(), numbers, policies }
    }

    /// All processors of the machine.
    pub fn all(root: &Path) -> ProcessorSet {
        let entries = std::fs::read_dir(root.join(FOLDER)).into_iter().flatten().flatten();
        let number = |entry: std::fs::DirEntry| {
            entry.file_name().to_str()?.strip_prefix("cpu")?.parse().ok()
        };
        ProcessorSet::of(root, &entries.filter_map(number).collect::<Vec<usize>>())
    }

    /// The processors that this process may run on; all where the kernel does not say.
    pub fn of_process(root: &Path) -> ProcessorSet {
        match sched_getaffinity(None) {
            Ok(allowed) => {
                let numbers: Vec<usize> =
                    (0..CpuSet::MAX_CPU).filter(|number| allowed.is_set(*number)).collect();
                ProcessorSet::of(root, &numbers)
            }
            Err(_) => ProcessorSet::all(root),
        }
    }

    /// Their numbers, ascending.
    pub fn numbers(&self) -> &[usize] {
        &self.numbers
    }

    /// The folder that `/proc` and `/sys` hang from.
    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// The policies that rule them, each once.
    pub(super) fn policies(&self) -> &[FrequencyPolicy] {
        &self.policies
    }

    /// A file of one processor.
    pub(super) fn file(&self, number: usize, file: &str) -> PathBuf {
        self.root.join(FOLDER).join(format!("cpu{number}")).join(file)
    }

    /// Lowest and highest of their frequencies now, in kilohertz.
    pub(super) fn frequency_khz(&self) -> Option<(u64, u64)> {
        let now = self.policies.iter().filter_map(|policy| policy.khz("scaling_cur_freq"));
        now.fold(None, |seen, khz| {
            let (low, high) = seen.unwrap_or((khz, khz));
            Some((low.min(khz), high.max(khz)))
        })
    }

    /// Lowest and highest frequency that their hardware has, in kilohertz.
    pub(super) fn frequency_range_khz(&self) -> Option<(u64, u64)> {
        let of = |file: &'static str| self.policies.iter().filter_map(move |p| p.khz(file));
        Some((of("cpuinfo_min_freq").min()?, of("cpuinfo_max_freq").max()?))
    }

    /// Their governor; where they have several, each with its processors.
    pub(super) fn governor(&self) -> Option<String> {
        let mut governors: Vec<(String, Vec<usize>)> = Vec::new();
        for policy in &self.policies {
            let Some(name) = first_line(&policy.folder.join("scaling_governor")) else { continue };
            match governors.iter_mut().find(|(other, _)| *other == name) {
                Some((_, numbers)) => numbers.extend(&policy.numbers),
                None => governors.push((name, policy.numbers.clone())),
            }
        }
        match governors.as_slice() {
            [] => None,
            [(name, _)] => Some(name.clone()),
            several => {
                let each = several.iter().map(|(name, on)| format!("{name} ({})", ranges(on)));
                Some(each.collect::<Vec<_>>().join(", "))
            }
        }
    }

    /// True if one of them shares a frequency policy with the processor `number`.
    pub(super) fn share_policy(&self, number: usize) -> bool {
        let related = first_line(&self.file(number, "cpufreq/related_cpus")).unwrap_or_default();
        let mut related = related.split_whitespace().filter_map(|n| n.parse::<usize>().ok());
        let folder = self.file(number, "cpufreq").canonicalize().ok();
        self.numbers.contains(&number)
            || related.any(|n| self.numbers.contains(&n))
            || self.policies.iter().any(|policy| Some(&policy.folder) == folder.as_ref())
    }

    /// True if one of them is in the package of the processor `number`, or the kernel does not say.
    pub(super) fn share_package(&self, number: usize) -> bool {
        let package = |n: usize| first_line(&self.file(n, "topology/physical_package_id"));
        let Some(theirs) = package(number) else { return true };
        self.numbers.iter().any(|own| package(*own).is_none_or(|own| own == theirs))
    }
}

impl FrequencyPolicy {
    /// A frequency of the policy in kilohertz.
    pub(super) fn khz(&self, file: &str) -> Option<u64> {
        first_line(&self.folder.join(file))?.parse().ok()
    }

    /// True if the policy may use less than its hardware has, or does not say.
    pub(super) fn is_capped(&self) -> bool {
        let (cap, most) = (self.khz("scaling_max_freq"), self.khz("cpuinfo_max_freq"));
        cap.zip(most).is_none_or(|(cap, most)| cap < most)
    }
}

/// Processor numbers, ascending, as the kernel lists them: `0-3,6`.
pub(super) fn ranges(numbers: &[usize]) -> String {
    let runs = numbers.chunk_by(|a, b| a + 1 == *b).filter_map(|run| {
        let (first, last) = (run.first()?, run.last()?);
        Some(if first == last { first.to_string() } else { format!("{first}-{last}") })
    });
    runs.collect::<Vec<_>>().join(",")
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::sensors) fn write(root: &Path, file: &str, text: &str) {
        let path = root.join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// Two clusters as the kernel shows them: processors 0 to 3 slow, 4 and 5 fast, each processor's
    /// folder a link to its policy.
    pub(in crate::sensors) fn big_little() -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (policy, numbers, most) in [(0, 0..4, "1800000\n"), (4, 4..6, "2400000\n")] {
            let related = numbers.clone().map(|n: usize| n.to_string()).collect::<Vec<_>>();
            set(root.path(), policy, "related_cpus", &format!("{}\n", related.join(" ")));
            set(root.path(), policy, "scaling_governor", "schedutil\n");
            set(root.path(), policy, "cpuinfo_min_freq", "408000\n");
            for file in ["cpuinfo_max_freq", "scaling_max_freq", "scaling_cur_freq"] {
                set(root.path(), policy, file, most);
            }
            for number in numbers {
                let folder = root.path().join(FOLDER).join(format!("cpu{number}"));
                std::fs::create_dir_all(&folder).unwrap();
                let target = format!("../cpufreq/policy{policy}");
                std::os::unix::fs::symlink(target, folder.join("cpufreq")).unwrap();
            }
        }
        root
    }

    /// Writes a file of a policy.
    pub(in crate::sensors) fn set(root: &Path, policy: usize, file: &str, text: &str) {
        write(root, &format!("{FOLDER}/cpufreq/policy{policy}/{file}"), text);
    }

    #[test]
    fn frequencies_and_governors_are_those_of_the_processors_asked_for() {
        let root = big_little();
        let of = |numbers: &[usize]| ProcessorSet::of(root.path(), numbers);
        set(root.path(), 4, "scaling_cur_freq", "600000\n");
        set(root.path(), 4, "scaling_governor", "performance\n");
        assert_eq!(of(&[5]).frequency_khz(), Some((600_000, 600_000)));
        assert_eq!(of(&[1, 0]).frequency_khz(), Some((1_800_000, 1_800_000)));
        assert_eq!(of(&[3, 4]).frequency_khz(), Some((600_000, 1_800_000)));
        assert_eq!(of(&[4, 5]).governor().as_deref(), Some("performance"));
        let all = ProcessorSet::all(root.path());
        assert_eq!(all.numbers(), [0, 1, 2, 3, 4, 5]);
        assert_eq!(all.policies().len(), 2);
        assert_eq!(all.governor().as_deref(), Some("schedutil (0-3), performance (4-5)"));
        assert_eq!(all.frequency_range_khz(), Some((408_000, 2_400_000)));
        set(root.path(), 4, "scaling_cur_freq", "<unknown>\n");
        assert_eq!(of(&[5]).frequency_khz(), None);
        assert_eq!(of(&[9]).frequency_khz(), None);
        assert_eq!(of(&[9]).governor(), None);
    }

    #[test]
    fn clusters_and_packages_are_told_apart() {
        let root = big_little();
        let fast = ProcessorSet::of(root.path(), &[5]);
        assert!(fast.share_policy(4) && fast.share_policy(5) && !fast.share_policy(0));
        assert!(fast.share_package(0), "a kernel that does not say");
        for (number, package) in [(0, "0\n"), (5, "1\n")] {
            let file = format!("{FOLDER}/cpu{number}/topology/physical_package_id");
            write(root.path(), &file, package);
        }
        assert!(!fast.share_package(0) && fast.share_package(5));
        assert_eq!(ranges(&[0, 1, 2, 4, 6, 7]), "0-2,4,6-7");
        assert_eq!(ranges(&[]), "");
    }

    #[test]
    fn a_process_may_run_somewhere() {
        let root = tempfile::tempdir().unwrap();
        assert!(!ProcessorSet::of_process(root.path()).numbers().is_empty());
        assert!(ProcessorSet::all(root.path()).numbers().is_empty());
    }
}
