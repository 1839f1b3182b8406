//! The agent alone: what runs on a board.

#[global_allocator]
static HEAP: paring_agent::measure::CountingAllocator = paring_agent::measure::CountingAllocator;

fn main() -> std::process::ExitCode {
    paring_agent::engine::avoid_faulty_tier();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match paring_agent::measure::main(&arguments, &[]) {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            paring_core::text::note(format_args!("paring-agent: {error:#}"));
            std::process::ExitCode::FAILURE
        }
    }
}
