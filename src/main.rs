//! The `paring` program.

#[global_allocator]
static HEAP: paring_agent::measure::Heap = paring_agent::measure::Heap;

fn main() -> std::process::ExitCode {
    paring::cli::main()
}
