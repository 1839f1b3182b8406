//! A sensor of any source, opened, with what it is.

use super::battery::BatterySensor;
use super::command_sensor::{CommandSensor, PERIOD};
use super::hwmon::HwmonSensor;
use super::ina3221::Ina3221Sensor;
use super::pmic::PmicSensor;
use super::rapl::RaplSensor;
use super::reading_series::ReadingKind;
use paring_core::schema::{EnergySource, MissingReason, SensorFacts, SensorReport};
use std::path::Path;
use std::time::{Duration, Instant};

/// Counters are looked at this often, so that a wrap or a fault is seen while it is small.
const COUNTER_PERIOD: Duration = Duration::from_millis(20);
/// Each reading of this chip starts a program.
const PMIC_PERIOD: Duration = Duration::from_millis(100);
/// Fuel gauges seldom say something new more often.
const BATTERY_PERIOD: Duration = Duration::from_secs(1);

/// A sensor that was found and read once.
#[derive(Debug)]
pub struct EnergySensor {
    facts: SensorFacts,
    kind: ReadingKind,
    period: Option<Duration>,
    opened: Instant,
    body: SensorBody,
}

#[derive(Debug)]
enum SensorBody {
    Rapl(RaplSensor),
    Ina3221(Ina3221Sensor),
    Hwmon(HwmonSensor),
    Pmic(PmicSensor),
    Battery(BatterySensor),
    Watts(Box<CommandSensor>),
}

impl EnergySensor {
    /// Finds the sensor of a source under `root` and reads it once.
    ///
    /// # Errors
    /// Why it cannot be used.
    pub fn open(root: &Path, source: &EnergySource) -> Result<EnergySensor, MissingReason> {
        look(root, source).map_err(|(_, why)| why)
    }

    /// Facts about the sensor.
    pub fn facts(&self) -> &SensorFacts {
        &self.facts
    }

    /// Kind of its readings.
    pub fn kind(&self) -> ReadingKind {
        self.kind
    }

    /// Pause between readings; `None` where reading itself waits for the next.
    pub fn period(&self) -> Option<Duration> {
        self.period
    }

    /// A reading, and the moment that it speaks of: microjoules since it was opened, or milliwatts.
    /// `None` where none has come yet.
    ///
    /// # Errors
    /// Why there is no reading, and there will be none.
    pub fn read(&mut self) -> Result<Option<(Instant, f64)>, MissingReason> {
        let before = Instant::now();
        let value = match &mut self.body {
            SensorBody::Rapl(rapl) => {
                let at = u64::try_from(self.opened.elapsed().as_nanos()).unwrap_or(u64::MAX);
                rapl.read(at)
            }
            SensorBody::Ina3221(rails) => rails.read(),
            SensorBody::Hwmon(input) => input.read(),
            SensorBody::Pmic(chip) => chip.read(),
            SensorBody::Battery(battery) => battery.read(),
            SensorBody::Watts(command) => return command.read(),
        }?;
        if self.kind == ReadingKind::Power && value < 0.0 {
            let name = &self.facts.name;
            return Err(MissingReason(format!(
                "{name} reads {value} mW; it may be wired the other way"
            )));
        }
        Ok(Some((before + before.elapsed() / 2, value)))
    }
}

/// Looks for every source that a machine can have by itself.
pub fn survey(root: &Path) -> Vec<SensorReport> {
    let sources = EnergySource::SENSORS.into_iter().filter_map(EnergySource::named);
    let report = |source: EnergySource| {
        let found = look(root, &source);
        SensorReport {
            source: source.name().to_string(),
            there: found.as_ref().err().is_none_or(|(there, _)| *there),
            found: found.map(|sensor| sensor.facts).map_err(|(_, why)| why),
        }
    };
    sources.map(report).collect()
}

/// Opens a sensor; an error says whether the machine has it at all, or is known not to.
fn look(root: &Path, source: &EnergySource) -> Result<EnergySensor, (bool, MissingReason)> {
    let sensor =
        |name: &str, coverage: &str, resolution: &str, period: Duration, body: SensorBody| {
            let simulated = if root == Path::new("/") { "" } else { "simulated:" };
            let kind = if matches!(body, SensorBody::Rapl(_)) {
                ReadingKind::Counter
            } else {
                ReadingKind::Power
            };
            let waits = matches!(body, SensorBody::Watts(_));
            let facts = SensorFacts {
                name: format!("{simulated}{} {name}", source.name()),
                coverage: coverage.to_string(),
                rate_hz: 1.0 / period.as_secs_f64(),
                resolution: resolution.to_string(),
            };
            let period = (!waits).then_some(period);
            EnergySensor { facts, kind, period, opened: Instant::now(), body }
        };
    Ok(match source {
        EnergySource::Rapl => {
            let body = RaplSensor::open(root)?;
            let covers = body.coverage();
            sensor(&body.name(), &covers, "1 uJ", COUNTER_PERIOD, SensorBody::Rapl(body))
        }
        EnergySource::Ina3221 => {
            let body = Ina3221Sensor::open(root)?;
            let (name, period) = (body.name(), body.period);
            sensor(&name, body.coverage(), "1 mA, 1 mV", period, SensorBody::Ina3221(body))
        }
        EnergySource::Hwmon { sensor: wanted } => {
            let body = HwmonSensor::open(root, wanted.as_deref())?;
            let (name, period) = (body.name().to_string(), body.period);
            sensor(&name, &body.coverage(), "1 uW", period, SensorBody::Hwmon(body))
        }
        EnergySource::Pmic => {
            let body = PmicSensor::open(root)?;
            let covers =
                "board's rails (SoC, memory, I/O), without conversion losses and 5 V outputs";
            sensor(&body.name(), covers, "converter's steps", PMIC_PERIOD, SensorBody::Pmic(body))
        }
        EnergySource::Battery => {
            let body = BatterySensor::open(root)?;
            let name = body.name();
            sensor(&name, "whole machine", "1 uV, 1 uA", BATTERY_PERIOD, SensorBody::Battery(body))
        }
        EnergySource::Command { command, coverage } => {
            let body = CommandSensor::open(command).map_err(|why| (true, why))?;
            let covers = coverage.as_deref().unwrap_or("unknown");
            sensor(command, covers, "as printed", PERIOD, SensorBody::Watts(Box::new(body)))
        }
        EnergySource::Auto | EnergySource::None { .. } | EnergySource::Meter { .. } => {
            let why = format!("`{}` is no sensor of the machine", source.name());
            return Err((false, MissingReason(why)));
        }
    })
}

#[cfg(test)]
mod tests {
    use super::super::sensor_file::tests::write;
    use super::*;

    #[test]
    fn a_bare_machine_has_a_reason_for_every_source() {
        let root = tempfile::tempdir().unwrap();
        let found = survey(root.path());
        let names: Vec<&str> = found.iter().map(|report| report.source.as_str()).collect();
        assert_eq!(names, EnergySource::SENSORS);
        for report in &found {
            let MissingReason(why) = report.found.as_ref().unwrap_err();
            assert!(!report.there && why.len() > 10, "{report:?}");
        }
        let MissingReason(why) = EnergySource::Auto.resolve(&found).unwrap_err();
        assert_eq!(why, "no power sensor on this machine");
        let MissingReason(why) = EnergySource::Rapl.resolve(&found).unwrap_err();
        assert!(why.contains("intel-rapl"), "{why}");
    }

    #[test]
    fn the_first_that_works_is_taken_and_calls_itself_simulated() {
        let root = tempfile::tempdir().unwrap();
        let zone = "sys/class/powercap/intel-rapl:0";
        write(
            root.path(),
            &[
                (&format!("{zone}/name"), "package-0\n"),
                (&format!("{zone}/max_energy_range_uj"), "262143328850\n"),
                ("sys/class/hwmon/hwmon0/name", "ina238\n"),
                ("sys/class/hwmon/hwmon0/power1_input", "4000000\n"),
            ],
        );
        let found = survey(root.path());
        let why = &found[0].found.as_ref().unwrap_err().0;
        assert!(found[0].there && why.starts_with("no file"), "{why}");
        let hwmon = EnergySource::Hwmon { sensor: None };
        assert_eq!(EnergySource::Auto.resolve(&found), Ok(hwmon.clone()));
        let mut sensor = EnergySensor::open(root.path(), &hwmon).unwrap();
        assert_eq!(sensor.facts().name, "simulated:hwmon ina238/power1");
        assert_eq!(sensor.read().unwrap().unwrap().1, 4_000.0);
        write(root.path(), &[("sys/class/hwmon/hwmon0/power1_input", "-4000000\n")]);
        assert!(sensor.read().unwrap_err().0.contains("wired the other way"));
        write(root.path(), &[(&format!("{zone}/energy_uj"), "77\n")]);
        assert_eq!(EnergySource::Auto.resolve(&survey(root.path())), Ok(EnergySource::Rapl));
    }
}
