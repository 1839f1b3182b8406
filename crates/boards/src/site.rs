//! The same questions to every machine, however it is reached.

use super::board::{Board, News};
use super::check::identify;
use super::farm::Held;
use super::{LocalAgent, Profile, Reach, RemoteJob, Target, TargetError};
use paring_core::schema::{MachineRoofline, NodeProfile, TargetEnvironment};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

/// A machine that is ours to measure on for as long as this lives.
pub enum Site<'a> {
    /// This one.
    Local(&'a mut dyn FnMut(News)),
    /// A board.
    Board(Board<'a>),
    /// A board of a farm, and the place that is given back.
    Farm(Board<'a>, Held),
}

impl<'a> Site<'a> {
    /// Gets at a target; a board is not connected to yet. What is done there ends early when `stop`
    /// becomes true.
    ///
    /// # Errors
    /// [`TargetError`] where a farm does not give it.
    pub fn open(
        target: &Target,
        stop: Option<&'static AtomicBool>,
        heard: &'a mut dyn FnMut(News),
    ) -> Result<Site<'a>, TargetError> {
        match &target.reach {
            Reach::Local => Ok(Site::Local(heard)),
            Reach::Ssh(address) => {
                Ok(Site::Board(Board::new(target.clone(), address.clone(), stop, heard)))
            }
            Reach::Farm(farm, config) => {
                let held = Held::acquire(farm, stop)?;
                let address = held.address(config.as_ref())?;
                let (found, _) = identify(&address, Some(&target.profile.work), heard)?;
                let target = Target { profile: known(&target.profile, found), ..target.clone() };
                Ok(Site::Farm(Board::new(target, address, stop, heard), held))
            }
        }
    }

    /// Whether what is started on a target goes on when this program ends.
    pub fn outlasts_us(target: &Target) -> bool {
        matches!(target.reach, Reach::Ssh(_))
    }

    /// What the machine is; its power sensors as they are under `sysfs_root`, where one is given.
    ///
    /// # Errors
    /// [`TargetError`] where it cannot be asked.
    pub fn probe(&mut self, sysfs_root: Option<&Path>) -> Result<TargetEnvironment, TargetError> {
        match self {
            Site::Local(_) => LocalAgent.probe(sysfs_root),
            Site::Board(board) | Site::Farm(board, _) => {
                board.deploy(&[])?;
                board.probe(sysfs_root)
            }
        }
    }

    /// Measures what the journal lacks of a job. `job_file` is the job as a file beside what it
    /// names.
    ///
    /// # Errors
    /// [`TargetError`] says what failed; what was measured is in the journal.
    pub fn run(&mut self, remote: &RemoteJob, job_file: &Path) -> Result<(), TargetError> {
        match self {
            Site::Local(heard) => LocalAgent
                .run(job_file, remote.journal, &mut |progress| heard(News::Measured(progress))),
            Site::Board(board) => board.run(remote),
            Site::Farm(board, _) => board.run(remote).inspect_err(|_| {
                // A place is not given back while something is measured there.
                board.go_on_regardless();
                if let Err(error) = board.cancel(remote) {
                    board.tell(News::Note(format!("it may still be measuring: {error}")));
                }
            }),
        }
    }

    /// What the machine can do at most.
    ///
    /// # Errors
    /// [`TargetError`] where its agent does not answer.
    pub fn peaks(&mut self) -> Result<MachineRoofline, TargetError> {
        match self {
            Site::Local(_) => LocalAgent.peaks(),
            Site::Board(board) | Site::Farm(board, _) => {
                board.deploy(&[])?;
                board.peaks()
            }
        }
    }

    /// Brings a job to the machine without starting it. Gives where it is there.
    ///
    /// # Errors
    /// [`TargetError`] says what failed.
    pub fn lay_out(&mut self, remote: &RemoteJob, job_file: &Path) -> Result<PathBuf, TargetError> {
        match self {
            Site::Local(_) => Ok(job_file.to_path_buf()),
            Site::Board(board) | Site::Farm(board, _) => Ok(board.lay_out(remote)?.into()),
        }
    }

    /// How long the nodes of a model take, of a job that was laid out at `job`.
    ///
    /// # Errors
    /// [`TargetError`] where the agent cannot run the model.
    pub fn nodes(
        &mut self,
        job: &Path,
        model: usize,
        batch: usize,
    ) -> Result<NodeProfile, TargetError> {
        match self {
            Site::Local(_) => LocalAgent.nodes(job, model, batch),
            Site::Board(board) | Site::Farm(board, _) => {
                board.nodes(&job.to_string_lossy(), model, batch)
            }
        }
    }

    /// Stops a job that goes on by itself; nothing to do where it does not.
    ///
    /// # Errors
    /// [`TargetError`] where the board cannot be reached or the agent does not end.
    pub fn cancel(&mut self, remote: &RemoteJob) -> Result<(), TargetError> {
        match self {
            Site::Board(board) => board.cancel(remote),
            Site::Local(_) | Site::Farm(..) => Ok(()),
        }
    }

    /// The board.
    ///
    /// # Errors
    /// [`TargetError::NoBoard`] where it is this machine.
    pub fn board(&mut self) -> Result<&mut Board<'a>, TargetError> {
        match self {
            Site::Local(_) => Err(TargetError::NoBoard),
            Site::Board(board) | Site::Farm(board, _) => Ok(board),
        }
    }
}

/// What is known of a farm's board: what was recognised, unless an inventory says more.
fn known(own: &Profile, found: Profile) -> Profile {
    match own.models.is_empty() && own.triple == found.triple {
        true => Profile { work: own.work.clone(), ..found },
        false => own.clone(),
    }
}

/// Who works here, for others who want the same board: `user@machine`.
pub fn own_name() -> String {
    let user = ["USER", "LOGNAME"].into_iter().find_map(|name| std::env::var(name).ok());
    let machine = std::process::Command::new("uname").arg("-n").output();
    let machine = machine.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_string());
    let user = user.unwrap_or_else(|| "someone".into());
    format!("{user}@{}", machine.unwrap_or_else(|_| "somewhere".into()))
}
