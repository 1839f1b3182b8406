//! Energy of a variant, from its energy blocks.

use paring_core::schema::{
    BlockData, BlockKind, BlockOutcome, BlockRecord, ConfidenceInterval, EnergyBlock,
    EnergySummary, ExecutionSetting, MissingReason, Sha256Hex,
};
use paring_core::stats;
use paring_core::units::PowerMw;

/// Energy of one variant in one setting, from the energy blocks among `records`.
///
/// Gross energy is a window's over its inferences. Above idle is that without the idle power of the
/// windows around it; its bounds are the least and the most over all windows, each with the higher
/// and the lower of its two idle powers.
///
/// # Errors
/// Why there is none.
pub fn energy_summary(
    records: &[BlockRecord],
    variant_id: &Sha256Hex,
    setting: ExecutionSetting,
) -> Result<EnergySummary, MissingReason> {
    let mut blocks: Vec<&EnergyBlock> = Vec::new();
    let mut why = MissingReason("no energy block was measured".into());
    for record in records {
        let key = &record.attempt.key;
        if (key.kind, &key.variant_id, key.setting) != (BlockKind::Energy, variant_id, setting) {
            continue;
        }
        if !record.invalid.is_empty() {
            why = MissingReason(format!(
                "its windows ran in bad conditions: {}",
                record.invalid.join("; ")
            ));
            continue;
        }
        match &record.outcome {
            BlockOutcome::Failed { reason } => why = MissingReason(reason.clone()),
            BlockOutcome::Done { data: BlockData::Energy(block) } => match block.missing() {
                Some(missing) => why = missing.clone(),
                None => blocks.push(block),
            },
            BlockOutcome::Done { .. } => {}
        }
    }
    // One sensor's windows: another may cover more.
    let last = blocks.last().map(|block| block.sensor.name.clone());
    blocks.retain(|block| Some(&block.sensor.name) == last.as_ref());
    summary(&blocks).unwrap_or(Err(why))
}

/// One window's figures.
struct WindowEnergy {
    gross_uj: f64,
    net_uj: f64,
    low_uj: f64,
    high_uj: f64,
    power: f64,
    idle: f64,
}

/// `None` of no window.
fn summary(blocks: &[&EnergyBlock]) -> Option<Result<EnergySummary, MissingReason>> {
    let figures: Vec<WindowEnergy> = blocks.iter().filter_map(|block| figures(block)).collect();
    let median = |value: fn(&WindowEnergy) -> f64| {
        stats::median(&figures.iter().map(value).collect::<Vec<f64>>())
    };
    let (power, idle) = (PowerMw(median(|f| f.power)?), PowerMw(median(|f| f.idle)?));
    let net = median(|f| f.net_uj)?;
    if net <= 0.0 {
        let why = format!("no power above idle: {power} with the model running, {idle} without");
        return Some(Err(MissingReason(why)));
    }
    let bound = |value: fn(&WindowEnergy) -> f64, of: fn(f64, f64) -> f64| {
        figures.iter().map(value).reduce(of)
    };
    let per_inference_uj = ConfidenceInterval {
        value: net,
        low: bound(|f| f.low_uj, f64::min)?,
        high: bound(|f| f.high_uj, f64::max)?,
    };
    Some(Ok(EnergySummary {
        windows: figures.len(),
        per_inference_uj,
        gross_uj: median(|f| f.gross_uj)?,
        power,
        idle,
        sensor: blocks.last()?.sensor.clone(),
    }))
}

fn figures(block: &EnergyBlock) -> Option<WindowEnergy> {
    let run_uj = *block.run.energy_uj.as_ref().ok()?;
    let count = block.inferences as f64;
    let (before, after) = (block.idle_before.power()?, block.idle_after.power()?);
    let span = block.run.span();
    let above = |idle: f64| (run_uj - PowerMw(idle).over(span)) / count;
    let idle = (before.0 + after.0) / 2.0;
    (block.inferences > 0).then(|| WindowEnergy {
        gross_uj: run_uj / count,
        net_uj: above(idle),
        low_uj: above(before.0.max(after.0)),
        high_uj: above(before.0.min(after.0)),
        power: block.run.power().map_or(0.0, |power| power.0),
        idle,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use paring_core::schema::{
        BlockAttempt, BlockConditions, BlockKey, EnergyWindow, SCHEMA, SensorFacts,
    };
    use paring_core::units::LatencyNs;

    const S: u64 = 1_000_000_000;

    /// A block with these milliwatts before, with the model, and after: 1,000 inferences in 10 s.
    fn block(sensor: &str, before: f64, run: f64, after: f64) -> EnergyBlock {
        let window = |from: u64, to: u64, power: f64| {
            let (start_ns, end_ns) = (LatencyNs(from * S), LatencyNs(to * S));
            let energy_uj = Ok(PowerMw(power).over(LatencyNs((to - from) * S)));
            EnergyWindow { start_ns, end_ns, energy_uj, readings: 50 }
        };
        EnergyBlock {
            sensor: SensorFacts {
                name: sensor.into(),
                coverage: "module".into(),
                rate_hz: 10.0,
                resolution: "1 mW".into(),
            },
            pulse_ns: vec![],
            started_unix_ns: 0,
            idle_before: window(0, 5, before),
            run: window(6, 16, run),
            idle_after: window(17, 22, after),
            inferences: 1_000,
        }
    }

    fn record(outcome: BlockOutcome) -> BlockRecord {
        let variant_id = Sha256Hex::of(b"variant");
        let setting = ExecutionSetting::of_batch(1);
        let key = BlockKey { kind: BlockKind::Energy, variant_id, setting, round: 0 };
        BlockRecord {
            schema: SCHEMA,
            measurement_sha256: Sha256Hex::of(b"rules"),
            attempt: BlockAttempt { key, number: 0 },
            started_at: "2026-01-01T00:00:00Z".into(),
            wall_ns: LatencyNs(1),
            agent_version: "0".into(),
            emulated: false,
            conditions: BlockConditions::default(),
            invalid: vec![],
            outcome,
        }
    }

    fn done(block: EnergyBlock) -> BlockRecord {
        record(BlockOutcome::Done { data: BlockData::Energy(Box::new(block)) })
    }

    fn of(records: &[BlockRecord]) -> Result<EnergySummary, MissingReason> {
        energy_summary(records, &Sha256Hex::of(b"variant"), ExecutionSetting::of_batch(1))
    }

    #[test]
    fn idle_is_taken_off_with_its_uncertainty() {
        // 5 W for 10 s over 1,000 inferences: 50 mJ gross. Idle 1.9 to 2.1 W: 29 to 31 mJ above.
        let found = of(&[done(block("a", 1_900.0, 5_000.0, 2_100.0))]).unwrap();
        assert_eq!((found.windows, found.gross_uj), (1, 50_000.0));
        assert_eq!((found.power, found.idle), (PowerMw(5_000.0), PowerMw(2_000.0)));
        let ConfidenceInterval { value, low, high } = found.per_inference_uj;
        assert!((value - 30_000.0).abs() < 1e-6 && (low - 29_000.0).abs() < 1e-6);
        assert!((high - 31_000.0).abs() < 1e-6);
        // The median of windows, and the range of all.
        let runs = [5_000.0, 5_600.0, 5_100.0].map(|run| done(block("a", 2_000.0, run, 2_000.0)));
        let ConfidenceInterval { value, low, high } = of(&runs).unwrap().per_inference_uj;
        assert_eq!([low, value, high].map(f64::round), [30_000.0, 31_000.0, 36_000.0]);
    }

    #[test]
    fn what_gives_no_energy_says_why() {
        assert_eq!(of(&[]).unwrap_err().0, "no energy block was measured");
        let failed = record(BlockOutcome::Failed { reason: "killed".into() });
        assert_eq!(of(std::slice::from_ref(&failed)).unwrap_err().0, "killed");
        let hot = BlockRecord { invalid: vec!["hot".into()], ..done(block("a", 1.0, 5.0, 1.0)) };
        assert_eq!(of(&[hot]).unwrap_err().0, "its windows ran in bad conditions: hot");
        let mut stale = block("a", 2_000.0, 5_000.0, 2_000.0);
        stale.idle_after.energy_uj = Err(MissingReason("the sensor does not update".into()));
        assert!(stale.unread());
        assert_eq!(of(&[failed, done(stale)]).unwrap_err().0, "the sensor does not update");
        let why = of(&[done(block("a", 5_100.0, 5_000.0, 5_000.0))]).unwrap_err().0;
        assert_eq!(why, "no power above idle: 5.00 W with the model running, 5.05 W without");
    }

    #[test]
    fn windows_of_two_sensors_are_not_mixed() {
        let small = done(block("package", 200.0, 1_000.0, 200.0));
        let found = of(&[small, done(block("board", 2_000.0, 5_000.0, 2_000.0))]).unwrap();
        assert_eq!((found.windows, found.sensor.name.as_str()), (1, "board"));
    }
}
