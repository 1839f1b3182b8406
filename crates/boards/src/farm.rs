//! Boards of a labgrid farm: a place is acquired, its address used, and the place given back however
//! it ends. `labgrid-client` and its environment (`LG_COORDINATOR`) are the user's.

use super::child::run;
use super::{Address, Limits, TargetError};
use std::process::Command;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

/// A place with wanted tags that is not free within this time is not to be had.
const LONGEST_QUEUE: Duration = Duration::from_secs(1800);
const CLIENT: &str = "labgrid-client";

/// What a farm is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Farm {
    /// A place by its name: `labgrid://pi4-a`.
    Place(String),
    /// Any place with these tags: `labgrid:board=rpi4`.
    Tags(Vec<String>),
}

impl Farm {
    /// What an address means, if it is a farm's.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn parse(address: &str) -> Option<Result<Farm, String>> {
        let plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
        if let Some(place) = address.strip_prefix("labgrid://") {
            let fine = !place.is_empty() && !place.starts_with('-') && place.chars().all(plain);
            return Some(match fine {
                true => Ok(Farm::Place(place.to_string())),
                false => Err(format!("`{}` names no place", address.escape_debug())),
            });
        }
        let tags = address.strip_prefix("labgrid:")?;
        let tags: Vec<String> = tags.split(',').map(|tag| tag.trim().to_string()).collect();
        let fine = |tag: &String| {
            let pair = tag.split_once('=');
            pair.is_some_and(|(k, v)| {
                !k.is_empty() && !k.starts_with('-') && (k.to_string() + v).chars().all(plain)
            })
        };
        Some(match tags.iter().all(fine) {
            true => Ok(Farm::Tags(tags)),
            false => Err(format!("`{}` is not labgrid:TAG=VALUE,…", address.escape_debug())),
        })
    }

    /// A name for rows and folders.
    pub(super) fn name(&self) -> String {
        match self {
            Farm::Place(place) => place.clone(),
            Farm::Tags(tags) => tags.join("+").replace('=', "-"),
        }
    }
}

impl std::fmt::Display for Farm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Farm::Place(place) => write!(f, "labgrid://{place}"),
            Farm::Tags(tags) => write!(f, "labgrid:{}", tags.join(",")),
        }
    }
}

/// A place that is ours until this is dropped.
#[derive(Debug)]
pub struct Held {
    place: String,
    token: Option<String>,
}

impl Held {
    /// Acquires what is asked for; a place with tags is waited for.
    ///
    /// # Errors
    /// [`TargetError::Farm`] with labgrid's words: who holds the place, say.
    pub(super) fn acquire(
        farm: &Farm,
        stop: Option<&'static AtomicBool>,
    ) -> Result<Held, TargetError> {
        let mut held = match farm {
            Farm::Place(place) => Held { place: place.clone(), token: None },
            Farm::Tags(tags) => Held { place: "+".into(), token: Some(reserve(tags, stop)?) },
        };
        if let Err(error) = held.ask(&["acquire"]) {
            // It is somebody else's, and not to be given back by us.
            held.place.clear();
            return Err(error);
        }
        Ok(held)
    }

    /// Where the place's board is. `config` is the ssh configuration to use with it.
    pub(super) fn address(
        &self,
        config: Option<&std::path::PathBuf>,
    ) -> Result<Address, TargetError> {
        let text = self.ask(&["env"])?;
        service(&text, config).ok_or_else(|| TargetError::Farm {
            asked: format!("env of place {}", self.place),
            said: "it has no NetworkService with an address".into(),
        })
    }

    fn ask(&self, words: &[&str]) -> Result<String, TargetError> {
        let mut command = Command::new(CLIENT);
        command.args(["-p", &self.place]).args(words);
        if let Some(token) = &self.token {
            command.env("LG_TOKEN", token);
        }
        ask(&mut command, words[0], &Limits::short())
    }
}

impl Drop for Held {
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
            let _ = ask(&mut command, "cancel-reservation", &Limits::short());
        }
    }
}

/// Waits for a place with tags and gives the token of the reservation.
fn reserve(tags: &[String], stop: Option<&'static AtomicBool>) -> Result<String, TargetError> {
    let mut command = Command::new(CLIENT);
    command.args(["reserve", "--wait", "--shell"]).args(tags);
    let limits = Limits { stop, ..Limits::short().within(LONGEST_QUEUE) };
    let mut answer = Vec::new();
    let ended = run(&mut command, "reserve a place", &[], &limits, &mut |piece| {
        answer.extend_from_slice(piece);
        Ok(())
    });
    let text = String::from_utf8_lossy(&answer).into_owned();
    let token = text.split("LG_TOKEN=").nth(1).and_then(|rest| rest.split_whitespace().next());
    let asked = format!("reserve {}", tags.join(" "));
    match (ended, token) {
        (Ok(ended), Some(token)) if ended.status.success() => Ok(token.to_string()),
        (Ok(ended), _) => Err(TargetError::Farm { asked, said: ended.said }),
        (Err(error), token) => {
            if let Some(token) = token {
                let mut command = Command::new(CLIENT);
                command.args(["cancel-reservation", token]);
                let _ = ask(&mut command, "cancel-reservation", &Limits::short());
            }
            match error {
                TargetError::Slow { limit, .. } => {
                    let said = format!("no such place became free within {} s", limit.as_secs());
                    Err(TargetError::Farm { asked, said })
                }
                other => Err(other),
            }
        }
    }
}

fn ask(command: &mut Command, what: &str, limits: &Limits) -> Result<String, TargetError> {
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
    let said = ended.said.lines().last().unwrap_or_default();
    let said = said.strip_prefix("labgrid-client: Error: ").unwrap_or(said).to_string();
    Err(TargetError::Farm { asked: what.to_string(), said })
}

/// The address of the first NetworkService in what `labgrid-client env` prints.
fn service(text: &str, config: Option<&std::path::PathBuf>) -> Option<Address> {
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
    Some(Address { destination, port, config: config.cloned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_farms_are_told_from_others() {
        let farm = |text| Farm::parse(text).map(|found| found.map(|farm| farm.name()));
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
        let found = service(text, None).unwrap();
        assert_eq!((found.destination.as_str(), found.port), ("pi@10.0.0.9", Some(2222)));
        assert_eq!(service("targets:\n  a:\n    resources: []\n", None), None);
    }
}
