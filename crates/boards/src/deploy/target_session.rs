//! A session with a target: the same questions to every machine, however it is reached.

use super::board::{Board, TargetEvent};
use super::board_identity::identify_board;
use super::remote_job::RemoteJob;
use crate::TargetError;
use crate::inventory::{Target, TargetTransport};
use crate::profiles::TargetProfile;
use crate::transport::{AcquiredPlace, LocalAgent};
use paring_core::schema::{MachineRoofline, NodeProfile, TargetEnvironment};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

/// A machine to measure on for as long as this lives.
pub enum TargetSession<'a> {
    /// This one.
    Local(&'a mut dyn FnMut(TargetEvent)),
    /// A board.
    Board(Board<'a>),
    /// A board of a farm, and the place that is given back.
    Labgrid(Board<'a>, AcquiredPlace),
}

impl<'a> TargetSession<'a> {
    /// Opens a session; a board is not connected to yet. Operations end early when `stop` becomes true.
    ///
    /// # Errors
    /// [`TargetError`] where a farm does not give it.
    pub fn open(
        target: &Target,
        stop: Option<&'static AtomicBool>,
        on_event: &'a mut dyn FnMut(TargetEvent),
    ) -> Result<TargetSession<'a>, TargetError> {
        match &target.transport {
            TargetTransport::Local => Ok(TargetSession::Local(on_event)),
            TargetTransport::Ssh(address) => Ok(TargetSession::Board(Board::new(
                target.clone(),
                address.clone(),
                stop,
                on_event,
            ))),
            TargetTransport::Labgrid(request, config) => {
                let place = AcquiredPlace::acquire(request, stop)?;
                let address = place.address(config.as_ref())?;
                let (recognised, _) =
                    identify_board(&address, Some(&target.profile.work), on_event)?;
                let target = Target {
                    profile: profile_of_place(&target.profile, recognised),
                    ..target.clone()
                };
                Ok(TargetSession::Labgrid(Board::new(target, address, stop, on_event), place))
            }
        }
    }

    /// True of a target on which a job goes on when this program ends.
    pub fn outlives_this_process(target: &Target) -> bool {
        matches!(target.transport, TargetTransport::Ssh(_))
    }

    /// The environment of the machine; power sensors are those under `sysfs_root`, where one is given.
    ///
    /// # Errors
    /// [`TargetError`] where it cannot be asked.
    pub fn probe(&mut self, sysfs_root: Option<&Path>) -> Result<TargetEnvironment, TargetError> {
        match self {
            TargetSession::Local(_) => LocalAgent.probe(sysfs_root),
            TargetSession::Board(board) | TargetSession::Labgrid(board, _) => {
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
            TargetSession::Local(on_event) => {
                LocalAgent.run(job_file, remote.journal, &mut |progress| {
                    on_event(TargetEvent::Measured(progress))
                })
            }
            TargetSession::Board(board) => board.run(remote),
            TargetSession::Labgrid(board, _) => board.run(remote).inspect_err(|_| {
                // A place is not given back while something is measured there.
                board.ignore_interrupts();
                if let Err(error) = board.cancel(remote) {
                    board.report(TargetEvent::Note(format!("it may still be measuring: {error}")));
                }
            }),
        }
    }

    /// The peak rates of the machine.
    ///
    /// # Errors
    /// [`TargetError`] where its agent does not answer.
    pub fn peaks(&mut self) -> Result<MachineRoofline, TargetError> {
        match self {
            TargetSession::Local(_) => LocalAgent.peaks(),
            TargetSession::Board(board) | TargetSession::Labgrid(board, _) => {
                board.deploy(&[])?;
                board.peaks()
            }
        }
    }

    /// Brings a job to the machine without starting it. Gives its path there.
    ///
    /// # Errors
    /// [`TargetError`] says what failed.
    pub fn lay_out(&mut self, remote: &RemoteJob, job_file: &Path) -> Result<PathBuf, TargetError> {
        match self {
            TargetSession::Local(_) => Ok(job_file.to_path_buf()),
            TargetSession::Board(board) | TargetSession::Labgrid(board, _) => {
                Ok(board.lay_out(remote)?.into())
            }
        }
    }

    /// Times of the nodes of the model at position `model` of a job that was laid out at `job`.
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
            TargetSession::Local(_) => LocalAgent.nodes(job, model, batch),
            TargetSession::Board(board) | TargetSession::Labgrid(board, _) => {
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
            TargetSession::Board(board) => board.cancel(remote),
            TargetSession::Local(_) | TargetSession::Labgrid(..) => Ok(()),
        }
    }

    /// The board.
    ///
    /// # Errors
    /// [`TargetError::NoBoard`] where it is this machine.
    pub fn board(&mut self) -> Result<&mut Board<'a>, TargetError> {
        match self {
            TargetSession::Local(_) => Err(TargetError::NoBoard),
            TargetSession::Board(board) | TargetSession::Labgrid(board, _) => Ok(board),
        }
    }
}

/// The profile of a farm's board: the recognised one, unless an inventory says more.
fn profile_of_place(stated: &TargetProfile, recognised: TargetProfile) -> TargetProfile {
    match stated.models.is_empty() && stated.triple == recognised.triple {
        true => TargetProfile { work: stated.work.clone(), ..recognised },
        false => stated.clone(),
    }
}
