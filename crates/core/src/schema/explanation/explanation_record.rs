//! Everything that is known of why a variant differs from its baseline.

use crate::schema::{
    ComponentBlame, DecisionGroup, DegradedSample, DeploymentStage, Effect, ExplanationDigest,
    FlipBlame, FlipDirection, ForecastOutcome, GroupBlame, GroupInteraction, LayerChange,
    LayerFlow, LedgerNote, MetricTotal, NarrativeField, NarrativeSentence, SCHEMA, Sha256Hex,
    TrackRecord, UnreachedTarget,
};
use serde::{Deserialize, Serialize};

/// The explanation of one variant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Explanation {
    /// Format version.
    pub schema: u32,
    /// The variant.
    pub variant: String,
    /// Its identity.
    pub variant_id: Sha256Hex,
    /// Coverage of intervals, in percent.
    pub level_pct: f64,
    /// Primary metric of the task.
    pub main: PrimaryMetric,
    /// Number and kind of the experiments.
    pub experiments: ExperimentSummary,
    /// Groups of decisions, done or left undone as one.
    pub groups: Vec<DecisionGroup>,
    /// Each metric before and after.
    pub totals: Vec<MetricTotal>,
    /// Effects of each group.
    pub effects: Vec<Effect>,
    /// Pairs of groups that do together what they do not do apart.
    pub interactions: Vec<GroupInteraction>,
    /// Samples without a usable answer.
    pub unusable: UnusableCounts,
    /// Layers and modules before and after, on this machine.
    pub layers: Vec<LayerChange>,
    /// Share of the timing rounds that saw a quiet machine, 0 to 1; `None` where nothing was timed.
    pub quiet_share: Option<f64>,
    /// Every sample whose class changed, and the fewest groups that put it back.
    pub flips: Vec<FlipBlame>,
    /// Number of flipped samples by direction.
    pub flip_counts: FlipCounts,
    /// Flips by group.
    pub blame: Vec<GroupBlame>,
    /// Single components that answer for lost samples.
    pub components: Vec<ComponentBlame>,
    /// Forecasts and what came of them.
    pub forecasts: Vec<ForecastOutcome>,
    /// The tool as a forecaster: earlier runs and this one.
    pub track: TrackRecord,
    /// Changes of predictions on the way to this machine and to boards.
    pub links: Vec<DeploymentStage>,
    /// Boards of the study that were not asked, and why.
    pub unreached: Vec<UnreachedTarget>,
    /// Targets that are emulated: what they answer is another architecture's, how fast is nobody's.
    #[serde(default)]
    pub emulated: Vec<String>,
    /// Statistics of the layers' activations, before and after.
    pub flow: Vec<LayerFlow>,
    /// The samples that the variant hits hardest, hardest first.
    pub hits: Vec<DegradedSample>,
    /// Conclusions that the sentences are made from; empty before there are any.
    #[serde(default)]
    pub digest: ExplanationDigest,
    /// All that in words.
    pub narrative: Vec<NarrativeSentence>,
    /// People's notes about the variant or the run.
    pub notes: Vec<LedgerNote>,
}

impl Explanation {
    /// An explanation of which nothing is known but what it is about.
    pub fn new(
        variant: &str,
        variant_id: &Sha256Hex,
        main: PrimaryMetric,
        experiments: ExperimentSummary,
    ) -> Explanation {
        Explanation {
            schema: SCHEMA,
            variant: variant.into(),
            variant_id: variant_id.clone(),
            level_pct: 95.0,
            main,
            experiments,
            groups: vec![],
            totals: vec![],
            effects: vec![],
            interactions: vec![],
            unusable: UnusableCounts::default(),
            layers: vec![],
            quiet_share: None,
            flips: vec![],
            flip_counts: FlipCounts::default(),
            blame: vec![],
            components: vec![],
            forecasts: vec![],
            track: TrackRecord::default(),
            links: vec![],
            unreached: vec![],
            emulated: vec![],
            flow: vec![],
            hits: vec![],
            digest: ExplanationDigest::default(),
            narrative: vec![],
            notes: vec![],
        }
    }

    /// The explanation without the samples that are hit hardest and the sentences that name a sample.
    /// Counts stay, and so do [`Self::flips`]: the causes of classes are counted from them.
    #[must_use]
    pub fn without_samples(self) -> Explanation {
        let single = |field: &NarrativeField| {
            field.pointer.starts_with("/hits/") || field.pointer.starts_with("/flips/")
        };
        let narrative = self.narrative.into_iter();
        let narrative = narrative.filter(|sentence| !sentence.fields.iter().any(single)).collect();
        Explanation { narrative, hits: vec![], ..self }
    }

    /// True if figures of a target are an emulator's.
    pub fn is_emulated(&self, target: Option<&str>) -> bool {
        self.emulated.iter().any(|emulated| Some(emulated.as_str()) == target)
    }
}

/// The metric that an explanation is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrimaryMetric {
    /// As in [`Effect`].
    pub metric: String,
    /// As in [`Effect`].
    pub unit: String,
    /// True if more of it is better.
    pub higher_is_better: bool,
}

/// Samples whose outputs hold something that is no number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnusableCounts {
    /// Of the baseline.
    pub baseline: usize,
    /// Of the variant.
    pub variant: usize,
}

/// Samples whose predicted class changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlipCounts {
    /// From right to wrong.
    pub lost: usize,
    /// From wrong to right.
    pub won: usize,
    /// From one wrong class to another.
    pub other: usize,
    /// From one class to another, without labels to say which is right.
    #[serde(default)]
    pub changed: usize,
}

impl FlipCounts {
    /// Counts flips by direction.
    pub fn of(flips: &[FlipBlame]) -> FlipCounts {
        let count = |kind| flips.iter().filter(|flip| flip.kind == kind).count();
        FlipCounts {
            lost: count(FlipDirection::Lost),
            won: count(FlipDirection::Won),
            other: count(FlipDirection::Other),
            changed: count(FlipDirection::Changed),
        }
    }
}

/// Number and kind of the experiments that an explanation stands on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExperimentSummary {
    /// Different variants that were made and asked, on all draws.
    pub count: usize,
    /// Report samples that each was asked.
    pub samples: usize,
    /// Calibration resamples and seeds, including the study's own.
    pub draws: usize,
    /// True if every set of groups was tried.
    pub exact: bool,
    /// Pairs of orders of joining that were tried, where not every set was.
    pub pairs: usize,
    /// True if the budget ended before the plan did.
    pub cut_short: bool,
    /// Answers in which the replay of all decisions differs from the run's variant; 0 unless something
    /// is not repeatable.
    pub replay_differs: usize,
    /// True if the replay's file is the run's, byte for byte.
    pub replay_identical: bool,
}
