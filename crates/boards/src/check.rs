//! What there is on a board, what is missing, and how to mend it; and leaving a board as it was.

use super::InventoryError;
use super::board::Board;
use super::choose::{Reach, Target};
use super::transfer::plain;
use super::{Address, Limits, LocalAgent, News, Profile, Site, TargetError, profile, recognise};
use paring_core::schema::{MissingReason, SensorReport, TargetEnvironment};
use paring_core::units::Bytes;
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

/// An agent, some variants and their journals need this much.
const ROOM: u64 = 200 << 20;
/// A clock that is further off makes times of different boards incomparable.
const SKEW: Duration = Duration::from_secs(5);

/// Free kilobytes where the work folder is, and the board's clock.
const ROOM_AND_TIME: &str = r#"mkdir -p "$1" && df -Pk "$1" | tail -n 1 && date +%s"#;
/// Where a governor is written to, as a person types it.
const GOVERNORS: &str = "/sys/devices/system/cpu/cpu*/cpufreq/scaling_governor";
/// The processor's name, and how wide programs are.
const KIND: &str = "uname -m; getconf LONG_BIT 2>/dev/null || echo 0";
/// Takes away what paring put there, unless an agent measures.
const CLEAN: &str = r#"(cd "$1" 2>/dev/null && rm -rf blobs jobs lock) || exit 0
rmdir "$1" 2>/dev/null; true"#;

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What.
    pub what: &'static str,
    /// How it is.
    pub grade: Grade,
    /// What was found.
    pub found: String,
    /// How to mend it, where it needs mending.
    pub mend: Option<String>,
}

/// How something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Grade {
    /// As it should be.
    Good,
    /// Measuring works, but something stands in the way of good figures.
    Poor,
    /// Nothing can be measured.
    Bad,
}

impl Finding {
    fn good(what: &'static str, found: String) -> Self {
        Finding { what, grade: Grade::Good, found, mend: None }
    }

    fn poor(what: &'static str, found: String, mend: impl Into<String>) -> Self {
        Finding { what, grade: Grade::Poor, found, mend: Some(mend.into()) }
    }

    fn bad(what: &'static str, found: String) -> Self {
        Finding { what, grade: Grade::Bad, found, mend: None }
    }
}

/// Looks at everything a measurement needs. What cannot be looked at because something before it is
/// missing is left out.
pub fn check(target: &Target, heard: &mut dyn FnMut(News)) -> Vec<Finding> {
    let mut found = Vec::new();
    let outcome = match &target.reach {
        Reach::Local => LocalAgent.probe(None),
        Reach::Ssh(_) | Reach::Farm(..) => {
            Site::open(target, None, heard).and_then(|mut site| look_at(site.board()?, &mut found))
        }
    };
    match outcome {
        Ok(environment) => found.extend(suits(target, &environment)),
        Err(error) => {
            let what = if found.is_empty() { "connection" } else { "agent" };
            found.push(Finding::bad(what, chain(&error)));
        }
    }
    found
}

fn look_at(board: &mut Board, found: &mut Vec<Finding>) -> Result<TargetEnvironment, TargetError> {
    let work = plain(&board.target().profile.work);
    let words = ["sh", "-c", ROOM_AND_TIME, "look at the work folder", &work];
    let asked = SystemTime::now();
    let answer = board.with(&mut |connection, _| connection.run(&words, &Limits::short()))?;
    let waited = asked.elapsed().unwrap_or_default();
    found.push(Finding::good("connection", format!("answers within {} ms", waited.as_millis())));
    found.extend(room_and_time(&String::from_utf8_lossy(&answer), asked, waited));
    let sent = board.deploy(&[])?;
    let version = board.version()?;
    found.push(Finding::good("agent", format!("{version}; {} sent", Bytes(sent))));
    board.probe(None)
}

fn room_and_time(answer: &str, asked: SystemTime, waited: Duration) -> Vec<Finding> {
    let mut lines = answer.lines();
    let room = lines.next().and_then(|line| line.split_whitespace().nth(3)?.parse::<u64>().ok());
    let room = match room.map(|kilobytes| Bytes(kilobytes * 1024)) {
        Some(free) if free.0 >= ROOM => Finding::good("room", format!("{free} free")),
        Some(free) => {
            let mend = "free some, or name another `work` folder in the inventory";
            Finding::poor("room", format!("{free} free"), mend)
        }
        None => Finding::bad("room", "`df` gives no answer that is understood".into()),
    };
    let there = lines.next().and_then(|line| line.trim().parse::<u64>().ok());
    let here = asked.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let off = there.map(|there| Duration::from_secs(there).abs_diff(here));
    let clock = match off {
        Some(off) if off <= SKEW + waited => Finding::good("clock", "agrees with this one".into()),
        Some(off) => {
            let found = format!("{} s off; order of blocks does not depend on it", off.as_secs());
            Finding::poor("clock", found, "let it follow a time server: `timedatectl set-ntp true`")
        }
        None => Finding::bad("clock", "`date` gives no answer that is understood".into()),
    };
    vec![room, clock]
}

/// How a machine compares with what its profile says.
fn suits(target: &Target, environment: &TargetEnvironment) -> Vec<Finding> {
    let profile = &target.profile;
    let board = environment.board.clone().unwrap_or_else(|| "a machine without a name".into());
    let emulated = if environment.emulated { ", EMULATED: not a board's speed" } else { "" };
    let named = format!("{board}, {} ({}){emulated}", environment.arch, profile.name);
    let mut found =
        vec![if profile.models.is_empty() || profile.recognises(&board, &environment.arch) {
            Finding::good("board", named)
        } else {
            let mend = format!("is `extends = \"{}\"` right?", profile.name);
            Finding::poor("board", named, mend)
        }];
    if let Some(cores) = profile.cores.filter(|cores| *cores != environment.cpus) {
        let text = format!("{} online, the profile says {cores}", environment.cpus);
        found.push(Finding::poor(
            "processors",
            text,
            "set `cores` in the inventory, or a power mode with all of them",
        ));
    }
    found.extend(pace(profile, environment));
    found.push(energy(profile, environment));
    if let Some(gpu) = &profile.gpu {
        let text = format!("{gpu}: not used, variants run on the processor");
        found.push(Finding::good("gpu", text));
    }
    found
}

/// Whether energy can be read: a sensor that is there and refuses wants mending, none does not.
fn energy(profile: &Profile, environment: &TargetEnvironment) -> Finding {
    let Err(MissingReason(why)) = profile.energy.resolve(&environment.sensors) else {
        return Finding::good("energy", "has a sensor that can be read".into());
    };
    let wanted = |source: &str| [source, "auto"].contains(&profile.energy.name());
    let refuses = |s: &&SensorReport| s.there && s.found.is_err() && wanted(&s.source);
    match environment.sensors.iter().find(refuses) {
        // What a sensor says of its refusal ends with what to do.
        Some(_) => match why.split_once("; ") {
            Some((why, mend)) => Finding::poor("energy", format!("none: {why}"), mend),
            None => Finding::poor("energy", "none".into(), why),
        },
        None => Finding::good("energy", format!("none: {why}")),
    }
}

/// How fast the machine is set to run.
fn pace(profile: &Profile, environment: &TargetEnvironment) -> Vec<Finding> {
    let governor = match (environment.governor.as_deref(), profile.governor.as_deref()) {
        (Some(now), Some(wanted)) if now != wanted => {
            let (may, mend) = match environment.governor_settable {
                Some(true) => (
                    "which the agent may set",
                    format!("`governor = \"{wanted}\"` under [protocol.conditions] of the study"),
                ),
                _ => (
                    "which the agent may not set",
                    format!("`echo {wanted} | sudo tee {GOVERNORS}` on the board"),
                ),
            };
            Finding::poor("governor", format!("{now}, should be {wanted}, {may}"), mend)
        }
        (Some(now), _) => Finding::good("governor", now.to_string()),
        (None, _) => Finding::good("governor", "the machine has none to set".into()),
    };
    let mut found = vec![governor];
    let now = environment.power_mode.as_ref();
    if let Some(wanted) = profile.power_mode.as_ref().filter(|wanted| now != Some(*wanted)) {
        let text = format!("{}, should be {wanted}", now.map_or("unknown", String::as_str));
        found.push(Finding::poor(
            "power mode",
            text,
            format!("`sudo nvpmodel -m {wanted}` on the board"),
        ));
    }
    found
}

/// An error with its causes.
fn chain(error: &TargetError) -> String {
    let causes = std::iter::successors(Some(error as &dyn std::error::Error), |e| e.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// Finds out what a machine at an address is, as the agent there sees it. The agent goes into `work`,
/// or where the profile says.
///
/// # Errors
/// [`TargetError`] where it cannot be reached or is of no kind that is known.
pub fn identify(
    address: &Address,
    work: Option<&str>,
    heard: &mut dyn FnMut(News),
) -> Result<(Profile, TargetEnvironment), TargetError> {
    let connection = super::Connection::open(address, None)?;
    let answer = connection.run(&["sh", "-c", KIND, "ask what it is"], &Limits::short())?;
    drop(connection);
    let text = String::from_utf8_lossy(&answer).into_owned();
    let mut words = text.split_whitespace();
    let (machine, bits) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let kind = match (machine, bits) {
        ("aarch64" | "arm64", "32") | ("armv7l" | "armv8l", _) => {
            profile("raspberry-pi-3-32bit").ok()
        }
        ("arm64", _) => profile("aarch64").ok(),
        (machine, _) => recognise(None, machine),
    };
    let Some(mut kind) = kind else {
        return Err(TargetError::Unknown(machine.to_string()));
    };
    if let Some(work) = work {
        kind.work = work.to_string();
    }
    let target = Target {
        name: address.destination.clone(),
        profile: kind.clone(),
        reach: Reach::Ssh(address.clone()),
        emulated: false,
        env: BTreeMap::new(),
    };
    let mut board = Board::new(target, address.clone(), None, heard);
    board.deploy(&[])?;
    let environment = board.probe(None)?;
    let known = recognise(environment.board.as_deref(), &environment.arch);
    Ok((known.unwrap_or(kind), environment))
}

/// Takes away everything that paring put on a board.
///
/// # Errors
/// [`TargetError::Held`] while something is measured there.
pub fn clean(target: &Target, heard: &mut dyn FnMut(News)) -> Result<(), TargetError> {
    let mut site = Site::open(target, None, heard)?;
    let board = site.board()?;
    board.deploy(&[])?;
    if let Some(holder) = board.holder()? {
        let held = format!("held by {} since {}", holder.owner, holder.since);
        return Err(TargetError::Held(held));
    }
    let work = plain(&board.target().profile.work);
    let words = ["sh", "-c", CLEAN, "clean", &work];
    board.with(&mut |connection, _| connection.run(&words, &Limits::short())).map(drop)
}

/// A line for a new board in an inventory.
///
/// # Errors
/// What is wrong with its name.
pub fn entry(
    name: &str,
    kind: &Profile,
    address: &Address,
    emulated: bool,
) -> Result<String, InventoryError> {
    if let Some(problem) = super::inventory::unusable(name) {
        return Err(InventoryError::Name { name: name.to_string(), problem });
    }
    let text = |value: &str| toml::Value::String(value.to_string()).to_string();
    let mut lines = vec![
        "[[target]]".to_string(),
        format!("name = {}", text(name)),
        format!("extends = {}", text(&kind.name)),
        format!("address = {}", text(&address.destination)),
    ];
    lines.extend(address.port.map(|port| format!("port = {port}")));
    if let Some(config) = &address.config {
        let config = std::path::absolute(config).unwrap_or_else(|_| config.clone());
        lines.push(format!("ssh_config = {}", text(&config.to_string_lossy())));
    }
    if emulated {
        lines.push("emulated = true".into());
    }
    Ok(lines.join("\n") + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_and_a_clock_that_stood_still_are_found() {
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        let answer = "/dev/mmcblk0p2 61000000 1000 1000 99% /\n100\n";
        let found = room_and_time(answer, at(100), Duration::ZERO);
        assert_eq!(found.iter().map(|f| f.grade).collect::<Vec<_>>(), [Grade::Poor, Grade::Good]);
        assert_eq!(found[0].found, "1000 KiB free");
        let found =
            room_and_time(&answer.replace("1000 99%", "9000000 9%"), at(9000), Duration::ZERO);
        assert_eq!(found.iter().map(|f| f.grade).collect::<Vec<_>>(), [Grade::Good, Grade::Poor]);
        let found = room_and_time("welcome", at(0), Duration::ZERO);
        assert!(found.iter().all(|f| f.grade == Grade::Bad));
    }

    #[test]
    fn what_differs_from_the_profile_is_said() {
        let target = Target::local(profile("jetson-nano").unwrap());
        let environment = TargetEnvironment {
            board: Some("NVIDIA Jetson Nano Developer Kit".into()),
            arch: "aarch64".into(),
            cpus: 2,
            governor: Some("schedutil".into()),
            ..TargetEnvironment::default()
        };
        let grades: Vec<(&str, Grade)> =
            suits(&target, &environment).iter().map(|f| (f.what, f.grade)).collect();
        let poor = [
            ("board", Grade::Good),
            ("processors", Grade::Poor),
            ("governor", Grade::Poor),
            ("energy", Grade::Good),
            ("gpu", Grade::Good),
        ];
        assert_eq!(grades, poor);
    }
}
