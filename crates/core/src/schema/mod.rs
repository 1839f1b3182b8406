//! The schema of everything that is written to disk or sent to an agent: plain values, no behaviour
//! beyond naming and checking themselves.
//!
//! Every file carries `schema`; a reader refuses one newer than [`SCHEMA`] and reads older ones.

mod confidence_interval;
mod energy;
mod engine_options;
mod evaluation;
mod execution_setting;
mod explanation;
mod file_name;
mod governance;
mod job;
mod ledger;
mod measurement;
mod missing_reason;
mod profile;
mod quantization;
mod schema_version;
mod sha256;

pub use confidence_interval::ConfidenceInterval;
pub use energy::{
    EnergyBlock, EnergyJob, EnergyRules, EnergySource, EnergySummary, EnergyWindow, SensorFacts,
    SensorReport,
};
pub use engine_options::EngineOptions;
pub use evaluation::{
    ActivationStatistics, AttackFacts, AttackGradientSource, AttackMethod, AttackNorm,
    AttackedPart, AttentionHeadStatistics, ClassScore, ConfidenceSummary, Evaluation, FlipKind,
    FlipSummary, InputDisturbance, InputRangeSource, LayerFlow, Metric, MetricScore,
    RegimeContrast, RegimeRecord, ReliabilityBin, RobustnessScore, SamplePrediction, ScoreKind,
    SliceScore, TaskKind, UnknownName,
};
pub use execution_setting::ExecutionSetting;
pub use explanation::{
    ChangeCauses, ComponentBlame, DecisionGroup, DegradedSample, DeploymentStage, Effect,
    Experiment, ExperimentPredictions, ExperimentSummary, Explanation, ExplanationDigest,
    FieldFormat, FlipBlame, FlipCounts, FlipDirection, ForecastTally, GroupBlame, GroupInteraction,
    GroupPart, LedgerNote, MetricTotal, NarrativeField, NarrativeSentence, NarrativeTopic,
    PrimaryMetric, SampleNeighbourhood, UnitFormats, UnreachedTarget, UnusableCounts,
};
pub use file_name::{FileName, InvalidFileName};
pub use governance::{
    CountedUnit, DecidingCount, GateCell, GateRecord, GateVerdict, RequiredBound, RequiredClass,
    RequiredFigure, RequiredSlice, Requirement, UnknownFigure, VariantVerdict,
};
pub use job::{
    BoardHolder, Job, JobEnding, JobModel, JobState, JobStatus, MOST_ROUNDS, PredictRequest,
    SampleRules, StopRule,
};
pub use ledger::{
    Approval, ApprovalAction, ComponentRef, CouplingMember, Decision, DecisionInputs, EpochLoss,
    Forecast, ForecastError, ForecastOutcome, LedgerEntry, LedgerEntryBody, LedgerEntryKind,
    OriginalIndices, PrecisionChange, ProtocolSignature, RejectedAlternative, RemovedComponent,
    ReplayedDecision, SignedApproval, SignedProtocol, StepRecord, StepRefusal, TensorChange,
    TrackRecord, TrainingEnd, TrainingRecord, VariantRecord,
};
pub use measurement::{
    BlockAttempt, BlockConditions, BlockData, BlockKey, BlockKind, BlockOutcome, BlockRecord,
    BurstPair, ConditionRules, CoolDown, LatencyDrift, LatencySummary, Measurement, MemoryPoint,
    MemoryPoints, PairedBlock, ProcessorLoad, SampleBurst, SoloBlock, SpeedSummary, SpeedVerdict,
    SustainedBlock, SustainedSummary, SustainedWindow, TargetEnvironment, WarmUpRecord,
    WeightBytes,
};
pub use missing_reason::MissingReason;
pub use profile::{
    CostTable, KernelPeak, LayerChange, LayerTable, LayerTime, MachineRoofline, NodeProfile,
    NodeTime, ReadBandwidth, TuneCandidate, TuneTable,
};
pub use quantization::{
    DecidedPrecision, EngineConformance, LayerPrecision, LayerSensitivity, MeasuredAssignment,
    PatternConformance, PatternExecution, PrecisionObjective, PrecisionTable,
    QuantizationGranularity,
};
pub use schema_version::{NewerSchema, SCHEMA, check_schema};
pub use sha256::{InvalidDigest, Sha256Hex};
