//! What the engine on a target does with everything that quantization writes: a part of
//! `paring probe`.

use super::progress::{bar, show_progress};
use super::{Coded, Global};
use crate::pipeline::{self, PipelineError};
use paring_boards::{Target, TargetEvent, TargetSession, TargetTransport};
use paring_core::schema::{EngineConformance, PatternConformance, PatternExecution};

/// The table of a target: kept from before, or made now and kept.
///
/// # Errors
/// [`Coded`] where the target cannot be reached, a pattern does not even run in float, or the table
/// cannot be kept.
pub(super) fn conformance(
    target: &Target,
    again: bool,
    global: &Global,
) -> Result<EngineConformance, Coded> {
    let name = kept_as(target);
    if let Some(known) = pipeline::known_conformance(name).filter(|_| !again) {
        return Ok(known);
    }
    let bar = bar("patterns", 0, global.quiet);
    let quiet = global.quiet;
    let mut heard = |news| {
        if let (TargetEvent::Note(note), false) = (news, quiet) {
            note!("{note}");
        }
    };
    let mut site = TargetSession::open(target, None, &mut heard)?;
    let found = pipeline::conformance(target, &mut site, &mut |one| {
        bar.inc(1);
        show_progress(&bar, &format!("{}, {}, {}", one.operator, one.precision, one.size));
    });
    bar.finish_and_clear();
    let found = EngineConformance { target: name.into(), ..found? };
    let path = pipeline::conformance_path(name);
    pipeline::keep_conformance(&path, &found).map_err(|e: PipelineError| Coded::from(e))?;
    Ok(found)
}

/// Profiles of this machine are all this machine.
fn kept_as(target: &Target) -> &str {
    match target.transport {
        TargetTransport::Local => "host",
        _ => &target.name,
    }
}

/// Prints the table.
pub(super) fn print(table: &EngineConformance) {
    say!("\npatterns that quantization writes, by {}", table.engine);
    say!(
        "  {:<22} {:<26} {:<7} {:<9} {:>8} {:>11}  {:<22} kernels",
        "operator",
        "precision",
        "size",
        "runs",
        "x f32",
        "with Q/DQ",
        "differs from ONNX"
    );
    for one in &table.patterns {
        let speed = |value: Option<f64>| value.map_or(String::new(), |v| format!("{v:.2}"));
        say!(
            "  {:<22} {:<26} {:<7} {:<9} {:>8} {:>11}  {:<22} {}",
            one.operator,
            one.precision,
            one.size,
            ran(&one.ran),
            speed(one.speed),
            speed(one.speed_converted),
            differs(one),
            one.kernels.join(", ")
        );
    }
    for one in &table.patterns {
        if let PatternExecution::Rejected { reason } | PatternExecution::Wrong { reason } = &one.ran
        {
            say!("  {}, {}, {}: {reason}", one.operator, one.precision, one.size);
        }
    }
    let path = pipeline::conformance_path(&table.target);
    say!(
        "  kept in {}; a model with a pattern that is wrong or rejected is not deployed",
        path.display()
    );
}

fn ran(ran: &PatternExecution) -> &'static str {
    match ran {
        PatternExecution::Integer => "integer",
        PatternExecution::Float => "float",
        PatternExecution::Rejected { .. } => "REJECTED",
        PatternExecution::Wrong { .. } => "WRONG",
    }
}

fn differs(one: &PatternConformance) -> String {
    match (one.in_steps, one.differing) {
        (_, 0) => "nowhere".into(),
        (true, some) => format!("{some} of {}, by {:.0}", one.outputs, one.largest),
        (false, some) => format!("{some} of {}, {:.0e}", one.outputs, one.largest),
    }
}
