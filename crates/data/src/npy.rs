//! NumPy's `.npy`: the header, and elements in whatever byte order and axis order they are stored.
//!
//! Source: NumPy Enhancement Proposal 1, versions 1 to 3 of the format.

use paring_agent::arrays::{Array, Dtype};
use py_literal::Value;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

/// Longest header that is read, as NumPy itself limits it by default.
const MOST_HEADER_BYTES: u64 = 64 << 10;
/// Deepest nesting of brackets in a header; that of plain arrays is 2.
const MOST_BRACKETS: usize = 16;

/// Element type of a stored array.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum StoredElement {
    /// One that inputs can have.
    Same(Dtype),
    /// Integers that fit in a wider signed type.
    Widened { bytes: usize, signed: bool, into: Dtype },
}

/// Header of a `.npy` file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NpyHeader {
    /// Element type as NumPy writes it.
    pub(super) descriptor: String,
    /// Shape; empty for a scalar.
    pub(super) shape: Vec<usize>,
    /// Length of the header itself.
    pub(super) bytes: u64,
    stored: Option<StoredElement>,
    big_endian: bool,
    fortran: bool,
}

fn invalid(problem: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, problem.into())
}

impl NpyHeader {
    /// Reads a header, and leaves `from` at the first element.
    ///
    /// # Errors
    /// What is no header of NumPy's, or one of an array that no machine could hold.
    pub(super) fn read(from: &mut impl Read) -> io::Result<NpyHeader> {
        let (text, bytes) = header_text(from)?;
        let Ok(Value::Dict(entries)) = text.trim_end().parse() else {
            return Err(invalid("not a .npy array: its header is no dictionary"));
        };
        let entry = |key: &str| {
            let is = |(name, _): &&(Value, Value)| matches!(name, Value::String(n) if n == key);
            entries.iter().find(is).map(|(_, value)| value)
        };
        let fortran = match entry("fortran_order") {
            Some(Value::Boolean(fortran)) => *fortran,
            _ => return Err(invalid("its header has no `fortran_order` that is True or False")),
        };
        let shape: Vec<usize> = match entry("shape") {
            Some(Value::Tuple(sizes) | Value::List(sizes)) => sizes.iter().map(size).collect(),
            _ => None,
        }
        .ok_or_else(|| invalid("its header has no `shape` of whole numbers"))?;
        let descriptor = match entry("descr") {
            Some(Value::String(descriptor)) => descriptor.clone(),
            Some(structured) => structured.to_string(),
            None => return Err(invalid("its header has no `descr`")),
        };
        let big_endian = descriptor.starts_with('>');
        let stored = stored(&descriptor);
        let header = NpyHeader { descriptor, shape, bytes, stored, big_endian, fortran };
        match header.total_bytes() {
            Some(_) => Ok(header),
            None => Err(invalid(format!("its shape {:?} is larger than memory", header.shape))),
        }
    }

    /// Entries along axis 0; 1 of a scalar.
    pub(super) fn rows(&self) -> usize {
        self.shape.first().copied().unwrap_or(1)
    }

    /// Says if elements of this type can be read at all.
    pub(super) fn readable(&self) -> bool {
        self.stored.is_some()
    }

    /// Element type, where an input can have it.
    pub(super) fn dtype(&self) -> Option<Dtype> {
        match self.stored? {
            StoredElement::Same(dtype) => Some(dtype),
            StoredElement::Widened { .. } => None,
        }
    }

    /// Bytes of one entry along axis 0 in the file.
    pub(super) fn row_bytes(&self) -> u64 {
        self.row_elements() as u64 * self.width() as u64
    }

    /// Bytes of the header and all elements; `None` where no machine could hold as many.
    pub(super) fn total_bytes(&self) -> Option<u64> {
        let sizes = self.shape.iter().filter(|size| **size > 0);
        let elements = sizes.map(|size| *size as u64).try_fold(1, u64::checked_mul)?;
        let bytes = elements.checked_mul(self.width() as u64)?.checked_add(self.bytes)?;
        (bytes <= isize::MAX as u64).then_some(bytes)
    }

    /// Entries `first` to `first + count` along axis 0; `from` stands at the first element, and
    /// `skip` leaves out bytes of it.
    ///
    /// # Errors
    /// Those of reading, elements that end early, and element types without an [`Array`].
    pub(super) fn rows_of<R: Read>(
        &self,
        from: &mut R,
        skip: &mut dyn FnMut(&mut R, u64) -> io::Result<()>,
        first: usize,
        count: usize,
    ) -> io::Result<Array> {
        // In Fortran order axis 0 runs fastest: the file is as many columns as a row has elements.
        let (columns, unit) = match self.fortran {
            true => (self.row_elements(), self.width() as u64),
            false => (1, self.row_bytes()),
        };
        let after = self.rows().saturating_sub(first + count) as u64 * unit;
        let wanted = count as u64 * unit;
        let mut bytes = Vec::new();
        // An array without elements may still claim any number of columns.
        for column in 0..if wanted == 0 { 0 } else { columns } {
            let gap = if column == 0 { 0 } else { after };
            skip(from, gap + first as u64 * unit)?;
            if from.by_ref().take(wanted).read_to_end(&mut bytes)? as u64 != wanted {
                return Err(invalid(format!(
                    "its elements end before shape {:?} does",
                    self.shape
                )));
            }
        }
        let mut shape = self.shape.clone();
        shape.iter_mut().take(1).for_each(|rows| *rows = count);
        self.decoded(&shape, bytes)
            .ok_or_else(|| invalid(format!("its elements ({}) cannot be read", self.descriptor)))
    }

    fn decoded(&self, shape: &[usize], mut bytes: Vec<u8>) -> Option<Array> {
        if self.big_endian {
            bytes.chunks_exact_mut(self.width()).for_each(<[u8]>::reverse);
        }
        let stored_shape: Vec<usize> = match self.fortran {
            true => shape.iter().rev().copied().collect(),
            false => shape.to_vec(),
        };
        let array = match self.stored? {
            StoredElement::Same(dtype) => Array::from_bytes(dtype, &stored_shape, &bytes)?,
            StoredElement::Widened { bytes: width, signed, into } => {
                let wide = bytes.chunks_exact(width).map(|element| widened(element, signed));
                let wide: Vec<i64> = wide.collect::<Option<_>>()?;
                let narrow =
                    wide.iter().flat_map(|v| v.to_le_bytes().into_iter().take(into.width()));
                Array::from_bytes(into, &stored_shape, &narrow.collect::<Vec<u8>>())?
            }
        };
        Some(if self.fortran { array.reversed_axes() } else { array })
    }

    fn row_elements(&self) -> usize {
        self.shape.iter().skip(1).product()
    }

    /// Bytes of an element in the file.
    fn width(&self) -> usize {
        match self.stored {
            Some(StoredElement::Same(dtype)) => dtype.width(),
            Some(StoredElement::Widened { bytes, .. }) => bytes,
            None => 1,
        }
    }
}

/// Reads a `.npy` file.
pub(super) fn read(path: &Path) -> io::Result<Array> {
    let mut file = BufReader::new(File::open(path)?);
    let header = NpyHeader::read(&mut file)?;
    let nothing_to_skip = &mut |_: &mut BufReader<File>, _| Ok(());
    header.rows_of(&mut file, nothing_to_skip, 0, header.rows())
}

/// The text of a header, and the bytes up to its end.
fn header_text(from: &mut impl Read) -> io::Result<(String, u64)> {
    let not_numpy = || invalid("not a .npy array");
    let mut start = [0; 8];
    from.read_exact(&mut start).map_err(|_| not_numpy())?;
    if &start[..6] != b"\x93NUMPY" {
        return Err(not_numpy());
    }
    let (length, before) = if start[6] == 1 {
        let mut size = [0; 2];
        from.read_exact(&mut size)?;
        (u64::from(u16::from_le_bytes(size)), 10)
    } else {
        let mut size = [0; 4];
        from.read_exact(&mut size)?;
        (u64::from(u32::from_le_bytes(size)), 12)
    };
    if length > MOST_HEADER_BYTES {
        return Err(invalid(format!("its header of {length} bytes is too long")));
    }
    let mut text = String::new();
    from.by_ref().take(length).read_to_string(&mut text)?;
    // The parser descends into every bracket.
    let mut depth = 0usize;
    for c in text.chars() {
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > MOST_BRACKETS {
            return Err(invalid("its header is nested too deeply"));
        }
    }
    Ok((text, before + length))
}

fn size(value: &Value) -> Option<usize> {
    match value {
        Value::Integer(size) => usize::try_from(size).ok(),
        _ => None,
    }
}

fn stored(descriptor: &str) -> Option<StoredElement> {
    let widened = |bytes, signed, into| Some(StoredElement::Widened { bytes, signed, into });
    match descriptor.trim_start_matches(['<', '>', '|', '=']) {
        "f4" => Some(StoredElement::Same(Dtype::F32)),
        "f8" => Some(StoredElement::Same(Dtype::F64)),
        "i8" => Some(StoredElement::Same(Dtype::I64)),
        "i4" => Some(StoredElement::Same(Dtype::I32)),
        "i1" => Some(StoredElement::Same(Dtype::I8)),
        "u1" => Some(StoredElement::Same(Dtype::U8)),
        "b1" => Some(StoredElement::Same(Dtype::Bool)),
        "i2" => widened(2, true, Dtype::I32),
        "u2" => widened(2, false, Dtype::I32),
        "u4" => widened(4, false, Dtype::I64),
        "u8" => widened(8, false, Dtype::I64),
        _ => None,
    }
}

/// A little-endian integer of at most 8 bytes; `None` beyond the largest `i64`.
fn widened(element: &[u8], signed: bool) -> Option<i64> {
    let negative = signed && element.last().is_some_and(|high| *high >= 0x80);
    let mut whole = if negative { [0xff; 8] } else { [0; 8] };
    whole.iter_mut().zip(element).for_each(|(to, from)| *to = *from);
    let value = i64::from_le_bytes(whole);
    (signed || value >= 0).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn npy(descriptor: &str, fortran: &str, shape: &str, elements: &[u8]) -> Vec<u8> {
        let text =
            format!("{{'descr': {descriptor}, 'fortran_order': {fortran}, 'shape': {shape}, }}\n");
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend((text.len() as u16).to_le_bytes());
        bytes.extend(text.as_bytes());
        bytes.extend(elements);
        bytes
    }

    /// Rows of an array, first in memory order, then skipping over what is not asked for.
    fn rows(file: &[u8], first: usize, count: usize) -> io::Result<Array> {
        let mut file = file;
        let header = NpyHeader::read(&mut file)?;
        let mut skip = |from: &mut &[u8], bytes: u64| {
            *from = &from[bytes as usize..];
            Ok(())
        };
        header.rows_of(&mut file, &mut skip, first, count)
    }

    #[test]
    fn every_order_of_bytes_and_axes_gives_the_same_array() {
        // [[1, 2], [3, 4], [5, 6]]
        let of = |order: [i16; 6], big: bool| -> Vec<u8> {
            let bytes = |v: i16| {
                let v = i32::from(v) - 7;
                if big { v.to_be_bytes() } else { v.to_le_bytes() }
            };
            order.into_iter().flat_map(bytes).collect()
        };
        let (c, fortran) = ([1, 2, 3, 4, 5, 6], [1, 3, 5, 2, 4, 6]);
        let forms = [
            npy("'<i4'", "False", "(3, 2)", &of(c, false)),
            npy("'>i4'", "False", "(3, 2)", &of(c, true)),
            npy("'<i4'", "True", "(3, 2)", &of(fortran, false)),
            npy("'>i4'", "True", "(3, 2)", &of(fortran, true)),
        ];
        let whole = rows(&forms[0], 0, 3).unwrap();
        assert_eq!(whole.whole_numbers(), Some(vec![-6, -5, -4, -3, -2, -1]));
        for form in &forms {
            assert_eq!(rows(form, 0, 3).unwrap(), whole);
            assert_eq!(rows(form, 1, 2).unwrap(), whole.take(&[1, 2]));
            assert_eq!(rows(form, 1, 1).unwrap(), whole.take(&[1]));
        }
    }

    #[test]
    fn small_and_unsigned_integers_are_widened() {
        #[track_caller]
        fn reads(descriptor: &str, elements: &[u8], numbers: Option<Vec<i64>>) {
            let width: usize = descriptor[3..4].parse().unwrap();
            let shape = format!("({},)", elements.len() / width);
            let file = npy(descriptor, "False", &shape, elements);
            let found = rows(&file, 0, elements.len() / width).ok();
            assert_eq!(found.and_then(|a| a.as_integers()), numbers);
        }
        reads("'<i2'", &[0xff, 0xff, 2, 1], Some(vec![-1, 258]));
        reads("'>u2'", &[0xff, 0xff, 2, 1], Some(vec![65535, 513]));
        reads("'<u4'", &[0xff; 4], Some(vec![4_294_967_295]));
        reads("'<u8'", &[1, 0, 0, 0, 0, 0, 0, 0], Some(vec![1]));
        reads("'<u8'", &[0xff; 8], None);
        reads("'<f2'", &[0, 0], None);
    }

    #[test]
    fn a_header_that_lies_is_refused() {
        #[track_caller]
        fn refused(file: &[u8], said: &str) {
            let error = rows(file, 0, 3).unwrap_err().to_string();
            assert!(error.contains(said), "{error}");
        }
        refused(b"PK\x03\x04nonsense", "not a .npy array");
        refused(&npy("'<f4'", "None", "(3,)", &[]), "fortran_order");
        refused(&npy("'<f4'", "False", "(-3,)", &[]), "`shape` of whole numbers");
        refused(&npy("'<f4'", "False", "(9223372036854775807, 8)", &[]), "larger than memory");
        refused(&npy("'<f4'", "False", "(3, 2)", &[0; 20]), "end before");
        refused(&npy(&"[".repeat(5000), "False", "(3,)", &[]), "nested too deeply");
        let mut long = b"\x93NUMPY\x02\x00".to_vec();
        long.extend([0xff; 4]);
        refused(&long, "too long");
    }
}
