//! Processor time: of the whole machine, and of this process with the children it has waited for.

use std::path::Path;

/// Ticks a second as Linux shows programs, whatever its own clock: `USER_HZ`.
const TICKS_PER_SECOND: f64 = 100.0;

/// Processor time so far, in seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct CpuTime {
    /// All that ran, by whoever.
    busy: f64,
    /// Time that a hypervisor gave to other machines.
    stolen: f64,
    /// This process's own, and that of children it has waited for.
    own: f64,
}

impl CpuTime {
    /// Processor time until now; `None` where the kernel does not say.
    ///
    /// Source: proc(5), `/proc/stat` and `/proc/pid/stat`. The columns `guest` and `guest_nice` are
    /// part of `user` and `nice` already.
    pub(super) fn read(root: &Path) -> Option<CpuTime> {
        let all = std::fs::read_to_string(root.join("proc/stat")).ok()?;
        let own = std::fs::read_to_string(root.join("proc/self/stat")).ok()?;
        let columns: Vec<f64> =
            all.lines().next()?.strip_prefix("cpu ")?.split_whitespace().map(seconds).collect();
        let [user, nice, system, _idle, _iowait, irq, softirq, rest @ ..] = columns.as_slice()
        else {
            return None;
        };
        // The program's name, in brackets, may hold blanks; the fields behind it do not.
        let fields: Vec<&str> = own.rsplit(')').next()?.split_whitespace().collect();
        let own = fields.get(11..15)?.iter().map(|field| seconds(field)).sum();
        let busy = user + nice + system + irq + softirq;
        Some(CpuTime { busy, stolen: rest.first().copied().unwrap_or(0.0), own })
    }

    /// Processors' worth of work that others did since `before`, and of time that was stolen.
    pub(super) fn since(&self, before: &CpuTime, seconds: f64) -> Option<(f64, f64)> {
        if seconds <= 0.0 {
            return None;
        }
        let others = (self.busy - before.busy) - (self.own - before.own);
        Some(((others / seconds).max(0.0), ((self.stolen - before.stolen) / seconds).max(0.0)))
    }
}

fn seconds(ticks: &str) -> f64 {
    ticks.parse::<f64>().map_or(0.0, |ticks| ticks / TICKS_PER_SECOND)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(root: &Path, stat: &str, own: &str) {
        std::fs::create_dir_all(root.join("proc/self")).unwrap();
        std::fs::write(root.join("proc/stat"), stat).unwrap();
        std::fs::write(root.join("proc/self/stat"), own).unwrap();
    }

    #[test]
    fn others_are_what_is_not_one_s_own() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(CpuTime::read(root.path()), None);
        let own = |time: &str| format!("7 (a b) c) S 1 7 7 0 -1 4194304 9 9 0 0 {time} 20 0 1 0");
        tree(root.path(), "cpu  100 0 50 900 3 1 1 10 0 0\ncpu0 1\n", &own("10 10 5 5"));
        let before = CpuTime::read(root.path()).unwrap();
        tree(root.path(), "cpu  350 0 100 1000 3 1 1 60 0 0\ncpu0 1\n", &own("60 20 65 35"));
        let after = CpuTime::read(root.path()).unwrap();
        let (others, stolen) = after.since(&before, 2.0).unwrap();
        // 3.0 s ran, 1.5 s of it were ours, in two seconds.
        assert!((others - 0.75).abs() < 1e-9 && (stolen - 0.25).abs() < 1e-9, "{others} {stolen}");
    }
}
