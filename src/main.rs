//! The `paring` program.

#[global_allocator]
static HEAP: paring_agent::measure::CountingAllocator = paring_agent::measure::CountingAllocator;

fn main() -> std::process::ExitCode {
    paring_agent::engine::avoid_faulty_tier();
    paring::cli::main()
}
