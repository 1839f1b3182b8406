//! The header of NumPy's `.npy`, to read an array in parts.
//!
//! Source: NumPy Enhancement Proposal 1, versions 1 to 3 of the format.

use super::Dtype;
use std::io::{self, Read};

/// What precedes the numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Header {
    /// Element type as NumPy writes it.
    pub(super) descriptor: String,
    /// Ours, if there is one.
    pub(super) dtype: Option<Dtype>,
    /// Whether columns come first.
    pub(super) fortran: bool,
    /// Shape; never empty.
    pub(super) shape: Vec<usize>,
    /// Length of the header itself.
    pub(super) bytes: u64,
}

impl Header {
    /// Reads a header, and leaves `from` at the first number.
    pub(super) fn read(from: &mut impl Read) -> io::Result<Header> {
        let wrong = || io::Error::new(io::ErrorKind::InvalidData, "not a .npy array");
        let mut start = [0; 8];
        from.read_exact(&mut start)?;
        if &start[..6] != b"\x93NUMPY" {
            return Err(wrong());
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
        let mut text = String::new();
        from.by_ref().take(length).read_to_string(&mut text)?;
        let after = |key: &str| text.split_once(key).map(|(_, rest)| rest);
        let quoted = after("'descr':").and_then(|rest| rest.split('\'').nth(1));
        let descriptor = quoted.ok_or_else(wrong)?.to_string();
        let order = after("'fortran_order':").ok_or_else(wrong)?.trim_start();
        let list = after("'shape':").and_then(|rest| rest.split_once('(')?.1.split_once(')'));
        let sizes = list.ok_or_else(wrong)?.0.split(',').map(str::trim).filter(|s| !s.is_empty());
        let shape: Vec<usize> =
            sizes.map(|s| s.parse().map_err(|_| wrong())).collect::<Result<_, _>>()?;
        let dtype = match descriptor.as_str() {
            "<f4" => Some(Dtype::F32),
            "<f8" => Some(Dtype::F64),
            "<i8" => Some(Dtype::I64),
            "<i4" => Some(Dtype::I32),
            "|i1" => Some(Dtype::I8),
            "|u1" => Some(Dtype::U8),
            "|b1" => Some(Dtype::Bool),
            _ => None,
        };
        // Columns first is the same as rows first where there is one axis.
        let fortran = order.starts_with("True") && shape.len() > 1;
        match shape.is_empty() {
            true => Err(wrong()),
            false => Ok(Header { descriptor, dtype, fortran, shape, bytes: before + length }),
        }
    }

    /// Entries along axis 0.
    pub(super) fn rows(&self) -> usize {
        self.shape[0]
    }

    /// Bytes of one of them.
    pub(super) fn row_bytes(&self) -> u64 {
        let width = self.dtype.map_or(1, Dtype::width);
        self.shape[1..].iter().map(|size| *size as u64).product::<u64>() * width as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_numpy_writes() {
        let text = "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2), }\n";
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend((text.len() as u16).to_le_bytes());
        bytes.extend(text.as_bytes());
        let found = Header::read(&mut bytes.as_slice()).unwrap();
        assert_eq!((found.rows(), found.row_bytes(), found.bytes), (3, 8, bytes.len() as u64));
        assert_eq!((found.dtype, found.fortran), (Some(Dtype::F32), false));
        assert!(Header::read(&mut b"PK\x03\x04nonsense".as_slice()).is_err());
    }
}
