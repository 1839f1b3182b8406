//! A target checked for everything that a measurement needs, with a remedy for each finding.

use super::board::{Board, TargetEvent};
use super::target_session::TargetSession;
use crate::TargetError;
use crate::inventory::{Target, TargetTransport};
use crate::profiles::TargetProfile;
use crate::transport::{LocalAgent, ProcessLimits, path_argument};
use paring_core::error_chain::error_chain;
use paring_core::schema::{MissingReason, SensorReport, TargetEnvironment};
use paring_core::units::Bytes;
use serde::Serialize;
use std::time::{Duration, SystemTime};

/// An agent, some variants and their journals need this much.
const ROOM: u64 = 200 << 20;
/// A clock that is further off makes times of different boards incomparable.
const MOST_SKEW: Duration = Duration::from_secs(5);

/// Free kilobytes where the work folder is, and the board's clock.
const ROOM_AND_TIME: &str = r#"mkdir -p "$1" && df -Pk "$1" | tail -n 1 && date +%s"#;
/// The files of the governor, as a person types them.
const GOVERNORS: &str = "/sys/devices/system/cpu/cpu*/cpufreq/scaling_governor";
/// The result of one check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CheckFinding {
    /// The thing that was checked.
    #[serde(rename = "what")]
    pub subject: &'static str,
    /// Its state.
    pub grade: CheckGrade,
    /// The state in words.
    #[serde(rename = "found")]
    pub observation: String,
    /// The remedy, where one is needed.
    #[serde(rename = "mend")]
    pub remedy: Option<String>,
}

/// The state of a thing that was checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CheckGrade {
    /// As it should be.
    Good,
    /// Measuring works, but something stands in the way of good figures.
    Poor,
    /// Nothing can be measured.
    Bad,
}

impl CheckFinding {
    /// A thing that is as it should be.
    pub fn good(subject: &'static str, observation: String) -> Self {
        CheckFinding { subject, grade: CheckGrade::Good, observation, remedy: None }
    }

    /// Something that stands in the way of good figures, and its remedy.
    pub fn poor(subject: &'static str, observation: String, remedy: impl Into<String>) -> Self {
        CheckFinding { subject, grade: CheckGrade::Poor, observation, remedy: Some(remedy.into()) }
    }

    /// Something without which nothing can be measured.
    pub fn bad(subject: &'static str, observation: String) -> Self {
        CheckFinding { subject, grade: CheckGrade::Bad, observation, remedy: None }
    }
}

/// Checks everything that a measurement needs. Checks that need something missing are left out.
pub fn check_target(target: &Target, on_event: &mut dyn FnMut(TargetEvent)) -> Vec<CheckFinding> {
    let mut findings = Vec::new();
    let outcome = match &target.transport {
        TargetTransport::Local => LocalAgent.probe(None),
        TargetTransport::Ssh(_) | TargetTransport::Labgrid(..) => {
            TargetSession::open(target, None, on_event)
                .and_then(|mut site| check_board(site.board()?, &mut findings))
        }
    };
    match outcome {
        Ok(environment) => findings.extend(check_environment(target, &environment)),
        Err(error) => {
            let subject = if findings.is_empty() { "connection" } else { "agent" };
            findings.push(CheckFinding::bad(subject, error_chain(&error)));
        }
    }
    findings
}

fn check_board(
    board: &mut Board,
    findings: &mut Vec<CheckFinding>,
) -> Result<TargetEnvironment, TargetError> {
    let work = path_argument(&board.target().profile.work);
    let words = ["sh", "-c", ROOM_AND_TIME, "look at the work folder", &work];
    let asked_at = SystemTime::now();
    let answer = board
        .with_connection(&mut |connection, _| connection.run(&words, &ProcessLimits::short()))?;
    let round_trip = asked_at.elapsed().unwrap_or_default();
    findings.push(CheckFinding::good(
        "connection",
        format!("answers within {} ms", round_trip.as_millis()),
    ));
    findings.extend(check_room_and_clock(&String::from_utf8_lossy(&answer), asked_at, round_trip));
    let sent = board.deploy(&[])?;
    let version = board.version()?;
    findings.push(CheckFinding::good("agent", format!("{version}; {} sent", Bytes(sent))));
    board.probe(None)
}

fn check_room_and_clock(
    answer: &str,
    asked_at: SystemTime,
    round_trip: Duration,
) -> Vec<CheckFinding> {
    let mut lines = answer.lines();
    let room = lines.next().and_then(|line| line.split_whitespace().nth(3)?.parse::<u64>().ok());
    let room = match room.map(|kilobytes| Bytes(kilobytes * 1024)) {
        Some(free) if free.0 >= ROOM => CheckFinding::good("room", format!("{free} free")),
        Some(free) => {
            let remedy = "free some, or name another `work` folder in the inventory";
            CheckFinding::poor("room", format!("{free} free"), remedy)
        }
        None => CheckFinding::bad("room", "`df` gives no answer that is understood".into()),
    };
    let board_time = lines.next().and_then(|line| line.trim().parse::<u64>().ok());
    let host_time = asked_at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let skew = board_time.map(|seconds| Duration::from_secs(seconds).abs_diff(host_time));
    let clock = match skew {
        Some(skew) if skew <= MOST_SKEW + round_trip => {
            CheckFinding::good("clock", "agrees with this one".into())
        }
        Some(skew) => {
            let observation =
                format!("{} s off; order of blocks does not depend on it", skew.as_secs());
            CheckFinding::poor(
                "clock",
                observation,
                "let it follow a time server: `timedatectl set-ntp true`",
            )
        }
        None => CheckFinding::bad("clock", "`date` gives no answer that is understood".into()),
    };
    vec![room, clock]
}

/// Compares a machine with its profile.
fn check_environment(target: &Target, environment: &TargetEnvironment) -> Vec<CheckFinding> {
    let profile = &target.profile;
    let board = environment.board.clone().unwrap_or_else(|| "a machine without a name".into());
    let emulated = if environment.emulated { ", EMULATED: not a board's speed" } else { "" };
    let named = format!("{board}, {} ({}){emulated}", environment.arch, profile.name);
    let mut findings =
        vec![if profile.models.is_empty() || profile.matches_machine(&board, &environment.arch) {
            CheckFinding::good("board", named)
        } else {
            let remedy = format!("is `extends = \"{}\"` right?", profile.name);
            CheckFinding::poor("board", named, remedy)
        }];
    if let Some(cores) = profile.cores.filter(|cores| *cores != environment.cpus) {
        let text = format!("{} online, the profile says {cores}", environment.cpus);
        findings.push(CheckFinding::poor(
            "processors",
            text,
            "set `cores` in the inventory, or a power mode with all of them",
        ));
    }
    findings.extend(check_speed(profile, environment));
    findings.push(check_energy(profile, environment));
    if let Some(gpu) = &profile.gpu {
        let text = format!("{gpu}: not used, variants run on the processor");
        findings.push(CheckFinding::good("gpu", text));
    }
    findings
}

/// Checks that energy can be read: a sensor that is there and refuses needs a remedy, none does not.
fn check_energy(profile: &TargetProfile, environment: &TargetEnvironment) -> CheckFinding {
    let Err(MissingReason(why)) = profile.energy.resolve(&environment.sensors) else {
        return CheckFinding::good("energy", "has a sensor that can be read".into());
    };
    let wanted = |source: &str| [source, "auto"].contains(&profile.energy.name());
    let refuses = |s: &&SensorReport| s.there && s.found.is_err() && wanted(&s.source);
    match environment.sensors.iter().find(refuses) {
        // A sensor's reason for its refusal ends with the remedy.
        Some(_) => match why.split_once("; ") {
            Some((why, remedy)) => CheckFinding::poor("energy", format!("none: {why}"), remedy),
            None => CheckFinding::poor("energy", "none".into(), why),
        },
        None => CheckFinding::good("energy", format!("none: {why}")),
    }
}

/// Checks the settings of the machine's speed.
fn check_speed(profile: &TargetProfile, environment: &TargetEnvironment) -> Vec<CheckFinding> {
    let governor = match (environment.governor.as_deref(), profile.governor.as_deref()) {
        (Some(now), Some(wanted)) if now != wanted => {
            let (may, remedy) = match environment.governor_settable {
                Some(true) => (
                    "which the agent may set",
                    format!("`governor = \"{wanted}\"` under [protocol.conditions] of the study"),
                ),
                _ => (
                    "which the agent may not set",
                    format!("`echo {wanted} | sudo tee {GOVERNORS}` on the board"),
                ),
            };
            CheckFinding::poor("governor", format!("{now}, should be {wanted}, {may}"), remedy)
        }
        (Some(now), _) => CheckFinding::good("governor", now.to_string()),
        (None, _) => CheckFinding::good("governor", "the machine has none to set".into()),
    };
    let mut findings = vec![governor];
    let now = environment.power_mode.as_ref();
    if let Some(wanted) = profile.power_mode.as_ref().filter(|wanted| now != Some(*wanted)) {
        let text = format!("{}, should be {wanted}", now.map_or("unknown", String::as_str));
        findings.push(CheckFinding::poor(
            "power mode",
            text,
            format!("`sudo nvpmodel -m {wanted}` on the board"),
        ));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profiles::shipped_profile;

    #[test]
    fn a_full_disk_and_a_clock_that_stood_still_are_found() {
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        let answer = "/dev/mmcblk0p2 61000000 1000 1000 99% /\n100\n";
        let found = check_room_and_clock(answer, at(100), Duration::ZERO);
        assert_eq!(
            found.iter().map(|f| f.grade).collect::<Vec<_>>(),
            [CheckGrade::Poor, CheckGrade::Good]
        );
        assert_eq!(found[0].observation, "1000 KiB free");
        let found = check_room_and_clock(
            &answer.replace("1000 99%", "9000000 9%"),
            at(9000),
            Duration::ZERO,
        );
        assert_eq!(
            found.iter().map(|f| f.grade).collect::<Vec<_>>(),
            [CheckGrade::Good, CheckGrade::Poor]
        );
        let found = check_room_and_clock("welcome", at(0), Duration::ZERO);
        assert!(found.iter().all(|f| f.grade == CheckGrade::Bad));
    }

    #[test]
    fn what_differs_from_the_profile_is_said() {
        let target = Target::local(shipped_profile("jetson-nano").unwrap());
        let environment = TargetEnvironment {
            board: Some("NVIDIA Jetson Nano Developer Kit".into()),
            arch: "aarch64".into(),
            cpus: 2,
            governor: Some("schedutil".into()),
            ..TargetEnvironment::default()
        };
        let grades: Vec<(&str, CheckGrade)> =
            check_environment(&target, &environment).iter().map(|f| (f.subject, f.grade)).collect();
        let poor = [
            ("board", CheckGrade::Good),
            ("processors", CheckGrade::Poor),
            ("governor", CheckGrade::Poor),
            ("energy", CheckGrade::Good),
            ("gpu", CheckGrade::Good),
        ];
        assert_eq!(grades, poor);
    }
}
