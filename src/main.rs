//! The `paring` program.

fn main() -> std::process::ExitCode {
    paring::cli::main()
}
