//! Block maps: the ranges of an image that hold data, their checksums, and the image walked along them.
//!
//! A map is a stranger's file. Its own checksum is verified, its ranges must lie in the image one after
//! the other, and what it leaves out must be zero.

use super::FlashError;
use super::image_reader::{CHUNK, ImageReader, fill, open_image};
use bmap_parser::{Bmap, HashValue};
use paring_core::guard::catch_panic;
use paring_core::schema::Sha256Hex;
use sha2::{Digest, Sha256};
use std::io::Read;
use std::path::{Path, PathBuf};

/// Maps of large images have some hundred kilobytes.
const MOST_BYTES: u64 = 64 << 20;
/// Around the checksum of the map itself.
const OPENED: &str = "<BmapFileChecksum>";
const CLOSED: &str = "</BmapFileChecksum>";

/// The ranges of an image that hold data, and their checksums.
#[derive(Debug)]
pub struct BlockMap {
    /// The file it came from.
    pub path: PathBuf,
    /// Size of the image.
    pub(super) image_bytes: u64,
    /// In their order; they do not overlap.
    ranges: Vec<MappedRange>,
}

/// Bytes of an image that hold data.
#[derive(Debug)]
struct MappedRange {
    offset: u64,
    length: u64,
    sha256: [u8; 32],
}

/// A piece of an image.
pub(super) struct ImagePiece<'a> {
    pub(super) offset: u64,
    pub(super) bytes: &'a [u8],
    /// True where the map has it; the bytes are zero otherwise.
    pub(super) mapped: bool,
}

impl BlockMap {
    /// The block map that was named, or the one that lies beside the image: `card.img.bmap` or
    /// `card.bmap` for `card.img` and `card.img.xz`.
    ///
    /// # Errors
    /// [`FlashError::InvalidBlockMap`] where the file is no block map, or is damaged.
    pub fn find(image: &Path, named: Option<&Path>) -> Result<Option<BlockMap>, FlashError> {
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
        let mut text = String::new();
        let file = open_image(&path)?;
        file.take(MOST_BYTES).read_to_string(&mut text).map_err(FlashError::io("read", &path))?;
        let invalid = |problem| FlashError::InvalidBlockMap { path: path.clone(), problem };
        verify_checksum(&text).map_err(invalid)?;
        let bmap = match catch_panic(|| Bmap::from_xml(&text)) {
            Ok(Ok(bmap)) => bmap,
            Ok(Err(error)) => return Err(invalid(error.to_string())),
            Err(message) => return Err(invalid(format!("the parser panicked: {message}"))),
        };
        let ranges = ranges(&bmap).map_err(invalid)?;
        Ok(Some(BlockMap { path, image_bytes: bmap.image_size(), ranges }))
    }

    /// The number of bytes that hold data.
    pub fn mapped(&self) -> u64 {
        self.ranges.iter().map(|range| range.length).sum()
    }

    /// Reads an image to its end, piece by piece, and checks it against the map.
    ///
    /// # Errors
    /// [`FlashError::BlockMapChecksum`] where a range has another checksum,
    /// [`FlashError::InvalidBlockMap`] where a byte that the map leaves out is not zero or the image
    /// has another size, and those of `act`.
    pub(super) fn walk(
        &self,
        image: &Path,
        act: &mut dyn FnMut(ImagePiece) -> Result<(), FlashError>,
    ) -> Result<(), FlashError> {
        let mut source = ImageReader::open(image)?;
        let (mut buffer, mut offset) = (vec![0; CHUNK], 0);
        for range in &self.ranges {
            self.gap(&mut source, image, offset..range.offset, &mut buffer, act)?;
            let (end, mut hasher) = (range.offset + range.length, Sha256::new());
            offset = range.offset;
            while offset < end {
                let bytes = self.read(&mut source, image, end - offset, &mut buffer)?;
                hasher.update(bytes);
                act(ImagePiece { offset, bytes, mapped: true })?;
                offset += bytes.len() as u64;
            }
            if hasher.finalize().as_slice() != range.sha256 {
                return Err(FlashError::BlockMapChecksum {
                    path: image.to_path_buf(),
                    map: self.path.clone(),
                });
            }
        }
        self.gap(&mut source, image, offset..self.image_bytes, &mut buffer, act)?;
        match fill(&mut source, &mut buffer[..1]).map_err(FlashError::io("read", image))? {
            0 => Ok(()),
            _ => Err(self.other_size(image, "more")),
        }
    }

    /// Reads what the map leaves out.
    fn gap(
        &self,
        source: &mut ImageReader,
        image: &Path,
        span: std::ops::Range<u64>,
        buffer: &mut [u8],
        act: &mut dyn FnMut(ImagePiece) -> Result<(), FlashError>,
    ) -> Result<(), FlashError> {
        let mut offset = span.start;
        while offset < span.end {
            let bytes = self.read(source, image, span.end - offset, buffer)?;
            if let Some(position) = bytes.iter().position(|byte| *byte != 0) {
                let at = offset + position as u64;
                let problem = format!(
                    "it leaves out byte {at} of {}, which is not zero; make a new map of the image, or move this one away to write without it",
                    image.display()
                );
                return Err(FlashError::InvalidBlockMap { path: self.path.clone(), problem });
            }
            act(ImagePiece { offset, bytes, mapped: false })?;
            offset += bytes.len() as u64;
        }
        Ok(())
    }

    fn read<'b>(
        &self,
        source: &mut ImageReader,
        image: &Path,
        most: u64,
        buffer: &'b mut [u8],
    ) -> Result<&'b [u8], FlashError> {
        let most = most.min(buffer.len() as u64) as usize;
        let read = fill(source, &mut buffer[..most]).map_err(FlashError::io("read", image))?;
        match read {
            0 => Err(self.other_size(image, "fewer")),
            read => Ok(&buffer[..read]),
        }
    }

    fn other_size(&self, image: &Path, than: &str) -> FlashError {
        let problem =
            format!("{} has {than} than the {} bytes it says", image.display(), self.image_bytes);
        FlashError::InvalidBlockMap { path: self.path.clone(), problem }
    }
}

/// Verifies the map's own checksum, which is that of the file with zeros in its place.
///
/// Source: the format's description in `bmaptool`, version 2.0.
fn verify_checksum(text: &str) -> Result<(), String> {
    let missing = || format!("it has no {OPENED}, so that damage would not be noticed");
    let start = text.find(OPENED).ok_or_else(missing)? + OPENED.len();
    let end = start + text[start..].find(CLOSED).ok_or_else(missing)?;
    let stated = text[start..end].trim();
    let zeros = text[start..end].replace(stated, &"0".repeat(stated.len()));
    let found = Sha256Hex::of(format!("{}{zeros}{}", &text[..start], &text[end..]).as_bytes());
    match found.as_str().eq_ignore_ascii_case(stated) {
        true => Ok(()),
        false => {
            Err(format!("its checksum is {found}, not `{}` as it says", stated.escape_debug()))
        }
    }
}

/// The ranges, where they lie in the image one after the other.
fn ranges(bmap: &Bmap) -> Result<Vec<MappedRange>, String> {
    let (mut ranges, mut end) = (Vec::new(), 0);
    for range in bmap.block_map() {
        let (offset, length) = (range.offset(), range.length());
        let next = offset.checked_add(length).filter(|next| *next <= bmap.image_size());
        let Some(next) = next.filter(|_| length > 0 && offset >= end) else {
            return Err(format!(
                "the range of {length} bytes from byte {offset} on overlaps another or lies outside of the image"
            ));
        };
        let sha256 = match range.checksum() {
            HashValue::Sha256(sha256) => sha256,
            _ => return Err("its checksums are not SHA-256".into()),
        };
        ranges.push(MappedRange { offset, length, sha256 });
        end = next;
    }
    match ranges.is_empty() {
        true => Err("it maps no bytes".into()),
        false => Ok(ranges),
    }
}
