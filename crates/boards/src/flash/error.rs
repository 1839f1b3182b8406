//! Errors between a card image and a board that boots from it.

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
    NotAnImage {
        /// The path named as one.
        path: PathBuf,
        /// A predicate: the reason that it is none.
        problem: &'static str,
    },
    /// Writing would overwrite the file or device that is read.
    #[error("{} and {} are the same file or device, which writing would destroy; name another", source_path.display(), path.display())]
    SameStorage {
        /// The one read.
        source_path: PathBuf,
        /// The one written.
        path: PathBuf,
    },
    /// A library for partitions and their files cannot digest an image.
    #[error("{what} of {} cannot be read: the library panicked: {message}", path.display())]
    ParserPanic {
        /// `the partition table`, `the FAT partition`.
        what: &'static str,
        /// The image.
        path: PathBuf,
        /// The words of the panic.
        message: String,
    },
    /// An image is in a form that is not known.
    #[error("{} is {found}; give the image itself, or one packed as .xz or .gz", path.display())]
    UnsupportedCompression {
        /// The image.
        path: PathBuf,
        /// Its form: `a zip archive`, say.
        found: &'static str,
    },
    /// An image that is to be changed is packed.
    #[error(
        "{} is packed; unpack it first (`xz -dk` or `gzip -dk`), then prepare the .img", .0.display()
    )]
    CompressedImage(PathBuf),
    /// There is no partition table.
    #[error("{} has no partition table: it is no card image", path.display())]
    NoPartitionTable {
        /// The image.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// An image of a system that is not known.
    #[error("{} has {found}; known are Raspberry Pi OS (a FAT partition with config.txt and cmdline.txt) and Jetson Linux (a GPT partition called APP)", path.display())]
    UnknownOperatingSystem {
        /// The image.
        path: PathBuf,
        /// The partitions or files that it has instead.
        found: String,
    },
    /// A value that cannot be put into a system's files.
    #[error("{what} `{value}` {problem}")]
    InvalidValue {
        /// `host name`, `user`, …
        what: &'static str,
        /// The value given.
        value: String,
        /// A predicate: the problem with it.
        problem: &'static str,
    },
    /// A tool of the host is needed and missing, or it failed.
    #[error("{tool} on {}: {message}", path.display())]
    Tool {
        /// The program.
        tool: &'static str,
        /// The image or device that it worked on.
        path: PathBuf,
        /// Its words, or the remedy.
        message: String,
    },
    /// The block map is no block map.
    #[error("{} is not a block map of the image: {problem}", path.display())]
    InvalidBlockMap {
        /// The file.
        path: PathBuf,
        /// The problem.
        problem: String,
    },
    /// The image is not the one that its block map describes.
    #[error("{} does not have the checksums of its block map {}", path.display(), map.display())]
    BlockMapChecksum {
        /// The image.
        path: PathBuf,
        /// The block map.
        map: PathBuf,
    },
    /// The device is not one to write to.
    #[error("{} {problem}", path.display())]
    UnusableDevice {
        /// The device.
        path: PathBuf,
        /// A predicate: the reason, and the remedy.
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
    /// The device differs from the image that was written.
    #[error("{} differs from the image at byte {at}; the card may be broken or not what it says", path.display())]
    VerifyMismatch {
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
