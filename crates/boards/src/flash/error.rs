//! What can go wrong between a card image and a board that boots from it.

use paring_core::units::Bytes;
use std::path::PathBuf;

/// An error of flashing. Messages name the image or the device.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FlashError {
    /// A file or device cannot be read or written.
    #[error("{doing} {}", path.display())]
    Io {
        /// `open`, `read`, `write`, …
        doing: &'static str,
        /// The file or device.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// There is no image.
    #[error("{} {problem}", path.display())]
    NoImage {
        /// What was named as one.
        path: PathBuf,
        /// What it is instead.
        problem: &'static str,
    },
    /// What is to be written would overwrite what it is read from.
    #[error("{} and {} are the same file or device, which writing would destroy; name another", source_path.display(), path.display())]
    Same {
        /// What would be read.
        source_path: PathBuf,
        /// What would be written.
        path: PathBuf,
    },
    /// A library for partitions and their files cannot digest an image.
    #[error("{what} of {} cannot be read: the library panicked: {said}", path.display())]
    Panicked {
        /// `the partition table`, `the FAT partition`.
        what: &'static str,
        /// The image.
        path: PathBuf,
        /// The words of the panic.
        said: String,
    },
    /// An image is in a form that is not known.
    #[error("{} is {found}; give the image itself, or one packed as .xz or .gz", path.display())]
    Packed {
        /// The image.
        path: PathBuf,
        /// What it is.
        found: &'static str,
    },
    /// An image that is to be changed is packed.
    #[error(
        "{} is packed; unpack it first (`xz -dk` or `gzip -dk`), then prepare the .img", .0.display()
    )]
    Unpack(PathBuf),
    /// There is no partition table.
    #[error("{} has no partition table: it is no card image", path.display())]
    NoTable {
        /// The image.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// An image of a system that is not known.
    #[error("{} has {found}; known are Raspberry Pi OS (a FAT partition with config.txt and cmdline.txt) and Jetson Linux (a GPT partition called APP)", path.display())]
    UnknownSystem {
        /// The image.
        path: PathBuf,
        /// What it has instead.
        found: String,
    },
    /// A value that cannot be put into a system's files.
    #[error("{what} `{value}` {problem}")]
    Value {
        /// `host name`, `user`, …
        what: &'static str,
        /// What was given.
        value: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A tool of the host is needed and missing, or it failed.
    #[error("{tool} on {}: {said}", path.display())]
    Tool {
        /// The program.
        tool: &'static str,
        /// What it worked on.
        path: PathBuf,
        /// What it said, and what to do.
        said: String,
    },
    /// The block map is no block map.
    #[error("{} is not a block map of the image: {problem}", path.display())]
    Map {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// The image is not the one that its block map describes.
    #[error("{} does not have the checksums of its block map {}", path.display(), map.display())]
    Checksum {
        /// The image.
        path: PathBuf,
        /// The block map.
        map: PathBuf,
    },
    /// The device is not one to write to.
    #[error("{} {problem}", path.display())]
    Device {
        /// The device.
        path: PathBuf,
        /// Why not, and what to do.
        problem: String,
    },
    /// The image does not fit.
    #[error("the image needs {image}, {} has {device}", path.display())]
    TooLarge {
        /// The device.
        path: PathBuf,
        /// The image's size, unpacked.
        image: Bytes,
        /// The device's size.
        device: Bytes,
    },
    /// What is on the device is not what was written.
    #[error("{} differs from the image at byte {at}; the card may be broken or not what it says", path.display())]
    Differs {
        /// The device.
        path: PathBuf,
        /// The first byte that differs, to a block.
        at: u64,
    },
}

impl FlashError {
    /// Wraps an input/output error.
    pub(super) fn io(
        doing: &'static str,
        path: &std::path::Path,
    ) -> impl Fn(std::io::Error) -> FlashError {
        let path = path.to_path_buf();
        move |source| FlashError::Io { doing, path: path.clone(), source }
    }
}
