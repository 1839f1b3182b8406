//! Use cases about run directories.

mod compare;
mod list;
mod note;
mod regime;
mod sensitivity;
mod show;
mod verify;

pub use compare::{CompareOptions, FailureRules, compare, refuse_changes};
pub use list::list_runs;
pub use note::{AddedNote, NoteOptions, note};
pub use regime::{RegimeOptions, RegimeResult, add_regime};
pub use sensitivity::sensitivity;
pub use show::{ShownRun, show};
pub use verify::{
    PersonalRecords, VerifiedRun, VerifiedSignatures, VerifyOptions, refuse_other_variants, verify,
    verify_signed_folder, verify_statement_file,
};
