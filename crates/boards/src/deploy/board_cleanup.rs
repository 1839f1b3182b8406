//! A board left as it was: everything that paring put there taken away.

use super::board::TargetEvent;
use super::target_session::TargetSession;
use crate::TargetError;
use crate::inventory::Target;
use crate::transport::{ProcessLimits, path_argument};

/// Takes away everything that paring put there, unless an agent measures.
const CLEAN: &str = r#"(cd "$1" 2>/dev/null && rm -rf blobs jobs lock) || exit 0
rmdir "$1" 2>/dev/null; true"#;

/// Takes away everything that paring put on a board.
///
/// # Errors
/// [`TargetError::BoardInUse`] while something is measured there.
pub fn clean_target(
    target: &Target,
    on_event: &mut dyn FnMut(TargetEvent),
) -> Result<(), TargetError> {
    let mut site = TargetSession::open(target, None, on_event)?;
    let board = site.board()?;
    board.deploy(&[])?;
    if let Some(holder) = board.holder()? {
        let held = format!("held by {} since {}", holder.owner, holder.since);
        return Err(TargetError::BoardInUse(held));
    }
    let work = path_argument(&board.target().profile.work);
    let words = ["sh", "-c", CLEAN, "clean", &work];
    board
        .with_connection(&mut |connection, _| connection.run(&words, &ProcessLimits::short()))
        .map(drop)
}
