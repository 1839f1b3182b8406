//! Changes to files of other kinds: to bytes, to arrays in their headers, to text in its numbers.

use super::mutation::Mutator;
use std::io::Write;

impl Mutator<'_> {
    /// Bytes with flipped bits, cut off, or doubled in the middle.
    pub fn bytes(&mut self, bytes: &[u8]) -> (Vec<u8>, String) {
        let mut bytes = bytes.to_vec();
        let what = match self.below(4) {
            0 => {
                let kept = self.below(bytes.len());
                bytes.truncate(kept);
                "cut"
            }
            1 => {
                let (from, to) = (self.below(bytes.len()), self.below(bytes.len()));
                let part = bytes[from.min(to)..from.max(to).min(from.min(to) + 4096)].to_vec();
                let at = self.below(bytes.len());
                bytes.splice(at..at, part);
                "doubled"
            }
            _ => {
                for _ in 0..=self.below(8) {
                    let (at, bit) = (self.below(bytes.len()), self.below(8));
                    if let Some(byte) = bytes.get_mut(at) {
                        *byte ^= 1 << bit;
                    }
                }
                "bits"
            }
        };
        (bytes, format!("bytes {what}"))
    }

    /// Text (TOML, JSON, CSV, XML) with another number, a line gone or doubled, or spoilt bytes.
    pub fn text(&mut self, bytes: &[u8]) -> (Vec<u8>, String) {
        let text = String::from_utf8_lossy(bytes).into_owned();
        let mut lines: Vec<String> = text.lines().map(str::to_string).collect();
        let line = self.below(lines.len());
        match self.below(6) {
            0 if !lines.is_empty() => {
                lines.remove(line);
                (lines.join("\n").into_bytes(), "line gone".into())
            }
            1 if !lines.is_empty() => {
                let copy = lines[line].clone();
                lines.insert(line, copy);
                (lines.join("\n").into_bytes(), "line twice".into())
            }
            2 => self.bytes(bytes),
            _ => {
                // The digits of one number.
                let digit = |c: u8| c.is_ascii_digit();
                let starts: Vec<usize> = (0..bytes.len())
                    .filter(|at| digit(bytes[*at]) && (*at == 0 || !digit(bytes[*at - 1])))
                    .collect();
                let Some(start) = starts.get(self.below(starts.len())).copied() else {
                    return self.bytes(bytes);
                };
                let end = start + bytes[start..].iter().take_while(|c| digit(**c)).count();
                let number = match self.below(20) {
                    0 => "1e308".to_string(),
                    1 => "\"text\"".to_string(),
                    2 => "[]".to_string(),
                    3 => "null".to_string(),
                    _ => self.number().to_string(),
                };
                let mut changed = bytes.to_vec();
                changed.splice(start..end, number.bytes());
                (changed, format!("number {number}"))
            }
        }
    }

    /// An archive of arrays whose headers or elements are not what they say.
    pub fn archive(&mut self) -> (Vec<u8>, String) {
        let mut said = Vec::new();
        let file = std::io::Cursor::new(Vec::new());
        let mut archive = zip::ZipWriter::new(file);
        let samples = [40usize, 0, 1, 2_000, 625_000]
            [if self.chance(0.9) { 0 } else { self.below(if self.small { 4 } else { 5 }) }];
        for (name, descriptor, shape) in [
            ("image", "'<f4'", format!("({samples}, 1, 8, 8)")),
            ("labels", "'<i8'", format!("({samples},)")),
            ("stroke_density", "'<i8'", format!("({samples},)")),
        ] {
            let (mut descriptor, mut shape) = (descriptor.to_string(), shape);
            let (mut fortran, mut version) = ("False", 1u8);
            let mut bytes = samples * if name == "image" { 256 } else { 8 };
            if self.chance(0.5) {
                let number = self.number();
                match self.below(7) {
                    0 => shape = format!("({number}, 1, 8, 8)"),
                    1 => shape = format!("({samples}, {number}, {number})"),
                    2 => shape = "()".into(),
                    3 => {
                        descriptor = ["'|b1'", "'<f8'", "'<f2'", "'>i2'", "'<U9'", "[]"]
                            [self.below(6)]
                        .into()
                    }
                    4 => fortran = ["True", "None", "(((((("][self.below(3)],
                    5 => version = number as u8,
                    _ => bytes = self.below(2 * bytes + 1),
                }
                said.push(format!("{name} {descriptor} {shape} {fortran} {version} {bytes}"));
            }
            let header = format!(
                "{{'descr': {descriptor}, 'fortran_order': {fortran}, 'shape': {shape}, }}\n"
            );
            let options = zip::write::SimpleFileOptions::default();
            archive.start_file(format!("{name}.npy"), options).unwrap();
            archive.write_all(b"\x93NUMPY").unwrap();
            archive.write_all(&[version, 0]).unwrap();
            archive.write_all(&(header.len() as u16).to_le_bytes()).unwrap();
            archive.write_all(header.as_bytes()).unwrap();
            let element =
                |at: usize| if name == "image" { 0 } else { u8::from(at.is_multiple_of(16)) };
            let elements: Vec<u8> = (0..bytes).map(element).collect();
            archive.write_all(&elements).unwrap();
        }
        let whole = archive.finish().unwrap().into_inner();
        match self.chance(0.2) {
            true => {
                let (spoilt, what) = self.bytes(&whole);
                (spoilt, format!("{} {what}", said.join("+")))
            }
            false => (whole, said.join("+")),
        }
    }
}
