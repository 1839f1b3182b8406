//! Threads inside one inference.

use tract_linalg::multithread::{Executor, set_default_executor};

/// Has the engine use so many threads inside each inference of this process. With one, its own
/// single-threaded path runs, without a pool.
///
/// The engine splits only what is large enough to be worth it: small models run on one thread
/// whatever is asked for.
pub fn use_threads(threads: usize) {
    set_default_executor(match threads {
        0 | 1 => Executor::SingleThread,
        several => Executor::multithread(several),
    });
}
