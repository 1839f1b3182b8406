//! An image as a stream of its unpacked bytes, and the block map beside it.

use super::FlashError;
use bmap_parser::{Bmap, SeekForward};
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

/// An image that is read from its beginning to its end.
pub struct Source {
    bytes: Box<dyn Read>,
    /// Its size, where the file says it.
    pub size: Option<u64>,
}

impl Source {
    /// Opens an image, packed or not; its first bytes say which.
    ///
    /// # Errors
    /// [`FlashError::Packed`] for archives, and those of the file system.
    pub fn open(path: &Path) -> Result<Source, FlashError> {
        let mut file = File::open(path).map_err(FlashError::io("open", path))?;
        let size = file.metadata().map_err(FlashError::io("read", path))?.len();
        let packing = packing(&mut file, path)?;
        let buffered = BufReader::with_capacity(1 << 20, file);
        let (bytes, size): (Box<dyn Read>, _) = match packing {
            Packing::None => (Box::new(buffered), Some(size)),
            // Several streams one after the other are how parallel packers write.
            Packing::Xz => (Box::new(lzma_rust2::XzReader::new(buffered, true)), None),
            Packing::Gzip => (Box::new(flate2::read::MultiGzDecoder::new(buffered)), None),
        };
        Ok(Source { bytes, size })
    }
}

impl Read for Source {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.bytes.read(buffer)
    }
}

impl SeekForward for Source {
    fn seek_forward(&mut self, offset: u64) -> io::Result<()> {
        let skipped = io::copy(&mut self.bytes.by_ref().take(offset), &mut io::sink())?;
        match skipped == offset {
            true => Ok(()),
            false => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Packing {
    None,
    Xz,
    Gzip,
}

/// Leaves the file at its beginning.
fn packing(file: &mut File, path: &Path) -> Result<Packing, FlashError> {
    use std::io::Seek;
    let mut magic = [0; 6];
    let mut filled = 0;
    while filled < magic.len() {
        match file.read(&mut magic[filled..]).map_err(FlashError::io("read", path))? {
            0 => break,
            n => filled += n,
        }
    }
    file.rewind().map_err(FlashError::io("read", path))?;
    let packed = |found| Err(FlashError::Packed { path: path.to_path_buf(), found });
    match magic {
        [0xfd, b'7', b'z', b'X', b'Z', 0] => Ok(Packing::Xz),
        [0x1f, 0x8b, ..] => Ok(Packing::Gzip),
        [b'P', b'K', 3, 4, ..] => packed("a zip archive"),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => packed("packed with zstd"),
        [b'B', b'Z', b'h', ..] => packed("packed with bzip2"),
        [b'7', b'z', 0xbc, 0xaf, 0x27, 0x1c] => packed("a 7z archive"),
        _ => Ok(Packing::None),
    }
}

/// Whether an image has to be unpacked before it can be changed.
///
/// # Errors
/// As for [`Source::open`].
pub fn is_packed(path: &Path) -> Result<bool, FlashError> {
    let mut file = File::open(path).map_err(FlashError::io("open", path))?;
    Ok(packing(&mut file, path)? != Packing::None)
}

/// Which ranges of an image hold data, and their checksums.
#[derive(Debug)]
pub struct Map {
    /// The file it came from.
    pub path: PathBuf,
    pub(super) bmap: Bmap,
}

impl Map {
    /// The block map that was named, or the one that lies beside the image: `card.img.bmap` or
    /// `card.bmap` for `card.img` and `card.img.xz`.
    ///
    /// # Errors
    /// [`FlashError::Map`] where the file is no block map.
    pub fn find(image: &Path, named: Option<&Path>) -> Result<Option<Map>, FlashError> {
        let beside = || {
            let mut names = vec![image.to_path_buf()];
            while let Some(stem) = names.last().filter(|p| p.extension().is_some()) {
                names.push(stem.with_extension(""));
            }
            let with = |name: &PathBuf| {
                let mut name = name.clone().into_os_string();
                name.push(".bmap");
                PathBuf::from(name)
            };
            names.iter().map(with).find(|path| path.is_file())
        };
        let Some(path) = named.map(Path::to_path_buf).or_else(beside) else { return Ok(None) };
        let text = std::fs::read_to_string(&path).map_err(FlashError::io("read", &path))?;
        let bmap = Bmap::from_xml(&text).map_err(|problem| FlashError::Map {
            path: path.clone(),
            problem: problem.to_string(),
        })?;
        Ok(Some(Map { path, bmap }))
    }

    /// How many bytes hold data.
    pub fn mapped(&self) -> u64 {
        self.bmap.total_mapped_size()
    }
}
