//! Blocks of a target as they followed each other: medians, heat, frequency, memory, sustained load.

/// Blocks of one target.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TargetBlocks {
    /// The target.
    pub target: String,
    /// Solo blocks in the order they were measured.
    pub blocks: Vec<ReportBlock>,
    /// Memory of each variant's process, medians over its solo blocks.
    pub memory: Vec<MemoryUse>,
    /// Windows of sustained loads, in order.
    pub sustained: Vec<SustainedPoint>,
}

/// One solo block.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReportBlock {
    /// The variant.
    pub variant: String,
    /// Its name and what of its setting is not usual.
    pub label: String,
    /// Minutes since the target's first block.
    pub minutes: f64,
    /// Median of all of its inferences, in nanoseconds.
    pub median_ns: f64,
    /// Highest temperature seen, in degrees Celsius.
    pub celsius: Option<f64>,
    /// Lowest frequency seen, in megahertz.
    pub megahertz: Option<f64>,
    /// Reasons for which it does not count; empty where it does.
    pub invalid: Vec<String>,
}

/// Memory of one variant's process, in bytes; `None` where the machine does not say.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MemoryUse {
    /// The variant.
    pub variant: String,
    /// Its name and what of its setting is not usual.
    pub label: String,
    /// Proportional set size before the model is opened, with the model analysed, with the optimised
    /// plan, and after the inferences.
    pub resident: [Option<f64>; 4],
    /// Allocated by the program at the same points.
    pub heap: [Option<f64>; 4],
    /// Peak resident set.
    pub peak: Option<f64>,
}

/// A second or so of a sustained load.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SustainedPoint {
    /// The variant.
    pub variant: String,
    /// Its name and what of its setting is not usual.
    pub label: String,
    /// Minutes since its first inference.
    pub minutes: f64,
    /// Median, in nanoseconds.
    pub median_ns: f64,
    /// Temperature at its end, in degrees Celsius.
    pub celsius: Option<f64>,
    /// Lowest frequency at its end, in megahertz.
    pub megahertz: Option<f64>,
    /// Signs of throttling.
    pub throttled: Vec<String>,
}
