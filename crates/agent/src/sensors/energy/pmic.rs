//! The power management chip of a Raspberry Pi 5, by way of `vcgencmd pmic_read_adc`.

use super::super::first_line;
use paring_core::schema::MissingReason;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The chip, and the program that reads it.
#[derive(Debug)]
pub(super) struct PmicSensor {
    program: PathBuf,
    rails: usize,
}

impl PmicSensor {
    /// Finds the program and reads the rails once.
    ///
    /// # Errors
    /// Why there is no power, and whether the board is known to have the chip or known not to.
    pub(super) fn open(root: &Path) -> Result<Self, (bool, MissingReason)> {
        let model = first_line(&root.join("proc/device-tree/model")).unwrap_or_default();
        let pi = model.contains("Raspberry Pi");
        let fifth = ["Pi 5", "Compute Module 5"].iter().any(|name| model.contains(name));
        if pi && !fifth {
            return Err((
                true,
                MissingReason(format!("no current sensor on this board ({model})")),
            ));
        }
        let Some(program) = program(root) else {
            let why = match pi {
                true => "no vcgencmd; `sudo apt install raspi-utils` brings it",
                false => "no vcgencmd: not a Raspberry Pi 5",
            };
            return Err((pi, MissingReason(why.into())));
        };
        let mut found = PmicSensor { program, rails: 0 };
        found.rails = found.rails().map_err(|why| (true, why))?.len();
        Ok(found)
    }

    /// Facts about the sensor.
    pub(super) fn name(&self) -> String {
        format!("{} rails", self.rails)
    }

    /// Power of all rails now, in milliwatts.
    pub(super) fn read(&self) -> Result<f64, MissingReason> {
        let rails = self.rails()?;
        if rails.len() != self.rails {
            let why = format!("pmic_read_adc gave {} rails, then {}", self.rails, rails.len());
            return Err(MissingReason(why));
        }
        Ok(rails.values().sum())
    }

    fn rails(&self) -> Result<BTreeMap<String, f64>, MissingReason> {
        let mut command = Command::new(&self.program);
        let ended = command.arg("pmic_read_adc").stdin(Stdio::null()).output();
        let shown = self.program.display();
        let ended = ended.map_err(|error| MissingReason(format!("start {shown}: {error}")))?;
        let said = String::from_utf8_lossy(&ended.stdout);
        if !ended.status.success() || said.contains("error=") {
            let complaint = String::from_utf8_lossy(&ended.stderr);
            let words = format!("{} {}", said.trim(), complaint.trim());
            let hint = "the user may have to be in the group `video`";
            return Err(MissingReason(format!("{shown} pmic_read_adc: {}; {hint}", words.trim())));
        }
        rails(&said)
    }
}

/// `vcgencmd` on the PATH, or, of a simulated machine, in its `usr/bin`.
fn program(root: &Path) -> Option<PathBuf> {
    let folders: Vec<PathBuf> = match root == Path::new("/") {
        true => std::env::split_paths(&std::env::var_os("PATH")?).collect(),
        false => vec![root.join("usr/bin")],
    };
    folders.into_iter().map(|folder| folder.join("vcgencmd")).find(|path| path.is_file())
}

/// Power of every rail that has a current and a voltage, in milliwatts, paired by name. The order and
/// the numbers in brackets differ between the two; the external inputs have no current.
fn rails(text: &str) -> Result<BTreeMap<String, f64>, MissingReason> {
    let (mut currents, mut voltages) = (BTreeMap::new(), BTreeMap::new());
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let broken = || MissingReason(format!("pmic_read_adc says `{line}`"));
        let (name, rest) = line.split_once(' ').ok_or_else(broken)?;
        let value = rest.split_once('=').ok_or_else(broken)?.1;
        let number =
            |unit: char| value.strip_suffix(unit)?.parse::<f64>().ok().filter(|v| v.is_finite());
        if let Some(rail) = name.strip_suffix("_A") {
            currents.insert(rail.to_string(), number('A').ok_or_else(broken)?);
        } else if let Some(rail) = name.strip_suffix("_V") {
            voltages.insert(rail.to_string(), number('V').ok_or_else(broken)?);
        } else {
            return Err(broken());
        }
    }
    if currents.is_empty() {
        return Err(MissingReason("pmic_read_adc gives no currents".into()));
    }
    currents
        .into_iter()
        .map(|(rail, amperes)| match voltages.get(&rail) {
            Some(volts) => Ok((rail, amperes * volts * 1e3)),
            None => Err(MissingReason(format!(
                "pmic_read_adc gives no voltage for the current of {rail}"
            ))),
        })
        .collect()
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::sensor_file::tests::write;
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    /// As a Raspberry Pi 5 prints it: currents first, then voltages in another order of numbers.
    pub(in crate::sensors::energy) const ADC: &str = "\
  3V7_WL_SW_A current(0)=0.08784270A
   3V3_SYS_A current(1)=0.07710630A
   1V8_SYS_A current(2)=0.17373010A
  DDR_VDD2_A current(3)=0.02244942A
  DDR_VDDQ_A current(4)=0.00000000A
   1V1_SYS_A current(5)=0.18739800A
    0V8_SW_A current(6)=0.33674130A
  VDD_CORE_A current(7)=1.11625000A
   3V3_DAC_A current(17)=0.00012207A
   3V3_ADC_A current(18)=0.00036621A
   0V8_AON_A current(16)=0.00537108A
      HDMI_A current(22)=0.01452633A
  3V7_WL_SW_V volt(8)=3.72240000V
   3V3_SYS_V volt(9)=3.31196400V
   1V8_SYS_V volt(10)=1.79755800V
  DDR_VDD2_V volt(11)=1.10842200V
  DDR_VDDQ_V volt(12)=0.61000000V
   1V1_SYS_V volt(13)=1.10622200V
    0V8_SW_V volt(14)=0.80256000V
  VDD_CORE_V volt(15)=0.74944980V
   3V3_DAC_V volt(20)=3.31135100V
   3V3_ADC_V volt(21)=3.30891000V
   0V8_AON_V volt(19)=0.79741300V
      HDMI_V volt(23)=5.12484000V
     EXT5V_V volt(24)=5.11524000V
      BATT_V volt(25)=0.00488280V
";

    fn vcgencmd(root: &Path, script: &str) {
        write(root, &[("usr/bin/vcgencmd", script)]);
        let path = root.join("usr/bin/vcgencmd");
        std::fs::set_permissions(path, PermissionsExt::from_mode(0o755)).unwrap();
    }

    #[test]
    fn twelve_rails_are_paired_by_name() {
        let found = rails(ADC).unwrap();
        assert_eq!(found.len(), 12);
        assert!((found["VDD_CORE"] - 1_116.25 * 0.749_449_8).abs() < 1e-6);
        assert!((found["0V8_AON"] - 5.371_08 * 0.797_413).abs() < 1e-6);
        assert!((found.values().sum::<f64>() - 2_314.009).abs() < 0.001, "{found:?}");
        // The order of lines says nothing.
        let turned: Vec<&str> = ADC.lines().rev().collect();
        assert_eq!(rails(&turned.join("\n")).unwrap(), found);
    }

    #[test]
    fn what_is_not_a_reading_has_its_reason() {
        let why = |text: &str| rails(text).unwrap_err().0;
        assert!(why("").contains("no currents"));
        assert!(
            why("VDD_CORE_A current(7)=1.1A").contains("no voltage for the current of VDD_CORE")
        );
        assert!(why("VDD_CORE_A current(7)=oneA").contains("says `VDD_CORE_A current(7)=oneA`"));
        assert!(why("throttled=0x0").contains("says `throttled=0x0`"));
    }

    #[test]
    fn the_board_decides_what_can_be_read() {
        let root = tempfile::tempdir().unwrap();
        let refused = || PmicSensor::open(root.path()).unwrap_err();
        assert_eq!(refused(), (false, MissingReason("no vcgencmd: not a Raspberry Pi 5".into())));
        let model = "proc/device-tree/model";
        write(root.path(), &[(model, "Raspberry Pi 4 Model B Rev 1.5\0")]);
        vcgencmd(root.path(), "#!/bin/sh\necho 'error=1 error_msg=\"Command not registered\"'\n");
        let (there, MissingReason(why)) = refused();
        assert_eq!(
            (there, why.as_str()),
            (true, "no current sensor on this board (Raspberry Pi 4 Model B Rev 1.5)")
        );
        write(root.path(), &[(model, "Raspberry Pi 5 Model B Rev 1.0\0")]);
        assert!(refused().1.0.contains("Command not registered"));
        vcgencmd(root.path(), "#!/bin/sh\necho 'VCHI initialization failed' >&2\nexit 255\n");
        assert!(refused().1.0.contains("VCHI initialization failed; the user may have to be in"));
        vcgencmd(root.path(), &format!("#!/bin/sh\ncat <<'END'\n{ADC}END\n"));
        let found = PmicSensor::open(root.path()).unwrap();
        assert_eq!(found.name(), "12 rails");
        assert!((found.read().unwrap() - 2_314.009).abs() < 0.001);
    }
}
