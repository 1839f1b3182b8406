//! The `paring` program.

use paring::cli::{BuildRecord, last_commit};

#[global_allocator]
static HEAP: paring_agent::measure::CountingAllocator = paring_agent::measure::CountingAllocator;

/// Read here and not in the library, which a new commit leaves as it is.
const COMMIT: Option<[u8; 40]> = last_commit(include_bytes!(env!("PARING_COMMIT_RECORD")));

const BUILD: BuildRecord = BuildRecord {
    commit: match &COMMIT {
        Some(commit) => match std::str::from_utf8(commit) {
            Ok(text) => Some(text),
            Err(_) => None,
        },
        None => None,
    },
    sources: env!("PARING_SOURCES_SHA256"),
    triple: env!("PARING_TARGET"),
};

fn main() -> std::process::ExitCode {
    paring_agent::engine::avoid_faulty_tier();
    paring::cli::main(&BUILD)
}
