//! Limits of a variant that its run shows: what was not measured, not evaluated, or not to be trusted.

use super::CardRecords;
use paring_core::number_format::counted;
use std::collections::BTreeSet;

impl CardRecords<'_> {
    /// Sentences, each from a record.
    pub(super) fn limits(&self) -> Vec<String> {
        let mut limits = Vec::new();
        if self.facts.quick {
            limits.push("Measured with the short protocol, which gives no verdicts.".to_string());
        }
        match self.evaluation {
            None => limits.push("Its quality was not evaluated.".to_string()),
            Some(found) => {
                limits.push(format!(
                    "Its quality is known of {} of the report split alone.",
                    counted(found.samples, "sample")
                ));
                if found.slices.is_empty() {
                    limits.push("Nothing is known of subgroups: the data name no slices.".into());
                }
                if found.unusable > 0 {
                    limits.push(format!(
                        "{} without a usable answer.",
                        counted(found.unusable, "sample")
                    ));
                }
                if found.robustness.is_empty() {
                    limits.push("Its answers on disturbed inputs were not evaluated.".into());
                }
                let missing = found.missing.iter();
                limits.extend(missing.map(|(metric, why)| format!("No {metric}: {}.", why.0)));
            }
        }
        if self.rows.is_empty() {
            limits.push("It was measured on no machine.".to_string());
        }
        // The same of several settings is said once.
        let mut of_rows = BTreeSet::new();
        for row in self.rows {
            let (target, measured) = (&row.target, &row.measurement);
            if row.environment.emulated {
                of_rows.insert(format!("{target} is emulated: its figures are no board's."));
            }
            for reason in &measured.invalid_reasons {
                of_rows.insert(format!("Figures on {target} are not to be trusted: {reason}."));
            }
            if let Err(why) = &measured.latency {
                of_rows.insert(format!("No latency on {target}: {}.", why.0));
            }
            if let Err(why) = &measured.energy {
                of_rows.insert(format!("No energy on {target}: {}.", why.0));
            }
        }
        limits.extend(of_rows);
        let unexplained = self.line.iter().flat_map(|record| &record.unexplained);
        limits.extend(unexplained.map(|why| format!("Not explained by its decisions: {why}.")));
        limits
    }
}
