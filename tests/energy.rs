//! Energy from simulated machines: trees of files with the names and formats of real ones, whose power
//! is known.

mod common;

use common::skipped;
use paring::schema::{EnergySource, MissingReason};
use paring::sensors::{EnergySampler, EnergySensor, ReadingKind, ReadingSeries};
use paring::units::LatencyNs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

/// Writes a file as a whole, as the kernel shows it.
fn write(root: &Path, file: &str, content: impl ToString) {
    let path = root.join(file);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let aside = path.with_extension("new");
    std::fs::write(&aside, content.to_string()).unwrap();
    std::fs::rename(aside, path).unwrap();
}

const ZONE: &str = "sys/class/powercap/intel-rapl:0";
/// The range of a real processor's counter.
const RANGE: u64 = 262_143_328_850;

fn rapl(root: &Path) {
    write(root, &format!("{ZONE}/name"), "package-0\n");
    write(root, &format!("{ZONE}/max_energy_range_uj"), format!("{RANGE}\n"));
    write(root, &format!("{ZONE}/energy_uj"), "0\n");
}

/// A power in watts as a function of seconds, and its integral in joules.
#[derive(Clone, Copy, Debug)]
enum Power {
    /// 20 W and a sine of 15 W.
    Sine { hz: f64 },
    /// 5 W and 45 W in turn, each for so many seconds.
    Steps { seconds: f64 },
}

impl Power {
    fn watts(self, t: f64) -> f64 {
        match self {
            Power::Sine { hz } => 20.0 + 15.0 * (std::f64::consts::TAU * hz * t).sin(),
            Power::Steps { seconds } if ((t / seconds) as u64).is_multiple_of(2) => 5.0,
            Power::Steps { .. } => 45.0,
        }
    }

    fn joules(self, t: f64) -> f64 {
        match self {
            Power::Sine { hz } => {
                let rate = std::f64::consts::TAU * hz;
                20.0 * t + 15.0 / rate * (1.0 - (rate * t).cos())
            }
            Power::Steps { seconds } => {
                let (whole, rest) = ((t / seconds) as u64, t % seconds);
                let before = seconds * (5.0 * whole.div_ceil(2) as f64 + 45.0 * (whole / 2) as f64);
                before + rest * self.watts(t)
            }
        }
    }
}

const POWERS: [Power; 4] = [
    Power::Sine { hz: 0.7 },
    Power::Sine { hz: 3.1 },
    Power::Steps { seconds: 1.7 },
    Power::Steps { seconds: 0.31 },
];

/// Reads a simulated machine at its sensor's own rate for `seconds` of its time, of which nothing
/// really passes: `show` writes what its files hold at a time.
fn readings(
    root: &Path,
    source: &EnergySource,
    seconds: f64,
    show: &dyn Fn(&Path, f64),
) -> ReadingSeries {
    show(root, 0.0);
    let mut sensor = EnergySensor::open(root, source).unwrap();
    let mut series = ReadingSeries::new(sensor.kind());
    let period = sensor.period().unwrap().as_secs_f64();
    let mut at = 0.0;
    while at <= seconds {
        show(root, at);
        series.push(LatencyNs::from_f64(at * 1e9), sensor.read().unwrap().unwrap().1);
        at += period;
    }
    series
}

#[track_caller]
fn within(what: &str, series: &ReadingSeries, power: Power, from: f64, to: f64, tolerance: f64) {
    let ns = |seconds: f64| LatencyNs::from_f64(seconds * 1e9);
    let window = series.window(ns(from), ns(to));
    let found =
        window.energy_uj.unwrap_or_else(|MissingReason(why)| panic!("{power:?}: {why}")) / 1e6;
    let truth = power.joules(to) - power.joules(from);
    let off = 100.0 * (found / truth - 1.0);
    println!("{what}, {power:?}: {found:.3} J, truly {truth:.3} J: {off:+.3} %");
    assert!(off.abs() <= tolerance, "{what}, {power:?}: {off:.3} %");
}

#[test]
fn a_rapl_counter_gives_the_true_energy_also_when_it_wraps_in_mid_window() {
    for power in POWERS {
        let root = tempfile::tempdir().unwrap();
        rapl(root.path());
        // It wraps 100 J on, some 5 s into a window that begins after 2 s.
        let show = |root: &Path, t: f64| {
            let energy = RANGE - 100_000_000 + (power.joules(t) * 1e6) as u64;
            write(root, &format!("{ZONE}/energy_uj"), format!("{}\n", energy % RANGE));
        };
        let series = readings(root.path(), &EnergySource::Rapl, 14.0, &show);
        within("rapl", &series, power, 2.013, 12.371, 0.5);
    }
}

#[test]
fn sampled_sources_give_the_true_energy_at_their_own_rates() {
    let chip = "sys/bus/i2c/devices/1-0040";
    let monitor = "sys/class/hwmon/hwmon0";
    let battery = "sys/class/power_supply/BAT0";
    for power in POWERS {
        let root = tempfile::tempdir().unwrap();
        let all = |root: &Path, t: f64| {
            let watts = power.watts(t);
            write(root, &format!("{chip}/name"), "ina3221\n");
            write(root, &format!("{chip}/hwmon/hwmon1/update_interval"), "35\n");
            write(root, &format!("{chip}/hwmon/hwmon1/in1_label"), "VDD_IN\n");
            write(root, &format!("{chip}/hwmon/hwmon1/in1_input"), "19000\n");
            // In steps of 8 mA, as over a shunt of 5 milliohm.
            let milliamperes = (watts / 19.0 * 1e3 / 8.0).round() * 8.0;
            write(root, &format!("{chip}/hwmon/hwmon1/curr1_input"), milliamperes);
            write(root, &format!("{monitor}/name"), "ina238\n");
            write(root, &format!("{monitor}/update_interval"), "68\n");
            write(root, &format!("{monitor}/power1_input"), (watts * 1e6) as u64);
        };
        for source in [EnergySource::Ina3221, EnergySource::Hwmon { sensor: None }] {
            let series = readings(root.path(), &source, 14.0, &all);
            within(source.name(), &series, power, 2.013, 12.371, 2.0);
        }
    }
    // A fuel gauge speaks once a second: what lasts shorter than that is not in it.
    let root = tempfile::tempdir().unwrap();
    let power = Power::Steps { seconds: 13.0 };
    let show = |root: &Path, t: f64| {
        write(root, &format!("{battery}/type"), "Battery\n");
        write(root, &format!("{battery}/status"), "Discharging\n");
        write(root, &format!("{battery}/voltage_now"), "11400000\n");
        write(root, &format!("{battery}/current_now"), -(power.watts(t) / 11.4 * 1e6 + t) as i64);
    };
    let series = readings(root.path(), &EnergySource::Battery, 130.0, &show);
    within("battery", &series, power, 10.5, 110.5, 2.0);
}

/// Twelve rails as a Raspberry Pi 5 prints them, each with a share of the power.
fn adc(watts: f64) -> String {
    let rails = [
        "3V7_WL_SW",
        "3V3_SYS",
        "1V8_SYS",
        "DDR_VDD2",
        "DDR_VDDQ",
        "1V1_SYS",
        "0V8_SW",
        "VDD_CORE",
        "3V3_DAC",
        "3V3_ADC",
        "0V8_AON",
        "HDMI",
    ];
    let share = watts / 12.0;
    let amperes = rails.iter().enumerate().map(|(i, rail)| {
        let volts = 0.7 + 0.3 * i as f64;
        format!(" {rail}_A current({i})={:.8}A\n", share / volts)
    });
    // Voltages come in another order: pairing by position would be wrong.
    let volts = rails
        .iter()
        .enumerate()
        .rev()
        .map(|(i, rail)| format!(" {rail}_V volt({})={:.8}V\n", i + 8, 0.7 + 0.3 * i as f64));
    amperes.chain(volts).chain([" EXT5V_V volt(24)=5.11V\n".to_string()]).collect()
}

#[test]
fn the_raspberry_pi_5_s_rails_give_the_true_energy_ten_times_a_second() {
    let root = tempfile::tempdir().unwrap();
    write(root.path(), "proc/device-tree/model", "Raspberry Pi 5 Model B Rev 1.0\0");
    let script = format!("#!/bin/sh\ncat {}/adc\n", root.path().display());
    write(root.path(), "usr/bin/vcgencmd", script);
    let program = root.path().join("usr/bin/vcgencmd");
    std::fs::set_permissions(program, PermissionsExt::from_mode(0o755)).unwrap();
    let power = Power::Steps { seconds: 1.7 };
    let show = |root: &Path, t: f64| write(root, "adc", adc(power.watts(t)));
    let series = readings(root.path(), &EnergySource::Pmic, 14.0, &show);
    assert_eq!(series.rate_hz().unwrap().round(), 10.0);
    within("pmic", &series, power, 2.013, 12.371, 2.0);
}

/// The reader's thread beside a thread that moves the counter, in real time.
#[test]
fn a_sampler_gives_the_energy_of_a_moving_counter() {
    let root = tempfile::tempdir().unwrap();
    rapl(root.path());
    write(root.path(), &format!("{ZONE}/energy_uj"), RANGE - 40_000_000);
    let (start, power) = (Instant::now(), Power::Sine { hz: 1.3 });
    let folder = root.path().to_path_buf();
    let (stop, stopped) = std::sync::mpsc::channel::<()>();
    let writer = std::thread::spawn(move || {
        let mut longest = Duration::ZERO;
        while stopped.try_recv().is_err() {
            let begun = Instant::now();
            let energy =
                RANGE - 40_000_000 + (power.joules(start.elapsed().as_secs_f64()) * 1e6) as u64;
            write(&folder, &format!("{ZONE}/energy_uj"), energy % RANGE);
            std::thread::sleep(Duration::from_millis(1));
            longest = longest.max(begun.elapsed());
        }
        longest
    });
    let sensor = EnergySensor::open(root.path(), &EnergySource::Rapl).unwrap();
    let opened = start.elapsed().as_secs_f64();
    let sampler = EnergySampler::start(sensor, start);
    std::thread::sleep(Duration::from_secs_f64(opened + 5.0) - start.elapsed());
    assert!(!sampler.failed());
    let (facts, series) = sampler.stop().unwrap();
    stop.send(()).unwrap();
    let stall = writer.join().unwrap();
    assert_eq!(series.window(LatencyNs(0), LatencyNs(1)).readings, 0);
    if stall > Duration::from_millis(10) {
        return skipped(&format!("the machine let the counter stand still for {stall:?}"));
    }
    assert_eq!(facts.name, "simulated:rapl package-0");
    within("rapl in real time", &series, power, opened + 0.5, opened + 4.5, 0.5);
}

#[test]
fn a_sensor_that_fails_on_the_way_ends_the_sampler_with_its_reason() {
    let root = tempfile::tempdir().unwrap();
    rapl(root.path());
    let start = Instant::now();
    let sampler =
        EnergySampler::start(EnergySensor::open(root.path(), &EnergySource::Rapl).unwrap(), start);
    std::thread::sleep(Duration::from_millis(100));
    write(root.path(), &format!("{ZONE}/energy_uj"), "garbage\n");
    while !sampler.failed() {
        std::thread::sleep(Duration::from_millis(5));
    }
    let (_, series) = sampler.stop().unwrap();
    let MissingReason(why) =
        series.window(LatencyNs(0), LatencyNs(10 << 30)).energy_uj.unwrap_err();
    assert!(why.ends_with("energy_uj says `garbage`, which is no number"), "{why}");
    assert_eq!(ReadingSeries::new(ReadingKind::Power).rate_hz(), None);
}
