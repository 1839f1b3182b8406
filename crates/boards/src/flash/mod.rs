//! Card images: a board's first boot put onto them, and the way onto a card and back.
//!
//! Works on files and block devices through the machine's list of disks; mounts nothing and needs no
//! rights beyond those of the device.

mod error;
mod first_boot;
mod map;
mod medium;
mod prepare;
mod source;
mod system;
mod table;
mod write;

pub use error::FlashError;
pub use first_boot::{FirstBoot, Wireless};
pub use map::Map;
pub use prepare::{Prepared, prepare};
pub use source::is_packed;
pub use system::System;
pub use table::{Partition, partitions};
pub use write::{Card, CardComparison, length};
