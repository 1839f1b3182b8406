//! Boards of a labgrid farm: a place is acquired, its address used, and the place released however it
//! ends. `labgrid-client` and its environment (`LG_COORDINATOR`) are the user's.

use super::ssh::SshAddress;
use super::subprocess::{ProcessLimits, run};
use crate::TargetError;
use std::process::Command;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

/// A place with wanted tags that is not free within this time is not to be had.
const LONGEST_QUEUE: Duration = Duration::from_secs(1800);
const CLIENT: &str = "labgrid-client";

/// A request to a farm for a board.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LabgridRequest {
    /// A place by its name: `labgrid://pi4-a`.
    Place(String),
    /// Any place with these tags: `labgrid:board=rpi4`.
    Tags(Vec<String>),
}

impl LabgridRequest {
    /// The request that an address states; `None` where it is no farm's address.
    ///
    /// # Errors
    /// The problem with it.
    pub(crate) fn parse(address: &str) -> Option<Result<LabgridRequest, String>> {
        let unreserved = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
        if let Some(place) = address.strip_prefix("labgrid://") {
            let valid =
                !place.is_empty() && !place.starts_with('-') && place.chars().all(unreserved);
            return Some(match valid {
                true => Ok(LabgridRequest::Place(place.to_string())),
                false => Err(format!("`{}` names no place", address.escape_debug())),
            });
        }
        let tags = address.strip_prefix("labgrid:")?;
        let tags: Vec<String> = tags.split(',').map(|tag| tag.trim().to_string()).collect();
        let valid = |tag: &String| {
            let pair = tag.split_once('=');
            pair.is_some_and(|(k, v)| {
                !k.is_empty() && !k.starts_with('-') && (k.to_string() + v).chars().all(unreserved)
            })
        };
        Some(match tags.iter().all(valid) {
            true => Ok(LabgridRequest::Tags(tags)),
            false => Err(format!("`{}` is not labgrid:TAG=VALUE,…", address.escape_debug())),
        })
    }

    /// A name for rows and folders.
    pub(crate) fn name(&self) -> String {
        match self {
            LabgridRequest::Place(place) => place.clone(),
            LabgridRequest::Tags(tags) => tags.join("+").replace('=', "-"),
        }
    }
}

impl std::fmt::Display for LabgridRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            LabgridRequest::Place(place) => write!(f, "labgrid://{place}"),
            LabgridRequest::Tags(tags) => write!(f, "labgrid:{}", tags.join(",")),
        }
    }
}

/// A place that this program has until this is dropped.
#[derive(Debug)]
pub struct AcquiredPlace {
    place: String,
    token: Option<String>,
}

impl AcquiredPlace {
    /// Acquires the requested place; one with tags is waited for.
    ///
    /// # Errors
    /// [`TargetError::Labgrid`] with labgrid's words: the holder of the place, say.
    pub(crate) fn acquire(
        request: &LabgridRequest,
        stop: Option<&'static AtomicBool>,
    ) -> Result<AcquiredPlace, TargetError> {
        let mut place = match request {
            LabgridRequest::Place(place) => AcquiredPlace { place: place.clone(), token: None },
            LabgridRequest::Tags(tags) => {
                AcquiredPlace { place: "+".into(), token: Some(reserve(tags, stop)?) }
            }
        };
        if let Err(error) = place.ask(&["acquire"]) {
            // It is somebody else's, and not to be released here.
            place.place.clear();
            return Err(error);
        }
        Ok(place)
    }

    /// The address of the place's board. `config` is the ssh configuration to use with it.
    pub(crate) fn address(
        &self,
        config: Option<&std::path::PathBuf>,
    ) -> Result<SshAddress, TargetError> {
        let text = self.ask(&["env"])?;
        network_service(&text, config).ok_or_else(|| TargetError::Labgrid {
            command: format!("env of place {}", self.place),
            message: "it has no NetworkService with an address".into(),
        })
    }

    fn ask(&self, words: &[&str]) -> Result<String, TargetError> {
        let mut command = Command::new(CLIENT);
        command.args(["-p", &self.place]).args(words);
        if let Some(token) = &self.token {
            command.env("LG_TOKEN", token);
        }
        ask(&mut command, words[0], &ProcessLimits::short())
    }
}

impl Drop for AcquiredPlace {
    fn drop(&mut self) {
        if !self.place.is_empty()
            && let Err(error) = self.ask(&["release"])
        {
            paring_core::text::note(format_args!(
                "place {} was not given back: {error}",
                self.place
            ));
        }
        if let Some(token) = &self.token {
            let mut command = Command::new(CLIENT);
            command.args(["cancel-reservation", token]);
            // It ends by itself a minute later.
            let _ = ask(&mut command, "cancel-reservation", &ProcessLimits::short());
        }
    }
}

/// Waits for a place with tags and gives the token of the reservation.
fn reserve(tags: &[String], stop: Option<&'static AtomicBool>) -> Result<String, TargetError> {
    let mut client = Command::new(CLIENT);
    client.args(["reserve", "--wait", "--shell"]).args(tags);
    let limits = ProcessLimits { stop, ..ProcessLimits::short().within(LONGEST_QUEUE) };
    let mut answer = Vec::new();
    let ended = run(&mut client, "reserve a place", &[], &limits, &mut |piece| {
        answer.extend_from_slice(piece);
        Ok(())
    });
    let text = String::from_utf8_lossy(&answer).into_owned();
    let token = text.split("LG_TOKEN=").nth(1).and_then(|rest| rest.split_whitespace().next());
    let command_line = format!("reserve {}", tags.join(" "));
    match (ended, token) {
        (Ok(ended), Some(token)) if ended.status.success() => Ok(token.to_string()),
        (Ok(ended), _) => {
            Err(TargetError::Labgrid { command: command_line, message: ended.stderr })
        }
        (Err(error), token) => {
            if let Some(token) = token {
                let mut client = Command::new(CLIENT);
                client.args(["cancel-reservation", token]);
                let _ = ask(&mut client, "cancel-reservation", &ProcessLimits::short());
            }
            match error {
                TargetError::TimedOut { limit, .. } => {
                    let message = format!("no such place became free within {} s", limit.as_secs());
                    Err(TargetError::Labgrid { command: command_line, message })
                }
                other => Err(other),
            }
        }
    }
}

fn ask(command: &mut Command, what: &str, limits: &ProcessLimits) -> Result<String, TargetError> {
    use std::os::unix::process::CommandExt;
    // An interrupt from the terminal is this program's to handle.
    command.process_group(0);
    let mut answer = Vec::new();
    let ended = run(command, &format!("labgrid {what}"), &[], limits, &mut |piece| {
        answer.extend_from_slice(piece);
        Ok(())
    })?;
    if ended.status.success() {
        return Ok(String::from_utf8_lossy(&answer).into_owned());
    }
    let message = ended.stderr.lines().last().unwrap_or_default();
    let message = message.strip_prefix("labgrid-client: Error: ").unwrap_or(message).to_string();
    Err(TargetError::Labgrid { command: what.to_string(), message })
}

/// The address of the first NetworkService in the output of `labgrid-client env`.
fn network_service(text: &str, config: Option<&std::path::PathBuf>) -> Option<SshAddress> {
    let mut lines = text.lines().skip_while(|line| line.trim() != "- NetworkService:").skip(1);
    let (mut host, mut port, mut user) = (None, None, None);
    for line in lines.by_ref().take_while(|line| !line.trim().starts_with("- ")) {
        let Some((key, value)) = line.trim().split_once(": ") else { continue };
        let value = value.trim_matches(['\'', '"']).to_string();
        match key {
            "address" => host = Some(value),
            "port" => port = value.parse().ok(),
            "username" => user = Some(value),
            _ => {}
        }
    }
    let host = host.filter(|host| !host.starts_with('-'))?;
    let destination = user.map_or(host.clone(), |user| format!("{user}@{host}"));
    Some(SshAddress { destination, port, config: config.cloned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_farms_are_told_from_others() {
        let farm = |text| LabgridRequest::parse(text).map(|found| found.map(|farm| farm.name()));
        assert_eq!(farm("pi@10.0.0.7"), None);
        assert_eq!(farm("labgrid://pi4-a"), Some(Ok("pi4-a".into())));
        assert_eq!(farm("labgrid:board=rpi4, arch=arm"), Some(Ok("board-rpi4+arch-arm".into())));
        for wrong in ["labgrid://", "labgrid://-x", "labgrid://a/b", "labgrid:board", "labgrid:=x"]
        {
            assert!(farm(wrong).unwrap().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_place_s_address_is_read() {
        let text = "targets:\n  pi4-a:\n    resources:\n    - NetworkPowerPort:\n        host: x\n    \
            - NetworkService:\n        address: 10.0.0.9\n        port: 2222\n        username: pi\n    \
            - USBSerialPort:\n        address: wrong\n";
        let found = network_service(text, None).unwrap();
        assert_eq!((found.destination.as_str(), found.port), ("pi@10.0.0.9", Some(2222)));
        assert_eq!(network_service("targets:\n  a:\n    resources: []\n", None), None);
    }
}
