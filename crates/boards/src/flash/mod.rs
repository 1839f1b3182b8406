//! Card images: a board's first boot put onto them, and the way onto a card and back.
//!
//! Works on files and block devices through the machine's list of disks; mounts nothing and needs no
//! rights beyond those of the device.

mod block_map;
mod card;
mod error;
mod ext4_partition;
mod fat_partition;
mod first_boot;
mod image_reader;
mod operating_system;
mod partition_table;
mod prepare_image;
mod storage_location;

pub use block_map::BlockMap;
pub use card::{CardComparison, CardDevice, image_length};
pub use error::FlashError;
pub use first_boot::{FirstBootConfig, WirelessNetwork};
pub use image_reader::is_compressed;
pub use operating_system::OperatingSystem;
pub use partition_table::{DiskPartition, partitions};
pub use prepare_image::{PreparedImage, prepare_image};
