//! A variant's speed-up inside another engine, over the baseline there, beside the one in tract: what of
//! a change comes with the model, and what with the engine.

use crate::report::result_row::ResultRow;
use paring_agent::measure::PRACTICAL_MARGIN;
use paring_core::schema::ConfidenceInterval;
use paring_core::stats::zou_donner_difference;

/// A variant in another engine.
#[derive(Clone, Debug)]
pub struct EngineSpeedup<'a> {
    /// Its row.
    pub row: &'a ResultRow,
    /// Speed-up over the baseline in the same engine; `None` of the baseline, and where one of the two was
    /// not measured.
    pub over_own_baseline: Option<ConfidenceInterval>,
    /// Speed-up over the baseline in tract.
    pub in_tract: Option<ConfidenceInterval>,
}

/// All rows of other engines, with what the rows in tract say of their variants.
///
/// The speed-up inside an engine is the quotient of two paired speed-ups over the same baseline in tract;
/// its 99 % interval follows from theirs.
pub fn engine_speedups<'a>(
    rows: &[ResultRow],
    engine_rows: &'a [ResultRow],
) -> Vec<EngineSpeedup<'a>> {
    let of = |row: &'a ResultRow| {
        let is_variant = row.variant.parent.is_some();
        let beside = |other: &&ResultRow| {
            other.target == row.target && other.measurement.setting == row.measurement.setting
        };
        let own_baseline = engine_rows.iter().filter(beside).find(|other| {
            let same = other.engine.as_ref().zip(row.engine.as_ref());
            other.variant.parent.is_none() && same.is_some_and(|(a, b)| a.label() == b.label())
        });
        let baseline = own_baseline.and_then(speedup).filter(|_| is_variant);
        let tract = rows.iter().filter(beside).find(|other| other.variant.name == row.variant.name);
        EngineSpeedup {
            row,
            over_own_baseline: baseline.zip(speedup(row)).map(|(a, b)| quotient(a, b)),
            in_tract: tract.filter(|_| is_variant).and_then(speedup),
        }
    };
    engine_rows.iter().map(of).collect()
}

impl EngineSpeedup<'_> {
    /// A sentence that says if the model or the engine makes a variant faster or slower; `None` where that
    /// cannot be told.
    pub fn cause(&self) -> Option<String> {
        let (own, tract) = (self.over_own_baseline?, self.in_tract?);
        let engine = self.row.engine.as_ref()?.label();
        let name = &self.row.variant.name;
        let figures = |found: ConfidenceInterval| {
            format!("{:.2} [{:.2}, {:.2}]", found.value, found.low, found.high)
        };
        let (here, there) = (figures(tract), figures(own));
        let (cause, words) = match (direction(tract)?, direction(own)?) {
            (true, true) => {
                ("the model", format!("faster in tract ({here}) and in {engine} ({there})"))
            }
            (false, false) => {
                ("the model", format!("slower in tract ({here}) and in {engine} ({there})"))
            }
            (true, false) => {
                ("the engine", format!("faster in tract ({here}), slower in {engine} ({there})"))
            }
            (false, true) => {
                ("the engine", format!("slower in tract ({here}), faster in {engine} ({there})"))
            }
        };
        Some(format!("{cause}: {name}: {words}, each over its own baseline"))
    }
}

fn speedup(row: &ResultRow) -> Option<ConfidenceInterval> {
    Some(row.measurement.speed.as_ref().ok()?.speedup)
}

/// b / a, from intervals of the same level.
fn quotient(a: ConfidenceInterval, b: ConfidenceInterval) -> ConfidenceInterval {
    let log = |i: ConfidenceInterval| ConfidenceInterval {
        value: i.value.ln(),
        low: i.low.ln(),
        high: i.high.ln(),
    };
    let found = zou_donner_difference(log(a), log(b));
    ConfidenceInterval { value: found.value.exp(), low: found.low.exp(), high: found.high.exp() }
}

/// True of what is faster, false of what is slower, `None` where it cannot be told.
fn direction(speedup: ConfidenceInterval) -> Option<bool> {
    if speedup.low > 1.0 + PRACTICAL_MARGIN {
        Some(true)
    } else if speedup.high < 1.0 - PRACTICAL_MARGIN {
        Some(false)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::example_rows::timed_row;

    fn in_engine(row: &ResultRow, ns: f64, ratio: f64) -> ResultRow {
        let own = timed_row("any", "host", ns, Some(ratio), 0.0).measurement;
        row.clone().in_engine("ort 1.0", own)
    }

    #[test]
    fn the_cause_is_the_engine_where_the_two_point_in_opposite_directions() {
        let rows = [
            timed_row("baseline", "host", 200.0, None, 0.0),
            timed_row("int8", "host", 400.0, Some(0.5), 0.0),
            timed_row("half", "host", 100.0, Some(2.0), 0.0),
            timed_row("same", "host", 200.0, Some(1.0), 0.0),
        ];
        let ratios = [4.0, 8.0, 6.0, 4.0];
        let others: Vec<ResultRow> =
            rows.iter().zip(ratios).map(|(row, r)| in_engine(row, 200.0 / r, r)).collect();
        let found = engine_speedups(&rows, &others);
        assert!(found[0].over_own_baseline.is_none() && found[0].cause().is_none());
        let own = found[1].over_own_baseline.unwrap();
        assert!((own.value - 2.0).abs() < 1e-9 && own.low < 1.999 && own.high > 2.001);
        let cause = found[1].cause().unwrap();
        assert!(cause.starts_with("the engine: int8: slower in tract (0.50"), "{cause}");
        let cause = found[2].cause().unwrap();
        assert!(cause.starts_with("the model: half: faster in tract (2.00"), "{cause}");
        assert_eq!(found[3].cause(), None);
    }
}
