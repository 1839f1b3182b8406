//! The register of looks at report splits, above the runs.

mod look_register;
mod recorded_looks;

pub use look_register::{
    LookRegister, REGISTER_FILE, RegisteredLook, ReportLook, current_look_count,
};
pub use recorded_looks::{RecordedLook, recorded_looks};
