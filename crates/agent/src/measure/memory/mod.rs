//! The allocator that counts, and the routines that copy.

#[cfg(all(target_arch = "x86_64", any(test, target_env = "musl")))]
mod copy_routines;
mod counting_allocator;

pub use counting_allocator::{CountingAllocator, allocated, count_allocations};
