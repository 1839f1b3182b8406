//! Writing an image to a card, and reading it back.

use super::FlashError;
use super::block_map::BlockMap;
use super::image_reader::{CHUNK, ImageReader, fill, is_compressed};
use super::storage_location::refuse_same;
use paring_agent::sensors::{self, BlockDevice};
use paring_core::units::Bytes;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::{FileExt, FileTypeExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// `open(2)`: a block device that anything else has open exclusively, a mount say, is refused.
const O_EXCL: i32 = 0o200;

/// Function that gets the bytes done so far.
pub type ByteProgress<'a> = &'a mut dyn FnMut(u64);

/// A device that may be written.
#[derive(Clone, Debug)]
pub struct CardDevice {
    path: PathBuf,
    /// Stands for `/` where disks are listed.
    root: PathBuf,
    /// Its entry in the machine's list of disks; `None` of an ordinary file that stands for one.
    pub disk: Option<BlockDevice>,
    /// Its size; `None` of an ordinary file, which grows.
    pub bytes: Option<Bytes>,
}

impl CardDevice {
    /// Looks at a device and whoever uses it. Without `any`, only what is made to be taken out.
    ///
    /// # Errors
    /// [`FlashError::UnusableDevice`] says why it is not one to write to.
    pub fn find(root: &Path, path: &Path, any: bool) -> Result<CardDevice, FlashError> {
        let device = std::fs::canonicalize(path).map_err(FlashError::io("find", path))?;
        let refused =
            |problem: String| FlashError::UnusableDevice { path: device.clone(), problem };
        let kind = std::fs::metadata(&device).map_err(FlashError::io("look at", path))?.file_type();
        if kind.is_file() {
            let uses = sensors::uses_of_file(root, &device);
            if !uses.is_empty() {
                return Err(refused(format!("is in use: {}", uses.join("; "))));
            }
            if !any {
                let hint = "is an ordinary file, not a card; give --any-device to write to it";
                return Err(refused(hint.into()));
            }
            return Ok(CardDevice { path: device, root: root.into(), disk: None, bytes: None });
        }
        if !kind.is_block_device() {
            return Err(refused("is neither a block device nor a file".into()));
        }
        let name = device.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let disks = sensors::disks(root);
        let Some(disk) = disks.iter().find(|disk| disk.name == name) else {
            let whole = disks.iter().find(|d| d.partitions.iter().any(|(part, _)| *part == name));
            return Err(refused(match whole {
                Some(disk) => format!("is a partition; the whole card is /dev/{}", disk.name),
                None => "is no disk that the system lists".into(),
            }));
        };
        if !disk.uses.is_empty() {
            let hint = "unmount it first if it is the right one";
            return Err(refused(format!("is in use: {}; {hint}", disk.uses.join("; "))));
        }
        if !disk.removable && !any {
            let hint = "give --any-device if it is the right one";
            return Err(refused(format!("is built in, not a card or on USB; {hint}")));
        }
        let (bytes, disk) = (Some(disk.bytes), Some(disk.clone()));
        Ok(CardDevice { path: device, root: root.into(), bytes, disk })
    }

    /// Its path, links followed.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Refuses an image, or a map, that lies where the card does: on the same disk, or in the same file
    /// whatever it is called.
    ///
    /// # Errors
    /// [`FlashError::SameStorage`] names both.
    pub fn refuse_same(&self, image: &Path, map: Option<&BlockMap>) -> Result<(), FlashError> {
        let map = map.map(|map| map.path.as_path());
        let sources: Vec<&Path> = [image].into_iter().chain(map).collect();
        refuse_same(&self.root, &sources, &self.path)
    }

    /// Writes an image and waits until it is on the device. With a map only what holds data, and only
    /// after the whole image was checked against the map.
    ///
    /// # Errors
    /// [`FlashError`] names the file or device. Until the device is opened nothing on it has changed;
    /// after that what stood there is lost all the same.
    pub fn write(
        &self,
        image: &Path,
        map: Option<&BlockMap>,
        on_progress: ByteProgress,
    ) -> Result<(), FlashError> {
        self.refuse_same(image, map)?;
        let mut sink = match map {
            Some(map) => {
                self.fits(map.image_bytes)?;
                map.walk(image, &mut |_| Ok(()))?;
                let mut sink = self.open(image, on_progress)?;
                map.walk(image, &mut |piece| match piece.mapped {
                    true => sink.write(piece.offset, piece.bytes),
                    false => Ok(()),
                })?;
                sink
            }
            None => self.copy(image, on_progress)?,
        };
        sink.finish(map.map(|map| map.image_bytes).filter(|_| self.disk.is_none()))
    }

    /// Writes an image from its first byte to its last.
    fn copy<'a>(
        &'a self,
        image: &Path,
        on_progress: ByteProgress<'a>,
    ) -> Result<CardWriter<'a>, FlashError> {
        let mut source = ImageReader::open(image)?;
        source.size.map_or(Ok(()), |size| self.fits(size))?;
        let (mut chunk, mut offset) = (vec![0; CHUNK], 0);
        let mut next =
            |chunk: &mut [u8]| fill(&mut source, chunk).map_err(FlashError::io("read", image));
        let mut read = next(&mut chunk)?;
        if read == 0 {
            return Err(empty(image));
        }
        let mut sink = self.open(image, on_progress)?;
        while read > 0 {
            // A packed image says its size only by ending.
            self.fits(offset + read as u64)?;
            sink.write(offset, &chunk[..read])?;
            offset += read as u64;
            read = next(&mut chunk)?;
        }
        Ok(sink)
    }

    /// Opens the device for writing.
    fn open<'a>(
        &'a self,
        image: &Path,
        on_progress: ByteProgress<'a>,
    ) -> Result<CardWriter<'a>, FlashError> {
        let mut options = OpenOptions::new();
        options.write(true);
        if self.disk.is_some() {
            options.custom_flags(O_EXCL);
        }
        let failed = FlashError::io("open", &self.path);
        let file = options.open(&self.path).map_err(&failed)?;
        // It may have become another one since it was looked at.
        refuse_same(&self.root, &[image], &self.path)?;
        if self.disk.is_none() {
            // What stood behind the image's end would survive it.
            file.set_len(0).map_err(failed)?;
        }
        Ok(CardWriter { path: &self.path, file, done: 0, on_progress })
    }

    fn fits(&self, image: u64) -> Result<(), FlashError> {
        match self.bytes {
            Some(device) if image > device.0 => {
                Err(FlashError::TooLarge { path: self.path.clone(), image: Bytes(image), device })
            }
            _ => Ok(()),
        }
    }

    /// Reads the device back, from the medium and not from memory, and compares it with the image.
    /// With a map a device is compared only where the map has data; an ordinary file everywhere.
    ///
    /// # Errors
    /// [`FlashError::VerifyMismatch`] names the first byte that is not the image's;
    /// [`FlashError::NotAnImage`] where there is not a single byte to compare.
    pub fn verify(
        &self,
        image: &Path,
        map: Option<&BlockMap>,
        on_progress: ByteProgress,
    ) -> Result<CardComparison, FlashError> {
        self.refuse_same(image, map)?;
        let file = File::open(&self.path).map_err(FlashError::io("open", &self.path))?;
        // Best effort: where the system will not forget, it compares with what it remembers.
        sensors::forget(&file);
        let (mut comparison, mut read_back) = (CardComparison::default(), vec![0; CHUNK]);
        let mut compare = |offset: u64, bytes: &[u8]| -> Result<(), FlashError> {
            self.compare(&file, offset, bytes, &mut read_back)?;
            comparison.compared += bytes.len() as u64;
            on_progress(comparison.compared);
            Ok(())
        };
        let mut skipped = 0;
        match map {
            Some(map) => map.walk(image, &mut |piece| {
                if piece.mapped || self.disk.is_none() {
                    return compare(piece.offset, piece.bytes);
                }
                skipped += piece.bytes.len() as u64;
                Ok(())
            })?,
            None => {
                let mut source = ImageReader::open(image)?;
                let (mut chunk, mut offset) = (vec![0; CHUNK], 0);
                loop {
                    let read =
                        fill(&mut source, &mut chunk).map_err(FlashError::io("read", image))?;
                    if read == 0 {
                        break;
                    }
                    compare(offset, &chunk[..read])?;
                    offset += read as u64;
                }
            }
        }
        match comparison.compared {
            0 => Err(empty(image)),
            _ => Ok(CardComparison { skipped, ..comparison }),
        }
    }

    fn compare(
        &self,
        file: &File,
        offset: u64,
        bytes: &[u8],
        back: &mut [u8],
    ) -> Result<(), FlashError> {
        let mut read = 0;
        while read < bytes.len() {
            let more = file.read_at(&mut back[read..bytes.len()], offset + read as u64);
            match more.map_err(FlashError::io("read", &self.path))? {
                0 => break,
                more => read += more,
            }
        }
        match bytes.iter().zip(&back[..read]).take_while(|(a, b)| a == b).count() {
            same if same == bytes.len() => Ok(()),
            same => Err(FlashError::VerifyMismatch {
                path: self.path.clone(),
                at: offset + same as u64,
            }),
        }
    }
}

/// Bytes of an image that were compared with a device and found there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CardComparison {
    /// Bytes that were compared, all of them the same.
    pub compared: u64,
    /// Bytes that a block map leaves out, zero in the image, and not looked at on the device.
    pub skipped: u64,
}

fn empty(image: &Path) -> FlashError {
    FlashError::NotAnImage { path: image.to_path_buf(), problem: "has no bytes" }
}

/// The bytes that writing or verifying an image goes through, where that is known.
///
/// # Errors
/// Those of opening the image.
pub fn image_length(image: &Path, map: Option<&BlockMap>) -> Result<Option<u64>, FlashError> {
    match map {
        Some(map) => Ok(Some(map.mapped())),
        None if is_compressed(image)? => Ok(None),
        None => {
            let metadata = std::fs::metadata(image).map_err(FlashError::io("read", image))?;
            Ok(Some(metadata.len()))
        }
    }
}

/// A device that counts what is written to it.
struct CardWriter<'a> {
    path: &'a Path,
    file: File,
    done: u64,
    on_progress: ByteProgress<'a>,
}

impl CardWriter<'_> {
    fn write(&mut self, offset: u64, bytes: &[u8]) -> Result<(), FlashError> {
        self.file.write_all_at(bytes, offset).map_err(FlashError::io("write", self.path))?;
        self.done += bytes.len() as u64;
        (self.on_progress)(self.done);
        Ok(())
    }

    /// Waits until everything is on the device; an ordinary file gets its whole size.
    fn finish(&mut self, bytes: Option<u64>) -> Result<(), FlashError> {
        let sized = bytes.map_or(Ok(()), |bytes| self.file.set_len(bytes));
        sized.and_then(|()| self.file.sync_all()).map_err(FlashError::io("write", self.path))
    }
}
