//! Errors of a program that runs another engine.

use paring_core::units::LatencyNs;
use std::time::Duration;

/// Error of a program that runs another engine.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum EngineProgramError {
    /// It cannot be started.
    #[error("start its program")]
    Start(#[source] std::io::Error),
    /// It ended while something was asked of it.
    #[error("its program ended before it answered `{request}`: {status}")]
    Ended {
        /// The request.
        request: &'static str,
        /// The status or signal.
        status: String,
    },
    /// It did not answer.
    #[error("its program did not answer `{request}` within {} s", limit.as_secs())]
    Silent {
        /// The request.
        request: &'static str,
        /// The limit.
        limit: Duration,
    },
    /// A line on its standard output is no answer.
    #[error(
        "its program wrote `{line}` to standard output where it had to answer `{request}`: {why}"
    )]
    Stray {
        /// The request.
        request: &'static str,
        /// The line, cut and escaped.
        line: String,
        /// The parser's words.
        why: String,
    },
    /// It speaks another version of the protocol.
    #[error("its program speaks version {found} of the protocol, this agent version {known}")]
    Protocol {
        /// The program's version.
        found: u32,
        /// The agent's.
        known: u32,
    },
    /// It said that it cannot do what was asked.
    #[error("its program cannot do `{request}`: {reason}")]
    Refused {
        /// The request.
        request: &'static str,
        /// Its words.
        reason: String,
    },
    /// It timed another number of inferences than asked for.
    #[error("its program timed {found} inferences, {asked} were asked for")]
    Count {
        /// Inferences that it timed.
        found: usize,
        /// Inferences that were asked for.
        asked: usize,
    },
    /// An inference took no time.
    #[error("its program says that an inference took 0 ns")]
    Instant,
    /// Its times are longer than the time that it took to answer.
    #[error("its program says that inferences took {said} in all, but it answered after {seen}")]
    Clock {
        /// The sum of its times.
        said: LatencyNs,
        /// The time until it answered.
        seen: LatencyNs,
    },
}
