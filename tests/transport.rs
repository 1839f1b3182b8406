//! Commands and files over ssh to an sshd on this machine.

#[path = "common/sshd_board.rs"]
mod sshd_board;
#[path = "common/tcp_relay.rs"]
mod tcp_relay;

use paring::boards::{FileUpload, ProcessLimits, SshAddress, SshConnection, TargetError};
use paring::schema::Sha256Hex;
use sshd_board::SshdBoard;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::Path;
use std::time::{Duration, Instant};
use tcp_relay::TcpRelay;

/// A board, or the reason why the test does not run.
macro_rules! board {
    () => {
        match SshdBoard::start() {
            Ok(board) => board,
            Err(why) => return eprintln!("skipped: {why}"),
        }
    };
}

fn address(board: &SshdBoard) -> SshAddress {
    SshAddress { destination: "board".into(), port: None, config: Some(board.config()) }
}

fn connect(board: &SshdBoard) -> SshConnection {
    SshConnection::open(&address(board), None).unwrap()
}

fn upload(board: &SshdBoard, name: &str, bytes: &[u8]) -> FileUpload {
    let source = board.path(name);
    std::fs::write(&source, bytes).unwrap();
    let to = board.path("work").join("blobs").join(name).to_str().unwrap().to_string();
    FileUpload::new(&source, to, false).unwrap()
}

fn noise(length: usize) -> Vec<u8> {
    let mut state = 1u64;
    let next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 33) as u8
    };
    std::iter::repeat_with(next).take(length).collect()
}

#[test]
fn any_bytes_arrive_as_they_were() {
    let board = board!();
    let connection = connect(&board);
    let all: Vec<u8> = (1..=255).collect();
    let words: [&[u8]; 8] =
        [&all, b"", b"a\nb", b"$(touch /x);`id`", b"\\'\"", b"..", b"--", b"~/*"];
    let mut arguments = vec![OsString::from("printf"), OsString::from("%s\\0")];
    arguments.extend(words.iter().map(|word| OsString::from_vec(word.to_vec())));
    let answer = connection.run(&arguments, &ProcessLimits::short()).unwrap();
    let arrived: Vec<&[u8]> = answer.split(|byte| *byte == 0).collect();
    assert_eq!(arrived[..arrived.len() - 1], words);
}

#[test]
fn what_a_command_says_and_how_it_ends_is_told() {
    let board = board!();
    let connection = connect(&board);
    let shell = |script: &str| connection.run(&["sh", "-c", script], &ProcessLimits::short());
    assert_eq!(shell("echo ok").unwrap(), b"ok\n");
    let error = shell("echo bad >&2; exit 255").unwrap_err().to_string();
    assert_eq!(error, "`sh` ended with exit status: 255: bad");
    let limits = ProcessLimits { output: 100_000, ..ProcessLimits::short() };
    let flood = connection.run(&["cat", "/dev/zero"], &limits).unwrap_err();
    assert_eq!(flood.to_string(), "`cat`: the answer is longer than 100000 bytes; cut off");
    let slow = connection.run(&["sleep", "60"], &limits.within(Duration::from_millis(300)));
    assert_eq!(slow.unwrap_err().to_string(), "`sleep`: no answer within 0.3 s");
}

#[test]
fn only_what_is_missing_is_sent_and_a_spoilt_file_is_noticed() {
    let board = board!();
    let connection = connect(&board);
    let nasty = "a b;$(x)'\"\\\n.onnx";
    let uploads = [
        upload(&board, nasty, &noise(3 << 20)),
        upload(&board, "empty", b""),
        upload(&board, "-n", b"dash"),
    ];
    let put = || connection.upload(&uploads, &mut |_, _| {}).unwrap();
    assert_eq!(put(), (3 << 20) + 4);
    for upload in &uploads {
        assert_eq!(Sha256Hex::of_file(Path::new(&upload.to)).unwrap(), upload.sha256);
    }
    assert_eq!(put(), 0);
    std::fs::write(&uploads[2].to, "spoilt").unwrap();
    assert_eq!(put(), 4);
}

#[test]
fn a_second_deployment_sends_next_to_nothing() {
    let board = board!();
    let link = TcpRelay::to(board.port()).unwrap();
    board.redirect_to_port(link.port());
    let uploads: Vec<FileUpload> =
        (0..12).map(|i| upload(&board, &format!("file {i}"), &noise(1 << 20))).collect();
    let deploy = || {
        let before = link.sent();
        connect(&board).upload(&uploads, &mut |_, _| {}).unwrap();
        link.sent() - before
    };
    let (first, second) = (deploy(), deploy());
    eprintln!("{first} bytes to the board, then {second}");
    assert!(first > 12 << 20 && second < 64 << 10, "{first} bytes, then {second}");
}

#[test]
fn a_transfer_goes_on_where_the_link_died() {
    let mut board = board!();
    let upload = upload(&board, "model", &noise(6 << 20));
    let mut seen = 0;
    let broken = {
        let connection = connect(&board);
        connection.upload(std::slice::from_ref(&upload), &mut |done, _| {
            seen = done;
            if done >= 3 << 20 {
                board.unplug();
            }
        })
    };
    assert!(matches!(broken, Err(TargetError::Broken { .. })), "{broken:?}");
    assert!(!Path::new(&upload.to).exists());
    board.boot().unwrap();
    // What lies there may be torn: the piece that was in flight is sent again.
    let part = format!("{}.part", upload.to);
    let torn = std::fs::read(&part).unwrap();
    std::fs::write(&part, &torn[..torn.len() - 12_345]).unwrap();
    let connection = connect(&board);
    let sent = connection.upload(std::slice::from_ref(&upload), &mut |_, _| {}).unwrap();
    assert!(sent < 5 << 20, "{sent} of {} sent again after {seen}", 6 << 20);
    assert_eq!(Sha256Hex::of_file(Path::new(&upload.to)).unwrap(), upload.sha256);
    // A part of something else costs one more transfer, never a wrong file.
    std::fs::remove_file(&upload.to).unwrap();
    std::fs::write(&part, vec![7; 3 << 20]).unwrap();
    connection.upload(std::slice::from_ref(&upload), &mut |_, _| {}).unwrap();
    assert_eq!(Sha256Hex::of_file(Path::new(&upload.to)).unwrap(), upload.sha256);
}

#[test]
fn strangers_and_closed_doors_are_refused_with_what_to_do() {
    let mut board = board!();
    let refused = |board: &SshdBoard| SshConnection::open(&address(board), None).unwrap_err();
    std::fs::write(board.path("authorized_keys"), "").unwrap();
    let locked = refused(&board);
    assert!(locked.to_string().contains("Permission denied") && !locked.is_transient(), "{locked}");
    assert!(locked.to_string().contains("ssh-copy-id"), "{locked}");
    std::fs::copy(board.path("user_key.pub"), board.path("authorized_keys")).unwrap();
    board.replace_host_key();
    let stranger = refused(&board);
    assert!(stranger.to_string().contains("its host key is not the known one"), "{stranger}");
    assert!(!stranger.is_transient());
    std::fs::write(board.path("known_hosts"), "").unwrap();
    let unknown = refused(&board).to_string();
    assert!(unknown.contains("its host key is not known yet"), "{unknown}");
    board.unplug();
    let begun = Instant::now();
    let away = refused(&board);
    assert!(away.is_transient() && away.to_string().contains("Connection refused"), "{away}");
    assert!(begun.elapsed() < Duration::from_secs(15));
}

#[test]
fn a_shell_that_chatters_is_named() {
    let board = board!();
    let mut config = std::fs::read_to_string(board.path("sshd_config")).unwrap();
    config.push_str("ForceCommand echo welcome; eval \"$SSH_ORIGINAL_COMMAND\"\n");
    std::fs::write(board.path("sshd_config"), config).unwrap();
    let mut board = board;
    board.unplug();
    board.boot().unwrap();
    let error = SshConnection::open(&address(&board), None).unwrap_err().to_string();
    assert!(error.contains("prints `welcome` before every command"), "{error}");
}
