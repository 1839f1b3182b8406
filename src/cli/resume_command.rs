//! The command line that goes on with a run: every option that was given, quoted for a shell.

use super::{ColorChoice, GlobalOptions};
use paring_core::text::shell_word;
use std::path::Path;

/// Words of a command line without the run directory.
#[derive(Debug, Default)]
pub(super) struct ResumeCommand {
    words: Vec<String>,
}

impl ResumeCommand {
    /// The command of a verb about a study, with the global options that were given.
    pub(super) fn new(verb: &str, study: &Path, global: &GlobalOptions) -> Self {
        let mut command = ResumeCommand { words: vec!["paring".into(), verb.into()] };
        command.words.push(study.to_string_lossy().into_owned());
        command.flag("--trust", global.trust);
        command.flag("--quiet", global.quiet);
        command.flag("--json", global.json);
        command.flag("--color=always", global.color == ColorChoice::Always);
        command.flag("--color=never", global.color == ColorChoice::Never);
        command
    }

    /// Adds a flag that was given.
    pub(super) fn flag(&mut self, name: &str, given: bool) {
        self.words.extend(given.then(|| name.to_string()));
    }

    /// Adds an option for each of its values.
    pub(super) fn values<T: AsRef<Path>>(
        &mut self,
        name: &str,
        values: impl IntoIterator<Item = T>,
    ) {
        for value in values {
            self.words.push(name.into());
            self.words.push(value.as_ref().to_string_lossy().into_owned());
        }
    }

    /// The whole command for a run directory, to be typed as it is.
    pub(super) fn of_run(&self, run: &Path) -> String {
        let run = run.to_string_lossy();
        let words = self.words.iter().map(String::as_str).chain(["--out", &run]);
        words.map(shell_word).collect::<Vec<_>>().join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_reads_the_same_words_again() {
        let global =
            GlobalOptions { json: false, quiet: true, color: ColorChoice::Never, trust: true };
        let mut command = ResumeCommand::new("run", Path::new("my study/$(x).toml"), &global);
        command.values("--target", ["pi 4", "desk's"]);
        command.flag("--quick", true);
        command.flag("--cancel", false);
        command.values("--sysfs-root", Some("sys"));
        let line = command.of_run(Path::new("paring-runs/a b"));
        insta::assert_snapshot!(line, @r#"paring run 'my study/$(x).toml' --trust --quiet '--color=never' --target 'pi 4' --target "desk's" --quick --sysfs-root sys --out 'paring-runs/a b'"#);
        let words = [
            "paring",
            "run",
            "my study/$(x).toml",
            "--trust",
            "--quiet",
            "--color=never",
            "--target",
            "pi 4",
            "--target",
            "desk's",
            "--quick",
            "--sysfs-root",
            "sys",
            "--out",
            "paring-runs/a b",
        ];
        assert_eq!(shlex::split(&line).unwrap(), words);
    }
}
