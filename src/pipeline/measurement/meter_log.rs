//! The log of a bench or USB meter: found in time by the pulses of load that energy blocks begin with,
//! and integrated over their windows.
//!
//! The meter's clock need not be set; what matters is that its rate is right.

use super::meter_alignment::{LoadPulses, PowerLog, align};
use paring_agent::sensors::{ReadingKind, ReadingSeries};
use paring_core::schema::{
    BlockData, BlockOutcome, BlockRecord, EnergyBlock, EnergyWindow, MissingReason,
};
use paring_core::units::LatencyNs;
use std::path::Path;

/// Gives the windows of all blocks that wait for a meter their energy, or the reason why not.
pub(in crate::pipeline) fn fill(path: &Path, records: &mut [BlockRecord]) {
    let mut blocks: Vec<&mut EnergyBlock> = records
        .iter_mut()
        .filter_map(|record| match &mut record.outcome {
            BlockOutcome::Done { data: BlockData::Energy(block) } => Some(&mut **block),
            _ => None,
        })
        .filter(|block| !block.pulse_ns.is_empty())
        .collect();
    if blocks.is_empty() {
        return;
    }
    let log = read(path);
    let aligned = log.and_then(|log| {
        let patterns: Vec<LoadPulses> = blocks.iter().map(|block| LoadPulses::of(block)).collect();
        align(&log, &patterns).map(|offsets| (log, offsets))
    });
    match aligned {
        Err(MissingReason(why)) => {
            let why = MissingReason(format!("{}: {why}", path.display()));
            blocks.iter_mut().flat_map(|block| windows(block)).for_each(|window| {
                window.energy_uj = Err(why.clone());
            });
        }
        Ok((log, offsets)) => {
            for (block, offset) in blocks.iter_mut().zip(offsets) {
                integrate(&log, offset, block);
            }
        }
    }
}

fn windows(block: &mut EnergyBlock) -> [&mut EnergyWindow; 3] {
    [&mut block.idle_before, &mut block.run, &mut block.idle_after]
}

/// Reads `time_s,power_w`, the columns in any order among others.
fn read(path: &Path) -> Result<PowerLog, MissingReason> {
    let failed = |error: csv::Error| MissingReason(format!("read the log: {error}"));
    let mut reader =
        csv::ReaderBuilder::new().trim(csv::Trim::All).from_path(path).map_err(failed)?;
    let header = reader.headers().map_err(failed)?.clone();
    let column = |name: &str| {
        let why = || {
            MissingReason(format!(
                "the log has no column `{name}`; it has `{}`",
                header.iter().collect::<Vec<_>>().join("`, `")
            ))
        };
        header.iter().position(|column| column == name).ok_or_else(why)
    };
    let (time, power) = (column("time_s")?, column("power_w")?);
    let mut log: PowerLog = Vec::new();
    for record in reader.records() {
        let record = record.map_err(failed)?;
        let number =
            |index: usize| record.get(index)?.parse::<f64>().ok().filter(|value| value.is_finite());
        let line = record.position().map_or(0, csv::Position::line);
        let pair = number(time).zip(number(power));
        let (at, watts) = pair.ok_or_else(|| {
            MissingReason(format!("line {line} of the log has no time and power"))
        })?;
        if log.last().is_some_and(|(before, _)| at <= *before) {
            return Err(MissingReason(format!(
                "time stands still or runs backwards at line {line} of the log"
            )));
        }
        log.push((at, watts));
    }
    match log.len() {
        0..10 => Err(MissingReason(format!("the log has {} readings", log.len()))),
        _ => Ok(log),
    }
}

/// Energy of a block's windows, the log shifted to the block's own time.
fn integrate(log: &PowerLog, offset: f64, block: &mut EnergyBlock) {
    let start = block.started_unix_ns as f64 / 1e9 + offset;
    let mut series = ReadingSeries::new(ReadingKind::Power);
    let end = block.idle_after.end_ns.as_f64() / 1e9 + 10.0;
    for (at, watts) in log.iter().filter(|(at, _)| (start..start + end).contains(at)) {
        series.push(LatencyNs::from_f64((at - start) * 1e9), watts * 1e3);
    }
    block.sensor.rate_hz = series.rate_hz().unwrap_or(0.0);
    for window in windows(block) {
        *window = series.window(window.start_ns, window.end_ns);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use paring_core::schema::SensorFacts;
    use paring_core::stats;
    use rand::RngExt;

    const S: f64 = 1e9;

    /// A block of the target that starts at `unix` seconds: pulses of 1 s by `code`, 5 s idle, 10 s
    /// run between 1 s of settling, 5 s idle.
    fn block(unix: f64, code: &[bool]) -> EnergyBlock {
        let ns = |seconds: f64| LatencyNs::from_f64(seconds * S);
        let mut pulse_ns: Vec<(LatencyNs, LatencyNs)> = Vec::new();
        let mut at = 1.0;
        for group in code.chunk_by(|a, b| a == b) {
            let end = at + group.len() as f64;
            if group[0] {
                pulse_ns.push((ns(at), ns(end)));
            }
            at = end;
        }
        pulse_ns.push((ns(at + 7.0), ns(at + 19.0)));
        let window = |from: f64, to: f64| {
            let energy_uj = Err(MissingReason("not read yet".into()));
            EnergyWindow { start_ns: ns(from), end_ns: ns(to), energy_uj, readings: 0 }
        };
        EnergyBlock {
            sensor: SensorFacts {
                name: "meter".into(),
                coverage: "board".into(),
                rate_hz: 0.0,
                resolution: String::new(),
            },
            pulse_ns,
            started_unix_ns: (unix * S) as u64,
            idle_before: window(at + 1.0, at + 6.0),
            run: window(at + 8.0, at + 18.0),
            idle_after: window(at + 20.0, at + 25.0),
            inferences: 100,
        }
    }

    fn blocks() -> Vec<EnergyBlock> {
        let codes = [[1, 0, 1, 1, 0, 0, 1, 0], [0, 1, 1, 0, 1, 0, 0, 1], [1, 1, 0, 0, 1, 0, 1, 0]];
        let at = |i: usize| 1_700_000_000.0 + 36.0 * i as f64;
        let code = |code: [u8; 8]| code.map(|bit| bit == 1);
        codes.into_iter().enumerate().map(|(i, c)| block(at(i), &code(c))).collect()
    }

    /// The log at `hz` of a meter ahead of the target by `shift` seconds: 2 W idle, 5 W loaded.
    fn log(blocks: &[EnergyBlock], shift: f64, hz: f64, noise: f64, lead: f64) -> PowerLog {
        let mut rng = stats::generator(1, "meter");
        let start = blocks[0].started_unix_ns as f64 / S - lead;
        let loads: Vec<(f64, f64)> = blocks.iter().flat_map(|b| LoadPulses::of(b).loads).collect();
        let seconds = 36.0 * blocks.len() as f64 + 2.0 * lead;
        (0..(seconds * hz) as usize)
            .map(|i| {
                let at = start + i as f64 / hz;
                let on = loads.iter().any(|(from, to)| (*from..*to).contains(&at));
                let power = if on { 5.0 } else { 2.0 };
                (at + shift, power + noise * (rng.random::<f64>() - 0.5))
            })
            .collect()
    }

    #[track_caller]
    fn measured(log: &PowerLog, block: &mut EnergyBlock, offset: f64) {
        integrate(log, offset, block);
        for (window, watts) in
            [(&block.idle_before, 2.0), (&block.run, 5.0), (&block.idle_after, 2.0)]
        {
            let power = window.power().unwrap_or_else(|| panic!("{window:?}")).0 / 1e3;
            assert!((power / watts - 1.0).abs() < 0.02, "{power} instead of {watts}");
        }
    }

    #[test]
    fn a_meter_whose_clock_is_off_is_aligned_and_integrated() {
        for (shift, hz, noise) in [(0.0, 10.0, 0.1), (-1_699_999_000.0, 10.0, 1.0), (7.3, 4.0, 0.2)]
        {
            let mut blocks = blocks();
            let log = log(&blocks, shift, hz, noise, 20.0);
            let patterns: Vec<LoadPulses> = blocks.iter().map(LoadPulses::of).collect();
            let offsets = align(&log, &patterns).unwrap();
            for (block, offset) in blocks.iter_mut().zip(offsets) {
                assert!((offset - shift).abs() < 0.3, "{offset} instead of {shift}");
                // The noise's own mean is no error of the alignment.
                if noise < 0.5 {
                    measured(&log, block, offset);
                }
            }
        }
    }

    #[test]
    fn one_block_is_found_in_a_long_log() {
        let mut blocks = blocks();
        blocks.truncate(1);
        let log = log(&blocks, -500.0, 10.0, 0.5, 600.0);
        let offsets = align(&log, &[LoadPulses::of(&blocks[0])]).unwrap();
        measured(&log, &mut blocks[0], offsets[0]);
    }

    #[test]
    fn a_log_that_does_not_fit_gives_a_reason() {
        let blocks = blocks();
        let patterns: Vec<LoadPulses> = blocks.iter().map(LoadPulses::of).collect();
        let refused = |log: &PowerLog, expected: &str| {
            let MissingReason(why) = align(log, &patterns).unwrap_err();
            assert!(why.contains(expected), "{why}");
        };
        let mut rng = stats::generator(2, "meter");
        let noise: PowerLog =
            (0..2_000).map(|i| (f64::from(i) / 10.0, 2.0 + rng.random::<f64>())).collect();
        refused(&noise, "do not stand out");
        refused(&(0..2_000).map(|i| (f64::from(i) / 10.0, 3.0)).collect(), "do not stand out");
        let right = log(&blocks, 0.0, 10.0, 0.1, 20.0);
        refused(&right[..600].to_vec(), "the log covers 60 s, the windows take");
        refused(&log(&blocks, 0.0, 1.0, 0.1, 20.0), "cannot show pulses");
        // The right log twice over: which one is meant?
        let long = right[right.len() - 1].0 - right[0].0 + 0.1;
        let again = right.iter().map(|(at, watts)| (at + long, *watts));
        refused(&right.iter().copied().chain(again).collect(), "do not stand out");
    }

    #[test]
    fn a_log_is_read_by_the_names_of_its_columns() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("usb.csv");
        let refused = |text: &str, expected: &str| {
            std::fs::write(&path, text).unwrap();
            let MissingReason(why) = read(&path).unwrap_err();
            assert!(why.contains(expected), "{why}");
        };
        refused("time,power_w\n", "no column `time_s`; it has `time`, `power_w`");
        refused("time_s,power_w\n0,1\n", "the log has 1 readings");
        refused("time_s,power_w\n0,1\n1,W\n", "line 3 of the log has no time and power");
        refused("time_s,power_w\n1,1\n1,1\n", "runs backwards at line 3");
        let lines: String = (0..20).map(|i| format!("x, {i}.5 ,{i}\n")).collect();
        std::fs::write(&path, format!("volts, time_s, power_w\n{lines}")).unwrap();
        assert_eq!(read(&path).unwrap()[19], (19.5, 19.0));
    }
}
