//! What packages take from the program: its version, completions, man pages.

mod common;

use assert_cmd::Command;
use common::skipped;
use std::path::Path;

fn printed(words: &[&str]) -> String {
    let ended = Command::new(env!("CARGO_BIN_EXE_paring")).args(words).assert().success();
    String::from_utf8(ended.get_output().stdout.clone()).unwrap()
}

/// Standard output of another program; `None` where this machine has none of that name.
fn output_of(program: &str, words: &[&str]) -> Option<std::process::Output> {
    std::process::Command::new(program).args(words).output().ok()
}

#[test]
fn the_version_says_what_the_program_was_built_from() {
    let short = printed(&["-V"]);
    assert_eq!(short, format!("paring {}\n", env!("CARGO_PKG_VERSION")));
    let long = printed(&["--version"]);
    let value = |name: &str| {
        let line = long.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")));
        line.unwrap_or_else(|| panic!("no {name} in {long}")).to_string()
    };
    assert!(value("engine").starts_with("tract "), "{long}");
    assert!(value("compiler").starts_with("rustc "), "{long}");
    assert!(value("target").starts_with(std::env::consts::ARCH), "{long}");
    let sources = value("sources");
    assert!(sources.len() == 64 && sources.chars().all(|c| c.is_ascii_hexdigit()), "{long}");
    let root = env!("CARGO_MANIFEST_DIR");
    match output_of("git", &["-C", root, "rev-parse", "HEAD"]).filter(|o| o.status.success()) {
        Some(head) => assert_eq!(value("commit"), String::from_utf8_lossy(&head.stdout).trim()),
        None => skipped("the commit, because this is no checkout"),
    }
}

#[test]
fn bash_completes_verbs_options_and_values() {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("paring.bash");
    std::fs::write(&script, printed(&["completions", "bash"])).unwrap();
    let completed = |words: &str| {
        let line = format!(
            "source {:?}; COMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); \
             _paring paring \"${{COMP_WORDS[COMP_CWORD]}}\" \"${{COMP_WORDS[COMP_CWORD-1]}}\"; \
             echo \"${{COMPREPLY[@]}}\"",
            script
        );
        let output = output_of("bash", &["--norc", "-c", &line])?;
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Some(String::from_utf8_lossy(&output.stdout).trim().to_string())
    };
    let Some(verbs) = completed("paring expl") else {
        return skipped("completions, because bash is not installed");
    };
    assert_eq!(verbs, "explain");
    assert_eq!(completed("paring run --dry").unwrap(), "--dry-run");
    assert_eq!(completed("paring compare --fail-on regr").unwrap(), "regression");
    assert_eq!(completed("paring target ren").unwrap(), "rename");
}

#[test]
fn every_shell_has_completions() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = printed(&["completions", shell]);
        assert!(script.contains("explain"), "{shell}: {script}");
        assert!(!script.contains("first-load"), "{shell} offers a verb that is no user's");
        if ["bash", "fish", "zsh"].contains(&shell) {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("script");
            std::fs::write(&path, &script).unwrap();
            match output_of(shell, &["-n", path.to_str().unwrap()]) {
                Some(output) => assert!(output.status.success(), "{shell}: {output:?}"),
                None => skipped(&format!("completions for {shell}, because it is not installed")),
            }
        }
    }
}

/// Standard error of `man`, which shows a page as it would on a terminal of 80 columns.
fn complaints(page: &Path) -> Option<String> {
    let mut man = std::process::Command::new("man");
    man.args(["--warnings", "-l"]).arg(page).env("MANWIDTH", "80").env("LC_ALL", "C.UTF-8");
    let output = man.output().ok()?;
    assert!(output.status.success(), "{}: {output:?}", page.display());
    assert!(output.stdout.len() > 200, "{}: {output:?}", page.display());
    Some(String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn man_pages_are_there_for_every_verb_and_render() {
    let folder = tempfile::tempdir().unwrap();
    let pages = folder.path().join("man1");
    printed(&["man", pages.to_str().unwrap()]);
    let mut names: Vec<String> = std::fs::read_dir(&pages)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    for name in ["paring.1", "paring-run.1", "paring-target-add.1", "paring-schema.1"] {
        assert!(names.iter().any(|page| page == name), "{name} is not among {names:?}");
    }
    for name in ["paring-agent.1", "paring-first-load.1"] {
        assert!(!names.iter().any(|page| page == name), "{name} is no user's");
    }
    for name in &names {
        match complaints(&pages.join(name)) {
            Some(said) => assert_eq!(said, "", "{name}"),
            None => return skipped("rendering of man pages, because man is not installed"),
        }
    }
}
