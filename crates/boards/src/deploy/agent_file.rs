//! The agent's file for a board: found beside this program, checked, or built.

use crate::TargetError;
use paring_agent::sensors::SOURCES;
use paring_core::schema::Sha256Hex;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Names a folder with agents that is looked into first.
pub const AGENTS_VARIABLE: &str = "PARING_AGENTS";

/// A program that is an agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentFile {
    /// The file.
    pub path: PathBuf,
    /// Arguments before the agent's own, which make this program one.
    pub leading_arguments: &'static [&'static str],
}

/// The agent for boards of `triple`: from the folders of agents; this program itself where the board
/// runs the like; or built from the sources that this program lies in. `on_note` is told of that, and
/// of an agent that was built from other sources than this program.
///
/// # Errors
/// [`TargetError::NoAgent`] says where it was looked for and how to make one.
pub fn agent_file(triple: &str, on_note: &mut dyn FnMut(&str)) -> Result<AgentFile, TargetError> {
    let name = format!("paring-agent-{}-{triple}", env!("CARGO_PKG_VERSION"));
    let own_program = std::env::current_exe().map_err(TargetError::Start)?;
    let folders = agent_folders(&own_program);
    if let Some(agent) = folders.iter().map(|folder| folder.join(&name)).find(|path| path.exists())
    {
        check_hash(&agent)?;
        if !contains(&agent, SOURCES)? {
            let (path, folder) = (agent.display(), agent.parent().unwrap_or(&agent).display());
            on_note(&format!(
                "{path} was built from other sources than this program: `PARING_AGENTS={folder} scripts/cross-build {triple}` makes it anew"
            ));
        }
        return Ok(AgentFile { path: agent, leading_arguments: &[] });
    }
    if runs_here(triple) {
        return Ok(AgentFile { path: own_program, leading_arguments: &["agent"] });
    }
    let (Some(script), Some(to)) = (cross_build_script(&own_program), folders.last()) else {
        return Err(no_agent(triple, &folders, "there are no sources to build it from"));
    };
    on_note(&format!("building the agent for {triple}, which takes some minutes the first time"));
    let built = Command::new(&script).arg(triple).env(AGENTS_VARIABLE, to).status();
    let built = built.map_err(TargetError::file("run", &script))?;
    let path = to.join(&name);
    if !built.success() || !path.exists() {
        return Err(no_agent(
            triple,
            &folders,
            &format!("`scripts/cross-build {triple}` ended with {built}"),
        ));
    }
    check_hash(&path)?;
    Ok(AgentFile { path, leading_arguments: &[] })
}

/// The script that builds agents, of the sources that this program lies in: beside it, or in the
/// checkout whose `target` folder it was built into. Never that of the working directory, which may be
/// anybody's.
fn cross_build_script(own_program: &Path) -> Option<PathBuf> {
    let folder = own_program.parent()?;
    let built = folder.ancestors().find(|above| above.file_name().is_some_and(|n| n == "target"));
    let folders = [Some(folder), built.and_then(Path::parent)].into_iter().flatten();
    folders.map(|folder| folder.join("scripts/cross-build")).find(|script| script.is_file())
}

fn no_agent(triple: &str, places: &[PathBuf], problem: &str) -> TargetError {
    let folders: Vec<String> = places.iter().map(|place| place.display().to_string()).collect();
    TargetError::NoAgent {
        triple: triple.to_string(),
        folders: folders.join(", "),
        problem: problem.to_string(),
    }
}

/// Folders that may hold agents; the last is where they are built.
fn agent_folders(own_program: &Path) -> Vec<PathBuf> {
    let mut places: Vec<PathBuf> =
        std::env::var_os(AGENTS_VARIABLE).map(PathBuf::from).into_iter().collect();
    let beside = own_program.parent().unwrap_or(Path::new("."));
    places.push(beside.join("agents"));
    places.push(beside.join("../share/paring/agents"));
    let cache = std::env::var_os("XDG_CACHE_HOME").filter(|v| !v.is_empty()).map(PathBuf::from);
    let home = || Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache"));
    places.extend(cache.or_else(home).map(|cache| cache.join("paring/agents")));
    places
}

/// True where this machine and one of `triple` run the same programs.
fn runs_here(triple: &str) -> bool {
    let mut parts = triple.split('-');
    let arch = parts.next().is_some_and(|arch| arch == std::env::consts::ARCH);
    arch && std::env::consts::OS == "linux" && triple.contains("-linux-")
}

/// Compares an agent with the hash beside it, which `sha256sum` wrote.
fn check_hash(path: &Path) -> Result<(), TargetError> {
    let mut beside = path.as_os_str().to_os_string();
    beside.push(".sha256");
    let beside = PathBuf::from(beside);
    let text = std::fs::read_to_string(&beside).map_err(TargetError::file("read", &beside))?;
    let found = Sha256Hex::of_file(path).map_err(TargetError::file("read", path))?;
    let expected = text.split_whitespace().next().unwrap_or_default();
    if found.as_str() == expected {
        return Ok(());
    }
    let expected = expected.chars().take(64).collect();
    Err(TargetError::AgentHashMismatch { path: path.to_path_buf(), found, expected })
}

/// True of a file that contains these bytes.
fn contains(path: &Path, words: &str) -> Result<bool, TargetError> {
    let bytes = std::fs::read(path).map_err(TargetError::file("read", path))?;
    Ok(bytes.windows(words.len()).any(|window| window == words.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agent_of_other_sources_is_known() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("paring-agent");
        std::fs::write(&path, format!("abc{SOURCES}def")).unwrap();
        assert!(contains(&path, SOURCES).unwrap());
        std::fs::write(&path, "abc sources:0123456789abcdef def").unwrap();
        assert!(!contains(&path, SOURCES).unwrap());
        let own = std::env::current_exe().unwrap();
        assert!(contains(&own, SOURCES).unwrap());
    }

    #[test]
    fn an_agent_that_is_not_what_was_built_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("paring-agent");
        std::fs::write(&path, "abc").unwrap();
        assert!(check_hash(&path).unwrap_err().to_string().starts_with("read "));
        let beside = folder.path().join("paring-agent.sha256");
        let line = format!("{}  paring-agent\n", Sha256Hex::of(b"abc"));
        std::fs::write(&beside, &line).unwrap();
        check_hash(&path).unwrap();
        std::fs::write(&path, "abd").unwrap();
        assert!(matches!(check_hash(&path), Err(TargetError::AgentHashMismatch { .. })));
    }

    #[test]
    fn only_the_program_s_own_sources_build_agents() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for name in ["scripts", "bin/scripts", "checkout/scripts", "checkout/target/release"] {
            std::fs::create_dir_all(at(name)).unwrap();
        }
        std::fs::write(at("scripts/cross-build"), "").unwrap();
        assert_eq!(cross_build_script(&at("bin/paring")), None, "one above is somebody else's");
        std::fs::write(at("bin/scripts/cross-build"), "").unwrap();
        assert_eq!(cross_build_script(&at("bin/paring")), Some(at("bin/scripts/cross-build")));
        std::fs::write(at("checkout/scripts/cross-build"), "").unwrap();
        let built = cross_build_script(&at("checkout/target/release/paring"));
        assert_eq!(built, Some(at("checkout/scripts/cross-build")));
    }

    #[test]
    fn programs_run_where_the_architecture_is_the_same() {
        let here = format!("{}-unknown-linux-musl", std::env::consts::ARCH);
        assert_eq!(runs_here(&here), cfg!(target_os = "linux"));
        assert!(!runs_here("riscv64gc-unknown-linux-gnu"));
    }
}
