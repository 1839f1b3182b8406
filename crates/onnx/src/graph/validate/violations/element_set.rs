//! Element types under the names of the standard, and sets of them.

use crate::graph::element_type::ElementType;
use std::fmt;

/// Names of `TensorProto.DataType` from 1 on, as type constraints spell them.
const NAMES: [&str; 28] = [
    "float",
    "uint8",
    "int8",
    "uint16",
    "int16",
    "int32",
    "int64",
    "string",
    "bool",
    "float16",
    "double",
    "uint32",
    "uint64",
    "complex64",
    "complex128",
    "bfloat16",
    "float8e4m3fn",
    "float8e4m3fnuz",
    "float8e5m2",
    "float8e5m2fnuz",
    "uint4",
    "int4",
    "float4e2m1",
    "float8e8m0",
    "uint2",
    "int2",
    "float6e2m3",
    "float6e3m2",
];

/// Bits of one element from 1 on, as `raw_data` stores it; 0 where it cannot hold the type.
const BITS: [u64; 28] = [
    32, 8, 8, 16, 16, 32, 64, 0, 8, 16, 64, 32, 64, 64, 128, 16, 8, 8, 8, 8, 4, 4, 4, 8, 2, 2, 0, 0,
];

fn entry<T: Copy>(table: &[T], element: ElementType) -> Option<T> {
    table.get(usize::try_from(element.0).ok()?.checked_sub(1)?).copied()
}

/// The name of an element type in the standard; `None` of a number that it does not define.
pub(in crate::graph::validate) fn standard_name(element: ElementType) -> Option<&'static str> {
    entry(&NAMES, element)
}

/// Bits of one element in `raw_data`; `None` of strings and of types without a fixed layout.
pub(in crate::graph::validate) fn bits(element: ElementType) -> Option<u64> {
    entry(&BITS, element).filter(|bits| *bits > 0)
}

/// The name of an element type, its number where the standard has none.
pub(in crate::graph::validate) struct TypeName(pub(in crate::graph::validate) ElementType);

impl fmt::Display for TypeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match standard_name(self.0) {
            Some(name) => f.write_str(name),
            None => write!(f, "number {}", self.0.0),
        }
    }
}

/// The element types that a formal parameter allows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ElementSet {
    /// Bit `n` stands for number `n` of `TensorProto.DataType`; bit 0 for sequences, maps, optionals
    /// and sparse tensors.
    bits: u32,
}

impl ElementSet {
    /// Reads the letters of the operator table.
    pub(in crate::graph::validate) fn of_letters(letters: &str) -> Self {
        let bit = |letter: u8| match letter {
            b'A'..=b'Z' => 1 << (letter - b'A' + 1),
            b'a'..=b'b' => 1 << (letter - b'a' + 27),
            _ => 1,
        };
        ElementSet { bits: letters.bytes().fold(0, |bits, letter| bits | bit(letter)) }
    }

    /// True where a tensor of these elements is allowed.
    pub fn contains(self, element: ElementType) -> bool {
        u32::try_from(element.0)
            .is_ok_and(|number| (1..32).contains(&number) && self.bits >> number & 1 == 1)
    }

    /// The element type, where no other is allowed.
    pub(in crate::graph::validate) fn only(self) -> Option<ElementType> {
        let single = self.bits.count_ones() == 1 && self.bits != 1;
        single.then(|| ElementType(self.bits.trailing_zeros() as i32))
    }
}

impl fmt::Display for ElementSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let allowed = (1..=28).map(ElementType).filter(|element| self.contains(*element));
        let names: Vec<&str> = allowed.filter_map(standard_name).collect();
        match names.as_slice() {
            [] => f.write_str("no dense tensor"),
            names => f.write_str(&names.join(", ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn reads(letters: &str, allowed: &[i32], shown: &str) {
        let set = ElementSet::of_letters(letters);
        let found: Vec<i32> = (0..=40).filter(|n| set.contains(ElementType(*n))).collect();
        assert_eq!(found, allowed);
        assert_eq!(set.to_string(), shown);
    }

    #[test]
    fn letters_are_numbers_of_data_types() {
        reads("AJ", &[1, 10], "float, float16");
        reads("+Zab", &[26, 27, 28], "int2, float6e2m3, float6e3m2");
        reads("+", &[], "no dense tensor");
        assert_eq!(ElementSet::of_letters("G").only(), Some(ElementType::I64));
        assert_eq!(ElementSet::of_letters("+").only(), None);
        assert_eq!(ElementSet::of_letters("+G").only(), None);
    }
}
