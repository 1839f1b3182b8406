//! Copying and filling memory for agents with musl on x86-64, in place of its own routines.
//!
//! musl copies by `rep movsq`, which takes about twice as long as other C libraries do for the tensors
//! of small models; an agent with it would report the library instead of the model. The linker takes
//! these symbols before it looks into the library; all three, because musl's `memmove` needs its
//! `memcpy`.

use std::arch::x86_64::{__m128i, _mm_loadu_si128, _mm_set1_epi8, _mm_storeu_si128};

/// Bytes of one vector, and of the four that are moved in one turn.
const VECTOR: usize = 16;
const TURN: usize = 4 * VECTOR;

/// C's `memcpy`.
///
/// # Safety
/// C's: `count` bytes may be read from `from` and written to `to`, and the two do not overlap; or `to` is
/// below `from`.
#[cfg_attr(target_env = "musl", unsafe(no_mangle))]
pub unsafe extern "C" fn memcpy(to: *mut u8, from: *const u8, count: usize) -> *mut u8 {
    // SAFETY: every access lies within the `count` bytes that the caller vouches for; the last ones may
    // be moved twice.
    unsafe {
        if count < VECTOR {
            few(to, from, count);
            return to;
        }
        let last = vector(from.add(count - VECTOR));
        let mut done = 0;
        while done + TURN <= count {
            let (a, b) = (vector(from.add(done)), vector(from.add(done + VECTOR)));
            let (c, d) = (vector(from.add(done + 2 * VECTOR)), vector(from.add(done + 3 * VECTOR)));
            keep(to.add(done), a);
            keep(to.add(done + VECTOR), b);
            keep(to.add(done + 2 * VECTOR), c);
            keep(to.add(done + 3 * VECTOR), d);
            done += TURN;
        }
        while done + VECTOR <= count {
            keep(to.add(done), vector(from.add(done)));
            done += VECTOR;
        }
        keep(to.add(count - VECTOR), last);
    }
    to
}

/// C's `memmove`.
///
/// # Safety
/// C's: `count` bytes may be read from `from` and written to `to`.
#[cfg_attr(target_env = "musl", unsafe(no_mangle))]
pub unsafe extern "C" fn memmove(to: *mut u8, from: *const u8, count: usize) -> *mut u8 {
    // Upwards nothing is overwritten that is still to be read, unless it goes up within itself.
    let within = (to as usize).wrapping_sub(from as usize) < count;
    // SAFETY: every access lies within the `count` bytes that the caller vouches for. What a turn writes
    // it has read before, and so has every later turn's part not been written yet.
    unsafe {
        if !within || count < VECTOR {
            return memcpy(to, from, count);
        }
        let first = vector(from);
        let mut left = count;
        while left >= TURN {
            left -= TURN;
            let (a, b) = (vector(from.add(left)), vector(from.add(left + VECTOR)));
            let (c, d) = (vector(from.add(left + 2 * VECTOR)), vector(from.add(left + 3 * VECTOR)));
            keep(to.add(left), a);
            keep(to.add(left + VECTOR), b);
            keep(to.add(left + 2 * VECTOR), c);
            keep(to.add(left + 3 * VECTOR), d);
        }
        while left >= VECTOR {
            left -= VECTOR;
            keep(to.add(left), vector(from.add(left)));
        }
        keep(to, first);
    }
    to
}

/// C's `memset`.
///
/// # Safety
/// C's: `count` bytes may be written to `to`.
#[cfg_attr(target_env = "musl", unsafe(no_mangle))]
pub unsafe extern "C" fn memset(to: *mut u8, value: i32, count: usize) -> *mut u8 {
    let byte = value as u8;
    // SAFETY: every access lies within the `count` bytes that the caller vouches for.
    unsafe {
        if count < VECTOR {
            for index in 0..count {
                to.add(index).write_volatile(byte);
            }
            return to;
        }
        let all = _mm_set1_epi8(byte as i8);
        let mut done = 0;
        while done + VECTOR <= count {
            keep(to.add(done), all);
            done += VECTOR;
        }
        keep(to.add(count - VECTOR), all);
    }
    to
}

/// Fewer bytes than a vector has: two moves of half of them or more, which may overlap.
#[inline(always)]
unsafe fn few(to: *mut u8, from: *const u8, count: usize) {
    macro_rules! twice {
        ($word:ty) => {{
            let end = count - size_of::<$word>();
            // SAFETY: `count` is at least the size of the word, and at most twice that.
            unsafe {
                let first = from.cast::<$word>().read_unaligned();
                let last = from.add(end).cast::<$word>().read_unaligned();
                to.cast::<$word>().write_unaligned(first);
                to.add(end).cast::<$word>().write_unaligned(last);
            }
        }};
    }
    match count {
        8.. => twice!(u64),
        4.. => twice!(u32),
        2.. => twice!(u16),
        // SAFETY: there is one byte.
        1 => unsafe { to.write(from.read()) },
        _ => {}
    }
}

#[inline(always)]
unsafe fn vector(from: *const u8) -> __m128i {
    // SAFETY: the caller vouches for 16 bytes; they need no alignment.
    unsafe { _mm_loadu_si128(from.cast()) }
}

#[inline(always)]
unsafe fn keep(to: *mut u8, value: __m128i) {
    // SAFETY: the caller vouches for 16 bytes; they need no alignment.
    unsafe { _mm_storeu_si128(to.cast(), value) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_and_fills_as_slices_do() {
        let start: Vec<u8> = (0..512u32).map(|i| (i * 151 + i / 7) as u8).collect();
        for count in (0..80).chain([127, 128, 129, 191, 200]) {
            for (from, to) in [(0, 256), (256, 1), (40, 40), (40, 41), (41, 40), (30, 47), (60, 33)]
            {
                let (mut own, mut expected) = (start.clone(), start.clone());
                expected.copy_within(from..from + count, to);
                // SAFETY: both ranges lie within the 512 bytes.
                unsafe { memmove(own.as_mut_ptr().add(to), own.as_ptr().add(from), count) };
                assert_eq!(own, expected, "{count} bytes from {from} to {to}");
                own.copy_from_slice(&start);
                expected.copy_from_slice(&start);
                expected[to..to + count].fill(0x5a);
                // SAFETY: the range lies within the 512 bytes.
                unsafe { memset(own.as_mut_ptr().add(to), 0x25a, count) };
                assert_eq!(own, expected, "{count} bytes at {to}");
            }
        }
        let (from, mut to) = (start.clone(), vec![0u8; 512]);
        // SAFETY: two vectors of that length.
        unsafe { memcpy(to.as_mut_ptr(), from.as_ptr(), 511) };
        assert_eq!((&to[..511], to[511]), (&from[..511], 0));
    }
}
