//! A machine at an address recognised: its architecture by a shell, then its board by the agent there.

use super::board::{Board, TargetEvent};
use crate::TargetError;
use crate::inventory::{Target, TargetTransport};
use crate::profiles::{TargetProfile, profile_of_machine, shipped_profile};
use crate::transport::{ProcessLimits, SshAddress, SshConnection};
use paring_core::schema::TargetEnvironment;
use std::collections::BTreeMap;

/// The processor's name, and the width of programs.
const KIND: &str = "uname -m; getconf LONG_BIT 2>/dev/null || echo 0";

/// Recognises the machine at an address by the agent there: its profile, and its environment. The agent
/// goes into the folder `work`, or the one of the profile.
///
/// # Errors
/// [`TargetError`] where it cannot be reached or is of no kind that is known.
pub fn identify_board(
    address: &SshAddress,
    work: Option<&str>,
    on_event: &mut dyn FnMut(TargetEvent),
) -> Result<(TargetProfile, TargetEnvironment), TargetError> {
    let connection = SshConnection::open(address, None)?;
    let answer = connection.run(&["sh", "-c", KIND, "ask what it is"], &ProcessLimits::short())?;
    drop(connection);
    let text = String::from_utf8_lossy(&answer).into_owned();
    let mut words = text.split_whitespace();
    let (machine, bits) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let kind = match (machine, bits) {
        ("aarch64" | "arm64", "32") | ("armv7l" | "armv8l", _) => {
            shipped_profile("raspberry-pi-3-32bit").ok()
        }
        ("arm64", _) => shipped_profile("aarch64").ok(),
        (machine, _) => profile_of_machine(None, machine),
    };
    let Some(mut kind) = kind else {
        return Err(TargetError::UnknownBoard(machine.to_string()));
    };
    if let Some(work) = work {
        kind.work = work.to_string();
    }
    let target = Target {
        name: address.destination.clone(),
        profile: kind.clone(),
        transport: TargetTransport::Ssh(address.clone()),
        emulated: false,
        env: BTreeMap::new(),
    };
    let mut board = Board::new(target, address.clone(), None, on_event);
    board.deploy(&[])?;
    let environment = board.probe(None)?;
    let recognised = profile_of_machine(environment.board.as_deref(), &environment.arch);
    Ok((recognised.unwrap_or(kind), environment))
}
