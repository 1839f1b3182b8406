//! The `paring` program.

#[global_allocator]
static HEAP: paring::bench::Heap = paring::bench::Heap;

fn main() -> std::process::ExitCode {
    paring::cli::main()
}
