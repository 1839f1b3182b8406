//! Settings of this machine that make figures unsteady, and emulators that simulated boards need here;
//! with a remedy for each.

use crate::deploy::CheckFinding;
use paring_agent::sensors::SteadinessSettings;

/// Load of other programs, in processors, that does not disturb much.
const LITTLE_LOAD: f64 = 0.3;

/// Findings about this machine's settings.
pub fn check_host(settings: &SteadinessSettings) -> Vec<CheckFinding> {
    vec![boost(settings), shared_cores(settings), load(settings), emulation(settings)]
}

fn boost(SteadinessSettings { boost, boost_off, .. }: &SteadinessSettings) -> CheckFinding {
    match (boost, boost_off) {
        (Some(true), Some(off)) => CheckFinding::poor(
            "boost",
            "on: the clock follows temperature and the load of other cores".into(),
            format!("`{off}` while measuring"),
        ),
        (Some(_), _) => CheckFinding::good("boost", "off".into()),
        (None, _) => CheckFinding::good("boost", "the system has no switch for it".into()),
    }
}

fn shared_cores(settings: &SteadinessSettings) -> CheckFinding {
    match settings.shared_cores {
        Some(true) => CheckFinding::poor(
            "SMT",
            "on: two threads share a core and its caches".into(),
            "switch it off in the firmware, or write `affinity` under [protocol] with one processor of each core",
        ),
        Some(false) => CheckFinding::good("SMT", "off".into()),
        None => CheckFinding::good("SMT", "the system does not tell".into()),
    }
}

fn load(settings: &SteadinessSettings) -> CheckFinding {
    let text = |load: f64| format!("{load:.2} programs ran in the last minute");
    match settings.load {
        Some(found) if found <= LITTLE_LOAD => CheckFinding::good("load", text(found)),
        Some(found) => CheckFinding::poor(
            "load",
            text(found),
            "stop them, or let busy blocks be repeated: `most_load` under [protocol.conditions]",
        ),
        None => CheckFinding::good("load", "the system does not tell".into()),
    }
}

fn emulation(settings: &SteadinessSettings) -> CheckFinding {
    let text = match settings.emulators.is_empty() {
        false => settings.emulators.join(", "),
        true => "none; simulated boards need qemu-user-static, real ones nothing".into(),
    };
    CheckFinding::good("emulation", text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deploy::CheckGrade;

    #[test]
    fn settings_that_disturb_are_found_with_their_remedies() {
        let unsteady = SteadinessSettings {
            boost: Some(true),
            boost_off: Some("echo 1 | sudo tee /switch"),
            shared_cores: Some(true),
            load: Some(2.51),
            emulators: vec!["qemu-arm"],
        };
        let found = check_host(&unsteady);
        let poor = found.iter().filter(|f| f.grade == CheckGrade::Poor);
        assert_eq!(poor.map(|f| f.subject).collect::<Vec<_>>(), ["boost", "SMT", "load"]);
        assert!(found.iter().all(|f| (f.grade == CheckGrade::Poor) == f.remedy.is_some()));
        let remedy = found[0].remedy.as_deref();
        assert_eq!(remedy, Some("`echo 1 | sudo tee /switch` while measuring"));
        assert_eq!(found[2].observation, "2.51 programs ran in the last minute");
        assert_eq!(found[3].observation, "qemu-arm");
    }

    #[test]
    fn a_quiet_machine_is_well_and_an_unknown_one_says_so() {
        let quiet = SteadinessSettings {
            boost: Some(false),
            shared_cores: Some(false),
            load: Some(0.05),
            ..SteadinessSettings::default()
        };
        let unknown = SteadinessSettings::default();
        for settings in [&quiet, &unknown] {
            assert!(check_host(settings).iter().all(|f| f.grade == CheckGrade::Good));
        }
        assert_eq!(check_host(&unknown)[0].observation, "the system has no switch for it");
    }
}
