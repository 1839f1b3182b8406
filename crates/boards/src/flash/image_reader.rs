//! An image as a stream of its unpacked bytes.

use super::FlashError;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

/// Bytes read and compared at once.
pub(super) const CHUNK: usize = 4 << 20;

/// An image that is read from its beginning to its end.
pub struct ImageReader {
    bytes: Box<dyn Read>,
    /// Its size, where the file says it.
    pub size: Option<u64>,
}

impl ImageReader {
    /// Opens an image, packed or not; its first bytes say which.
    ///
    /// # Errors
    /// [`FlashError::UnsupportedCompression`] for archives, and those of the file system.
    pub fn open(path: &Path) -> Result<ImageReader, FlashError> {
        let mut file = open_image(path)?;
        let size = file.metadata().map_err(FlashError::io("read", path))?.len();
        let compression = compression(&mut file, path)?;
        let buffered = BufReader::with_capacity(1 << 20, file);
        let (bytes, size): (Box<dyn Read>, _) = match compression {
            ImageCompression::None => (Box::new(buffered), Some(size)),
            // Several streams one after the other are how parallel packers write.
            ImageCompression::Xz => (Box::new(lzma_rust2::XzReader::new(buffered, true)), None),
            ImageCompression::Gzip => (Box::new(flate2::read::MultiGzDecoder::new(buffered)), None),
        };
        Ok(ImageReader { bytes, size })
    }
}

impl Read for ImageReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.bytes.read(buffer)
    }
}

/// Opens a file or block device to read from; anything else might never end.
///
/// # Errors
/// [`FlashError::NotAnImage`] for pipes and other devices.
pub(super) fn open_image(path: &Path) -> Result<File, FlashError> {
    // Looked at before: opening a pipe waits for whoever writes to it.
    let kind = std::fs::metadata(path).map_err(FlashError::io("open", path))?.file_type();
    if !kind.is_file() && !kind.is_block_device() {
        let problem = "is neither a file nor a block device";
        return Err(FlashError::NotAnImage { path: path.to_path_buf(), problem });
    }
    File::open(path).map_err(FlashError::io("open", path))
}

/// Reads until the buffer is full or the stream ends.
pub(super) fn fill(source: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match source.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ImageCompression {
    None,
    Xz,
    Gzip,
}

/// The compression of a file by its first bytes; leaves the file at its beginning.
fn compression(file: &mut File, path: &Path) -> Result<ImageCompression, FlashError> {
    use std::io::Seek;
    let mut magic = [0; 6];
    fill(file, &mut magic).map_err(FlashError::io("read", path))?;
    file.rewind().map_err(FlashError::io("read", path))?;
    let packed =
        |found| Err(FlashError::UnsupportedCompression { path: path.to_path_buf(), found });
    match magic {
        [0xfd, b'7', b'z', b'X', b'Z', 0] => Ok(ImageCompression::Xz),
        [0x1f, 0x8b, ..] => Ok(ImageCompression::Gzip),
        [b'P', b'K', 3, 4, ..] => packed("a zip archive"),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => packed("packed with zstd"),
        [b'B', b'Z', b'h', ..] => packed("packed with bzip2"),
        [b'7', b'z', 0xbc, 0xaf, 0x27, 0x1c] => packed("a 7z archive"),
        _ => Ok(ImageCompression::None),
    }
}

/// True of an image that has to be unpacked before it can be changed.
///
/// # Errors
/// As for [`ImageReader::open`].
pub fn is_compressed(path: &Path) -> Result<bool, FlashError> {
    let mut file = open_image(path)?;
    Ok(compression(&mut file, path)? != ImageCompression::None)
}
