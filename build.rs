//! Tells the agent what it was compiled with: it stands in every record's environment.

use std::env::var;
use std::process::Command;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let of = |key: &str| var(key).unwrap_or_default();
    let version = Command::new(of("RUSTC")).arg("--version").output();
    let version = version.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_string());
    // How paths are written depends on the machine that builds, and changes nothing that is measured.
    let flags = of("CARGO_ENCODED_RUSTFLAGS");
    let flags: Vec<&str> =
        flags.split('\u{1f}').filter(|flag| !flag.starts_with("--remap-path-prefix")).collect();
    let flags = flags.join(" ");
    let compiler = format!(
        "{}, {}, opt-level {}, features {}{}{flags}",
        version.unwrap_or_else(|_| "rustc".into()),
        of("TARGET"),
        of("OPT_LEVEL"),
        of("CARGO_CFG_TARGET_FEATURE"),
        if flags.is_empty() { "" } else { ", flags " },
    );
    println!("cargo:rustc-env=PARING_COMPILER={compiler}");
}
