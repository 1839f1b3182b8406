//! Chromium and the modules that drive it, where `scripts/test` installed them.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Programs and modules that open a page.
pub struct Browser {
    modules: PathBuf,
    chromium: PathBuf,
}

impl Browser {
    /// Finds them; the reason where one is missing.
    pub fn find() -> Result<Browser, String> {
        let Some(modules) = std::env::var_os("PARING_BROWSER_MODULES").map(PathBuf::from) else {
            return Err(
                "PARING_BROWSER_MODULES names no folder with playwright-core and axe-core".into()
            );
        };
        for module in ["playwright-core", "axe-core"] {
            if !modules.join("node_modules").join(module).is_dir() {
                return Err(format!("{} has no {module}", modules.display()));
            }
        }
        if Command::new("node").arg("--version").output().is_err() {
            return Err("there is no node".into());
        }
        let own = std::env::var_os("PARING_CHROMIUM").map(PathBuf::from).into_iter();
        let usual = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
        let mut all = own.chain(usual.map(PathBuf::from));
        let chromium = all.find(|path| path.exists()).ok_or("there is no Chromium")?;
        Ok(Browser { modules, chromium })
    }

    /// Runs a script of `tests/browser` on a page.
    #[track_caller]
    pub fn run(&self, script: &str, arguments: &[&Path]) -> String {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser").join(script);
        let mut command = Command::new("node");
        command.arg(script).arg(&self.modules).arg(&self.chromium).args(arguments);
        // Screenshots are for looking at; nobody compares them.
        command.args(std::env::var_os("PARING_SCREENSHOTS"));
        let ended = command.output().unwrap();
        let said = String::from_utf8_lossy(&ended.stdout).into_owned();
        assert!(ended.status.success(), "{said}{}", String::from_utf8_lossy(&ended.stderr));
        said
    }
}
