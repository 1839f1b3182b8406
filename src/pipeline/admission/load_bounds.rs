//! Bounds on the first load of a model file: memory and time, by the bytes of the model.

use std::time::Duration;

/// MiB that the first load may take, for models of any size; 0 for no bound.
const MEMORY_VARIABLE: &str = "PARING_FIRST_LOAD_MIB";
/// Seconds that the first load may take, for models of any size; 0 for no bound.
const SECONDS_VARIABLE: &str = "PARING_FIRST_LOAD_SECONDS";

/// Memory beyond what grows with the model: shapes, plans, activations of an inference.
const BASE_BYTES: u64 = 512 << 20;
/// Bytes for each byte of the model: the file's, its initializers', the graph's, its encoding, the
/// engine's own and packed ones, and 4-bit weights that become floats.
const BYTES_PER_BYTE: u64 = 16;
/// Nodes that take no time worth counting.
const FREE_NODES: u64 = 200;
/// Beyond those the engine's passes go over all nodes for each: the square of their number times this.
const SQUARE_TIME: Duration = Duration::from_micros(40);
/// And never longer than this.
const MOST_NODES_TIME: Duration = Duration::from_secs(300);
/// Time of small models: they take a few hundredths of a second.
const BASE_TIME: Duration = Duration::from_secs(6);
/// Bytes of a model that have a further second each.
const BYTES_PER_SECOND: u64 = 8 << 20;

/// Message of a process about memory that it does not get.
pub(super) const NO_MEMORY: &str = "memory allocation of ";
/// Beginning of a message about time.
pub(super) const TOO_LONG: &str = "takes more than ";

/// Bounds on the first load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LoadBounds {
    /// Set for models of any size; `Some(None)` is no bound.
    memory: Option<Option<u64>>,
    time: Option<Option<Duration>>,
}

impl LoadBounds {
    /// The usual bounds, or those that the environment sets.
    ///
    /// # Errors
    /// For a person, where a variable holds no number.
    pub(super) fn from_environment() -> Result<LoadBounds, String> {
        LoadBounds::new(|name| std::env::var(name).ok())
    }

    fn new(variable: impl Fn(&str) -> Option<String>) -> Result<LoadBounds, String> {
        let number = |name: &str| match variable(name).filter(|text| !text.is_empty()) {
            None => Ok(None),
            Some(text) => match text.parse::<u64>() {
                Ok(number) => Ok(Some(number)),
                Err(_) => Err(format!("cannot start: {name}=`{text}` is no whole number")),
            },
        };
        let bound = |number: u64| (number > 0).then_some(number);
        Ok(LoadBounds {
            memory: number(MEMORY_VARIABLE)?
                .map(|mib| bound(mib).map(|mib| mib.saturating_mul(1 << 20))),
            time: number(SECONDS_VARIABLE)?.map(|seconds| bound(seconds).map(Duration::from_secs)),
        })
    }

    /// Bytes that the load of a model of so many bytes may take; `None` for no bound.
    pub(super) fn memory(&self, model_bytes: u64) -> Option<u64> {
        let usual = BASE_BYTES.saturating_add(model_bytes.saturating_mul(BYTES_PER_BYTE));
        self.memory.unwrap_or(Some(usual))
    }

    /// Message about a load that is ended for the memory it takes.
    pub(super) fn too_much(&self) -> String {
        let bound = match self.memory {
            Some(_) => format!("{MEMORY_VARIABLE} allows"),
            None => "512 MiB and 16 times the model's size".to_string(),
        };
        format!(
            "needs more memory than {bound}; of a model that you trust, {MEMORY_VARIABLE} gives it more (0: without bound)"
        )
    }

    /// Time that the load of a model of so many bytes and nodes may take; `None` for no bound.
    pub(super) fn time(&self, model_bytes: u64, nodes: u64) -> Option<Duration> {
        let counted = nodes.saturating_sub(FREE_NODES);
        let square = u32::try_from(counted.saturating_mul(counted)).unwrap_or(u32::MAX);
        let of_nodes = SQUARE_TIME.saturating_mul(square).min(MOST_NODES_TIME);
        let usual = BASE_TIME + Duration::from_secs(model_bytes / BYTES_PER_SECOND) + of_nodes;
        self.time.unwrap_or(Some(usual))
    }
}

/// Message about a load that is ended for the time it takes.
pub(super) fn too_long(bound: Duration) -> String {
    format!(
        "{TOO_LONG}{} s; of a model that you trust, {SECONDS_VARIABLE} gives it more (0: without bound)",
        bound.as_secs()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_grow_with_the_model_unless_the_environment_sets_them() {
        let usual = LoadBounds::new(|_| None).unwrap();
        assert_eq!(usual.memory(1 << 20), Some(528 << 20));
        assert_eq!(usual.time(80 << 20, 200), Some(Duration::from_secs(16)));
        assert_eq!(usual.time(0, 1200), Some(Duration::from_secs(46)));
        assert_eq!(usual.time(0, u64::MAX), Some(Duration::from_secs(306)));
        assert_eq!(usual.memory(u64::MAX), Some(u64::MAX));
        let set = |name: &str| Some(if name == MEMORY_VARIABLE { "7" } else { "0" }.to_string());
        let set = LoadBounds::new(set).unwrap();
        assert_eq!((set.memory(1 << 30), set.time(1 << 30, 0)), (Some(7 << 20), None));
        let wrong = LoadBounds::new(|_| Some("much".into())).unwrap_err();
        assert!(wrong.contains("PARING_FIRST_LOAD_MIB=`much`"), "{wrong}");
        assert!(set.too_much().contains("more memory than PARING_FIRST_LOAD_MIB allows"));
    }
}
