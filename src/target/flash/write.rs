//! Writing an image to a card, and reading it back.

use super::source::{Map, Source};
use super::{FlashError, is_packed};
use crate::probe::{self, Disk};
use crate::units::Bytes;
use bmap_parser::{CopyError, SeekForward};
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Compared at once.
const CHUNK: usize = 4 << 20;
/// `open(2)`: a block device that anything else has open exclusively, a mount say, is refused.
const O_EXCL: i32 = 0o200;

/// Hears how many bytes are done.
pub type Heard<'a> = &'a mut dyn FnMut(u64);

/// A device that may be written.
#[derive(Clone, Debug)]
pub struct Card {
    path: PathBuf,
    /// What the machine says of it; `None` of an ordinary file that stands for one.
    pub disk: Option<Disk>,
    /// Its size; `None` of an ordinary file, which grows.
    pub bytes: Option<Bytes>,
}

impl Card {
    /// Looks at a device and whoever uses it. Without `any`, only what is made to be taken out.
    ///
    /// # Errors
    /// [`FlashError::Device`] says why it is not one to write to.
    pub fn find(root: &Path, path: &Path, any: bool) -> Result<Card, FlashError> {
        let found = std::fs::canonicalize(path).map_err(FlashError::io("find", path))?;
        let refused = |problem: String| FlashError::Device { path: found.clone(), problem };
        let kind = std::fs::metadata(&found).map_err(FlashError::io("look at", path))?.file_type();
        if kind.is_file() {
            let uses = probe::uses_of_file(root, &found);
            if !uses.is_empty() {
                return Err(refused(format!("is in use: {}", uses.join("; "))));
            }
            if !any {
                let hint = "is an ordinary file, not a card; give --any-device to write to it";
                return Err(refused(hint.into()));
            }
            return Ok(Card { path: found, disk: None, bytes: None });
        }
        if !kind.is_block_device() {
            return Err(refused("is neither a block device nor a file".into()));
        }
        let name = found.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let disks = probe::disks(root);
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
        Ok(Card { path: found, bytes: Some(disk.bytes), disk: Some(disk.clone()) })
    }

    /// Its path, links followed.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes an image and waits until it is on the device. With a map only what holds data.
    ///
    /// # Errors
    /// [`FlashError`] names the file or device. What stood on the device is lost all the same.
    pub fn write(&self, image: &Path, map: Option<&Map>, heard: Heard) -> Result<(), FlashError> {
        let mut source = Source::open(image)?;
        self.fits(map.map(|m| m.bmap.image_size()).or(source.size))?;
        let mut options = OpenOptions::new();
        options.write(true);
        match self.disk {
            Some(_) => options.custom_flags(O_EXCL),
            // What stood behind the image's end would survive it.
            None => options.truncate(true),
        };
        let file = options.open(&self.path).map_err(FlashError::io("open", &self.path))?;
        let mut sink = Sink { file, done: 0, heard };
        match map {
            Some(map) => {
                bmap_parser::copy(&mut source, &mut sink, &map.bmap)
                    .map_err(|error| self.copy_failed(error, image, map))?;
                if self.disk.is_none() {
                    let whole = sink.file.set_len(map.bmap.image_size());
                    whole.map_err(FlashError::io("write", &self.path))?;
                }
            }
            None => self.copy_all(&mut source, &mut sink, image)?,
        }
        sink.file.sync_all().map_err(FlashError::io("write", &self.path))
    }

    fn copy_all(
        &self,
        source: &mut Source,
        sink: &mut Sink,
        image: &Path,
    ) -> Result<(), FlashError> {
        let mut chunk = vec![0; CHUNK];
        loop {
            let read = fill(source, &mut chunk).map_err(FlashError::io("read", image))?;
            if read == 0 {
                return Ok(());
            }
            // A packed image says its size only by ending.
            self.fits(Some(sink.done + read as u64))?;
            sink.write_all(&chunk[..read]).map_err(FlashError::io("write", &self.path))?;
        }
    }

    fn fits(&self, image: Option<u64>) -> Result<(), FlashError> {
        match (image, self.bytes) {
            (Some(image), Some(device)) if image > device.0 => {
                Err(FlashError::TooLarge { path: self.path.clone(), image: Bytes(image), device })
            }
            _ => Ok(()),
        }
    }

    fn copy_failed(&self, error: CopyError, image: &Path, map: &Map) -> FlashError {
        match error {
            CopyError::ReadError(source) => FlashError::io("read", image)(source),
            CopyError::WriteError(source) => FlashError::io("write", &self.path)(source),
            CopyError::UnexpectedEof => {
                FlashError::io("read", image)(io::ErrorKind::UnexpectedEof.into())
            }
            CopyError::ChecksumError => {
                FlashError::Checksum { path: image.to_path_buf(), map: map.path.clone() }
            }
        }
    }

    /// Reads the device back, from the medium and not from memory, and compares it with the image.
    ///
    /// # Errors
    /// [`FlashError::Differs`] names the first byte that is not the image's.
    pub fn verify(&self, image: &Path, map: Option<&Map>, heard: Heard) -> Result<(), FlashError> {
        let mut source = Source::open(image)?;
        let mut file = File::open(&self.path).map_err(FlashError::io("open", &self.path))?;
        // Best effort: where the system will not forget, it compares with what it remembers.
        probe::forget(&file);
        let ranges: Vec<(u64, u64)> = match map {
            Some(map) => map.bmap.block_map().map(|r| (r.offset(), r.length())).collect(),
            None => vec![(0, u64::MAX)],
        };
        let (mut at, mut done) = (0, 0);
        let (mut ours, mut theirs) = (vec![0; CHUNK], vec![0; CHUNK]);
        for (start, length) in ranges {
            source.seek_forward(start - at).map_err(FlashError::io("read", image))?;
            file.seek(SeekFrom::Start(start)).map_err(FlashError::io("read", &self.path))?;
            at = start;
            let end = start.saturating_add(length);
            while at < end {
                let most = (end - at).min(CHUNK as u64) as usize;
                let read =
                    fill(&mut source, &mut ours[..most]).map_err(FlashError::io("read", image))?;
                if read == 0 {
                    break;
                }
                let back = fill(&mut file, &mut theirs[..read])
                    .map_err(FlashError::io("read", &self.path))?;
                let same = ours[..read].iter().zip(&theirs[..back]).take_while(|(a, b)| a == b);
                let same = same.count();
                if same < read {
                    let at = at + same as u64;
                    return Err(FlashError::Differs { path: self.path.clone(), at });
                }
                at += read as u64;
                done += read as u64;
                heard(done);
            }
        }
        Ok(())
    }
}

/// How many bytes writing or verifying an image will go through, where that is known.
///
/// # Errors
/// Those of opening the image.
pub fn length(image: &Path, map: Option<&Map>) -> Result<Option<u64>, FlashError> {
    match map {
        Some(map) => Ok(Some(map.mapped())),
        None if is_packed(image)? => Ok(None),
        None => {
            let found = std::fs::metadata(image).map_err(FlashError::io("read", image))?;
            Ok(Some(found.len()))
        }
    }
}

/// Reads until the buffer is full or the stream ends.
fn fill(source: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
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

/// A device that counts what is written to it.
struct Sink<'a, 'h> {
    file: File,
    done: u64,
    heard: &'a mut (dyn FnMut(u64) + 'h),
}

impl Write for Sink<'_, '_> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let written = self.file.write(buffer)?;
        self.done += written as u64;
        (self.heard)(self.done);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl SeekForward for Sink<'_, '_> {
    fn seek_forward(&mut self, offset: u64) -> io::Result<()> {
        let forward = i64::try_from(offset).map_err(io::Error::other)?;
        self.file.seek(SeekFrom::Current(forward)).map(|_| ())
    }
}
