//! The agent alone: what runs on a board.

#[global_allocator]
static HEAP: paring::bench::Heap = paring::bench::Heap;

fn main() -> std::process::ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match paring::bench::main(&arguments, &[]) {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            paring::text::note(format_args!("paring-agent: {error:#}"));
            std::process::ExitCode::FAILURE
        }
    }
}
