//! Whatever happens to a board, a host or the way between them: the table is complete in the end, and
//! no block was measured twice. The short ones run always, the long ones with `scripts/test --slow`.

mod common;
#[path = "common/sshd_board.rs"]
mod sshd_board;
#[path = "common/board_study.rs"]
mod board_study;
#[path = "common/tcp_relay.rs"]
mod tcp_relay;

use board_study::{
    WORK, assert_complete, board_journal, in_background, inventory, line_count, measuring_process,
    study, wait_until,
};
use paring::stats;
use rand::RngExt;
use sshd_board::{SshdBoard, signal};
use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};
use tcp_relay::TcpRelay;

/// A board, or the reason why the test does not run.
macro_rules! board {
    ($made:expr) => {
        match $made {
            Ok(board) => board,
            Err(why) => return common::skipped(&why),
        }
    };
}

/// The host ends well; gives what it said on the way.
#[track_caller]
fn succeeds(host: Child) -> String {
    let ended = host.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert!(ended.status.success(), "{said}");
    said
}

/// Cuts off the last `bytes` of a file, as a power cut does to what was not on the disk.
fn tear(path: &Path, bytes: u64) {
    let file = std::fs::File::options().write(true).open(path).unwrap();
    file.set_len(file.metadata().unwrap().len().saturating_sub(bytes)).unwrap();
}

#[test]
fn a_power_cut_in_mid_journal_costs_the_torn_block() {
    let mut board = board!(SshdBoard::start());
    let folder = tempfile::tempdir().unwrap();
    let (study, out) = (study(folder.path(), &["desk"], 6, 60), folder.path().join("run"));
    inventory(folder.path(), &[("desk", &board)]);
    let host = in_background(&study, &out);
    let journal = || board_journal(&board);
    wait_until("the host has blocks", || line_count(&out.join("journal/desk/blocks.jsonl")) >= 2);
    let (path, agent) = (journal(), measuring_process(&board));
    let state = path.with_file_name("state.json");
    board.power_off(agent);
    assert!(measuring_process(&board).is_none());
    // What the host has, the board may have lost; and half a state.
    let last = std::fs::read_to_string(&path).unwrap();
    let last = last.lines().last().unwrap().len() as u64;
    tear(&path, last + last / 2);
    tear(&state, 4000);
    board.boot().unwrap();
    succeeds(host);
    assert_complete(&out, "desk", &board);
}

#[test]
fn a_board_that_freezes_and_thaws_goes_on() {
    let board = board!(SshdBoard::start());
    freeze(&board, Duration::from_secs(3));
}

#[test]
#[ignore = "takes a minute; scripts/test --slow runs it"]
fn a_board_that_is_frozen_for_longer_than_a_connection_lives_goes_on() {
    let board = board!(SshdBoard::start());
    let said = freeze(&board, Duration::from_secs(45));
    assert!(said.contains("trying again"), "{said}");
}

/// Stops everything on a board in the middle of a job for a while.
fn freeze(board: &SshdBoard, span: Duration) -> String {
    let folder = tempfile::tempdir().unwrap();
    let (study, out) = (study(folder.path(), &["desk"], 8, 60), folder.path().join("run"));
    inventory(folder.path(), &[("desk", board)]);
    let host = in_background(&study, &out);
    wait_until("blocks are measured", || line_count(&board_journal(board)) >= 2);
    let all = board.processes(measuring_process(board));
    signal("STOP", &all);
    std::thread::sleep(span);
    signal("CONT", &all);
    let said = succeeds(host);
    assert_complete(&out, "desk", board);
    said
}

/// So many boards lose their link in one run, each at a moment of its own.
const BOARDS: usize = 10;

#[test]
#[ignore = "takes minutes; scripts/test --slow runs it"]
fn ten_links_that_are_down_for_30_s_at_random_moments_cost_nothing() {
    let boards: Result<Vec<SshdBoard>, String> = (0..BOARDS).map(|_| SshdBoard::start()).collect();
    let boards = board!(boards);
    let links: Vec<TcpRelay> =
        boards.iter().map(|board| TcpRelay::to(board.port()).unwrap()).collect();
    for (board, link) in boards.iter().zip(&links) {
        board.redirect_to_port(link.port());
    }
    let folder = tempfile::tempdir().unwrap();
    let names: Vec<String> = (0..BOARDS).map(|number| format!("board-{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let named: Vec<(&str, &SshdBoard)> = names.iter().copied().zip(&boards).collect();
    inventory(folder.path(), &named);
    let (study, out) = (study(folder.path(), &names, 10, 300), folder.path().join("run"));
    let mut moments = stats::generator(6, "links");
    let begun = Instant::now();
    let host = in_background(&study, &out);
    std::thread::scope(|scope| {
        for (name, link) in names.iter().zip(&links) {
            let moment = Duration::from_millis(moments.random_range(500..60_000));
            scope.spawn(move || {
                std::thread::sleep(moment);
                eprintln!("{name} is down from {:.1} s on", moment.as_secs_f64());
                link.down_for(Duration::from_secs(30));
            });
        }
    });
    let said = succeeds(host);
    eprintln!("{BOARDS} boards took {:.0} s", begun.elapsed().as_secs_f64());
    assert!(said.contains("trying again"), "no link was missed: {said}");
    named.iter().for_each(|(name, board)| assert_complete(&out, name, board));
}

/// A cable to a network namespace of its own, on which 30 of 100 packets to the board are lost once
/// it is told so.
struct Cable {
    namespace: String,
}

impl Cable {
    const BOARD: &str = "10.77.6.2";

    fn new() -> Result<Cable, String> {
        let namespace = format!("paring-{}", std::process::id());
        let cable = Cable { namespace };
        let (name, near, far) = (cable.namespace.as_str(), "paring-near", "paring-far");
        for words in [
            format!("ip netns add {name}"),
            format!("ip link add {near} type veth peer name {far}"),
            format!("ip link set {far} netns {name}"),
            format!("ip addr add 10.77.6.1/30 dev {near}"),
            format!("ip link set {near} up"),
            format!("ip -n {name} addr add {}/30 dev {far}", Cable::BOARD),
            format!("ip -n {name} link set {far} up"),
        ] {
            run(&words)?;
        }
        Ok(cable)
    }

    fn lose_packets(&self) -> Result<(), String> {
        let rules = [
            "add table inet lossy".to_string(),
            "add chain inet lossy in { type filter hook input priority 0 ; }".to_string(),
            "add rule inet lossy in numgen random mod 100 < 30 counter drop".to_string(),
        ];
        rules.iter().try_for_each(|rule| self.nft(rule).map(drop))
    }

    /// Packets that were lost.
    fn lost(&self) -> u64 {
        let listed = self.nft("list table inet lossy").unwrap();
        let count = listed.split("packets ").nth(1).and_then(|rest| rest.split(' ').next());
        count.unwrap().parse().unwrap()
    }

    fn nft(&self, rule: &str) -> Result<String, String> {
        run(&format!("ip netns exec {} nft {rule}", self.namespace))
    }
}

impl Drop for Cable {
    fn drop(&mut self) {
        let _ = run(&format!("ip netns del {}", self.namespace));
    }
}

/// Runs a command of plain words.
fn run(words: &str) -> Result<String, String> {
    let mut words = words.split(' ');
    let program = words.next().unwrap_or_default();
    let output =
        Command::new(program).args(words).output().map_err(|e| format!("{program}: {e}"))?;
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        false => Err(format!("{program}: {}", String::from_utf8_lossy(&output.stderr).trim())),
    }
}

#[test]
#[ignore = "takes minutes and needs root; scripts/test --slow runs it"]
fn a_link_that_loses_30_of_100_packets_makes_it_slow_and_nothing_else() {
    let cable = board!(Cable::new());
    let board = board!(SshdBoard::start_in_namespace(&cable.namespace, Cable::BOARD));
    board!(cable.lose_packets());
    let folder = tempfile::tempdir().unwrap();
    let (study, out) = (study(folder.path(), &["desk"], 6, 60), folder.path().join("run"));
    inventory(folder.path(), &[("desk", &board)]);
    let begun = Instant::now();
    succeeds(in_background(&study, &out));
    assert_complete(&out, "desk", &board);
    let sent: u64 = std::fs::read_dir(board.path(WORK).join("blobs"))
        .unwrap()
        .map(|blob| blob.unwrap().metadata().unwrap().len())
        .sum();
    eprintln!(
        "{} MiB and the job took {:.0} s; {} packets were lost",
        sent >> 20,
        begun.elapsed().as_secs_f64(),
        cable.lost()
    );
    assert!(cable.lost() > 0);
}
