//! Errors of finding what a run was made from.

use std::path::PathBuf;

/// A run's study, model or data that are not found, or are not the run's.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlacesError {
    /// The study lies nowhere, and the run's own copy does not do.
    #[error("the run's study {} is gone; name it with --study", .0.display())]
    StudyGone(PathBuf),
    /// The data are nowhere.
    #[error(
        "the run's data are not at {}{}; {}", recorded.display(), nor_at(looked), data_advice(command.as_deref())
    )]
    DataGone {
        /// Their place when the run was made.
        recorded: PathBuf,
        /// Other places that were tried.
        looked: Vec<PathBuf>,
        /// The command line that says where they are, up to the path.
        command: Option<String>,
    },
    /// A model or data are not those that the run was made with.
    #[error(
        "{} was made with other {what} than those of {} and {}; name the ones that it was made with", run.display(), model.display(), data.display()
    )]
    NotTheRuns {
        /// The run directory.
        run: PathBuf,
        /// The difference.
        what: &'static str,
        /// The model that was tried.
        model: PathBuf,
        /// The data that were tried.
        data: PathBuf,
    },
}

/// Places where something was looked for in vain.
fn nor_at(looked: &[PathBuf]) -> String {
    looked.iter().map(|place| format!(", nor at {}", place.display())).collect()
}

/// The command line for data that have moved.
fn data_advice(command: Option<&str>) -> String {
    match command {
        Some(command) => format!("say where they are now: `{command} FILE`"),
        None => "name them".into(),
    }
}
