//! Twenty boards at once: how long they take beside one, and what the host needs for them.
//!
//! Measuring cannot be shared by two cores, so an agent stands in that sleeps for a while and then
//! has the blocks of an earlier run; everything between the boards and the table is real. Figures are
//! printed, not asserted: `cargo test --release --test many -- --ignored --nocapture`.

mod common;
#[path = "common/sshd_board.rs"]
mod sshd_board;

use common::{digits, skipped};
use paring::schema::Sha256Hex;
use sshd_board::SshdBoard;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

const BOARDS: usize = 20;
/// What the stand-in takes for its job.
const SECONDS: u64 = 10;

fn study(folder: &Path, targets: &[String]) -> PathBuf {
    let named: Vec<String> =
        targets.iter().map(|t| format!("[[target]]\nname = {t:?}\n")).collect();
    let text = format!(
        "[study]\nname = \"many\"\nowner = \"tests\"\n[model]\npath = {:?}\n[data]\npath = {:?}\n\
         [protocol]\nblocks = 2\nsolo_ms = 10\npaired_ms = 10\n\
         [[variant]]\nname = \"nhwc\"\nengine = [\"conv_nhwc\"]\n{}",
        digits("digits_cnn.onnx"),
        digits("digits.npz"),
        named.concat(),
    );
    let path = folder.join("study.toml");
    std::fs::write(&path, text).unwrap();
    path
}

/// An agent that answers as the real one does, sleeps instead of measuring, and has a journal of
/// another run. The state of a job is the time of its start.
fn stand_in(folder: &Path, probe: &str, journal: &Path) {
    let state = r#"{"schema":1,"job_sha256":"'$4'","done":4,"total":4,"ended":"done"}"#;
    let holder = r#"{"pid":1,"owner":"many","job":"'$3'","job_sha256":"'$4'","since":"now"}"#;
    let script = format!(
        "#!/bin/sh\n# {journal}\nstarted=\"$2/jobs/$3/started\"\n\
         left() {{ echo $(( $(cat \"$started\" 2>/dev/null || echo 0) + {SECONDS} - $(date +%s) )); }}\n\
         case \"$1\" in\n\
         probe) cat <<'END'\n{probe}\nEND\n;;\n\
         start) date +%s >\"$started\"\n\
           echo '{{\"schema\":1,\"holder\":{holder},\"state\":null,\"follows\":0}}' ;;\n\
         status)\n\
           if [ ! -f \"$started\" ]; then echo '{{\"schema\":1,\"holder\":null,\"state\":null,\"follows\":0}}'; exit; fi\n\
           wait=$(($6 / 1000)); [ \"$wait\" -gt \"$(left)\" ] && wait=$(left); [ \"$wait\" -gt 0 ] && sleep \"$wait\"\n\
           if [ \"$(left)\" -gt 0 ]; then\n\
             echo '{{\"schema\":1,\"holder\":{holder},\"state\":null,\"follows\":0}}'; exit\n\
           fi\n\
           follows=$(tail -c +$(($5 + 1)) '{journal}' | wc -c)\n\
           echo '{{\"schema\":1,\"holder\":null,\"state\":{state},\"follows\":'$follows'}}'\n\
           tail -c +$(($5 + 1)) '{journal}' ;;\n\
         esac\n",
        journal = journal.display(),
    );
    let triple = format!("{}-unknown-linux-musl", std::env::consts::ARCH);
    let name = format!("paring-agent-{}-{triple}", env!("CARGO_PKG_VERSION"));
    let path = folder.join(&name);
    std::fs::write(&path, &script).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    let line = format!("{}  {name}\n", Sha256Hex::of(script.as_bytes()));
    std::fs::write(folder.join(format!("{name}.sha256")), line).unwrap();
}

fn inventory(folder: &Path, boards: &[SshdBoard]) -> Vec<String> {
    let arch = match std::env::consts::ARCH {
        "x86_64" => "x86-64",
        other => other,
    };
    let names: Vec<String> = (0..boards.len()).map(|i| format!("board-{i:02}")).collect();
    let entry = |(name, board): (&String, &SshdBoard)| {
        format!(
            "[[target]]\nname = {name:?}\nextends = {arch:?}\naddress = \"board\"\n\
             ssh_config = {:?}\nwork = {:?}\n",
            board.config(),
            board.path("work"),
        )
    };
    let text: String = names.iter().zip(boards).map(entry).collect();
    std::fs::write(folder.join("targets.toml"), text).unwrap();
    names
}

/// Runs a study on some boards: its time, the host's peak memory in bytes, and its rows.
fn timed(folder: &Path, targets: &[String], agents: &Path) -> (Duration, u64, usize) {
    let (study, out) = (study(folder, targets), folder.join(format!("run-{}", targets.len())));
    let begun = Instant::now();
    let mut host = Command::new(env!("CARGO_BIN_EXE_paring"))
        .args(["run", "--quiet", "--trust"])
        .arg(&study)
        .arg("--out")
        .arg(&out)
        .env("PARING_AGENTS", agents)
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let status = format!("/proc/{}/status", host.id());
    let mut peak = 0;
    while host.try_wait().unwrap().is_none() {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kilobytes = line.and_then(|l| l.trim().strip_suffix("kB")?.trim().parse::<u64>().ok());
        peak = peak.max(kilobytes.unwrap_or(0) * 1024);
        std::thread::sleep(Duration::from_millis(50));
    }
    let took = begun.elapsed();
    assert!(host.wait().unwrap().success());
    let rows = std::fs::read_to_string(out.join("results.csv")).unwrap().lines().count() - 1;
    (took, peak, rows)
}

#[test]
#[ignore = "takes a minute and prints figures"]
fn twenty_boards_take_little_longer_than_one() {
    let boards: Result<Vec<SshdBoard>, String> = (0..BOARDS).map(|_| SshdBoard::start()).collect();
    let boards = match boards {
        Ok(boards) => boards,
        Err(why) => return skipped(&why),
    };
    let folder = tempfile::tempdir().unwrap();
    let names = inventory(folder.path(), &boards);
    // The blocks that the stand-in has: of a real run of the same study.
    let host = study(folder.path(), &["host".to_string()]);
    let out = folder.path().join("real");
    let real = Command::new(env!("CARGO_BIN_EXE_paring"))
        .args(["run", "--quiet", "--trust"])
        .arg(&host)
        .arg("--out")
        .arg(&out)
        .output()
        .unwrap();
    assert!(real.status.success(), "{}", String::from_utf8_lossy(&real.stderr));
    let probe =
        Command::new(env!("CARGO_BIN_EXE_paring")).args(["agent", "probe"]).output().unwrap();
    let agents = folder.path().join("agents");
    std::fs::create_dir(&agents).unwrap();
    let probe = String::from_utf8(probe.stdout).unwrap();
    stand_in(&agents, probe.trim(), &out.join("journal/host/blocks.jsonl"));
    let (one, _, rows) = timed(folder.path(), &names[..1], &agents);
    assert_eq!(rows, 2);
    let (all, peak, rows) = timed(folder.path(), &names, &agents);
    assert_eq!(rows, 2 * BOARDS);
    println!(
        "one board {:.1} s, {BOARDS} boards {:.1} s: {:.2} times; host peak {} MiB",
        one.as_secs_f64(),
        all.as_secs_f64(),
        all.as_secs_f64() / one.as_secs_f64(),
        peak >> 20
    );
}
