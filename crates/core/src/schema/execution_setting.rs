//! Execution settings of a model: batch, threads, streams.

use serde::{Deserialize, Serialize};
use std::fmt;

/// One way to run a model; each is measured by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ExecutionSetting {
    /// Samples in one inference.
    pub batch: usize,
    /// Threads of the engine inside one inference.
    #[serde(default = "one")]
    pub threads: usize,
    /// Inferences that run at the same time, each in a thread of its own.
    #[serde(default = "one")]
    pub streams: usize,
}

fn one() -> usize {
    1
}

impl ExecutionSetting {
    /// One inference at a time on one thread.
    pub fn of_batch(batch: usize) -> Self {
        ExecutionSetting { batch, threads: 1, streams: 1 }
    }

    /// Differences from one sample, one thread, one stream: `batch 8, 2 threads`; empty for that.
    pub fn label(&self) -> String {
        let named = [(self.threads, "threads"), (self.streams, "streams")];
        let mut words: Vec<String> = Vec::new();
        if self.batch != 1 {
            words.push(format!("batch {}", self.batch));
        }
        let more = named.into_iter().filter(|(count, _)| *count != 1);
        words.extend(more.map(|(count, what)| format!("{count} {what}")));
        words.join(", ")
    }
}

impl fmt::Display for ExecutionSetting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "batch {}, threads {}, streams {}", self.batch, self.threads, self.streams)
    }
}
