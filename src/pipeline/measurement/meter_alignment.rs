//! Alignment of a run's blocks with a meter's log: pure.
//!
//! A block's loads give a pattern of rising and falling edges that differs from block to block. The
//! log's own edges are correlated with it, first over everything that the run measured, then block by
//! block.

use paring_core::schema::{EnergyBlock, MissingReason};
use paring_core::stats;
use paring_core::units::LatencyNs;

/// A correlation below this is no match.
const CLEAR: f64 = 0.6;
/// Another place that matches nearly as well makes the best one a guess.
const RIVAL: f64 = 0.85;

/// A log: seconds and watts, in order.
pub(in crate::pipeline) type PowerLog = Vec<(f64, f64)>;

/// Load pulses of a block, by the target's clock in seconds.
pub(in crate::pipeline) struct LoadPulses {
    start: f64,
    end: f64,
    pub(in crate::pipeline) loads: Vec<(f64, f64)>,
}

impl LoadPulses {
    pub(in crate::pipeline) fn of(block: &EnergyBlock) -> Self {
        let start = block.started_unix_ns as f64 / 1e9;
        let at = |time: LatencyNs| start + time.as_f64() / 1e9;
        let loads = block.pulse_ns.iter().map(|(from, to)| (at(*from), at(*to))).collect();
        LoadPulses { start, end: at(block.idle_after.end_ns), loads }
    }

    /// The shortest load or pause, which is as fine as the pattern gets.
    fn finest(&self) -> f64 {
        let edges: Vec<f64> = self.edges().map(|(time, _)| time).collect();
        edges.windows(2).map(|pair| pair[1] - pair[0]).fold(f64::INFINITY, f64::min)
    }

    fn edges(&self) -> impl Iterator<Item = (f64, f64)> {
        self.loads.iter().flat_map(|(from, to)| [(*from, 1.0), (*to, -1.0)])
    }
}

/// For every block what is to be added to the target's clock to get the meter's.
pub(in crate::pipeline) fn align(
    log: &PowerLog,
    blocks: &[LoadPulses],
) -> Result<Vec<f64>, MissingReason> {
    let Some(finest) = blocks.iter().map(LoadPulses::finest).reduce(f64::min) else {
        return Ok(vec![]);
    };
    let distances: Vec<f64> = log.windows(2).map(|pair| pair[1].0 - pair[0].0).collect();
    let period = stats::median(&distances).unwrap_or(f64::INFINITY);
    if period > finest / 2.0 {
        let why = format!("a reading every {period:.2} s cannot show pulses of {finest:.2} s");
        return Err(MissingReason(why));
    }
    let steps = PowerEdges::of(log, period.min(finest / 8.0), finest / 2.0);
    let (first, last) = (blocks[0].start, blocks.iter().map(|b| b.end).fold(0.0, f64::max));
    let (from, to) = (log[0].0 - first, log[log.len() - 1].0 - last);
    if to < from {
        let why = format!(
            "the log covers {:.0} s, the windows take {:.0} s; log from before the run until after it",
            log[log.len() - 1].0 - log[0].0,
            last - first
        );
        return Err(MissingReason(why));
    }
    let all: Vec<&LoadPulses> = blocks.iter().collect();
    let best = steps.search(&all, from, to)?;
    let near = finest;
    blocks
        .iter()
        .map(|block| {
            // The clocks may drift apart by a little in the course of a run.
            let own = steps.search(&[block], best - near, best + near);
            own.map(|offset| (offset - best).clamp(-near, near) + best)
        })
        .collect()
}

/// Rises of the log's power at each moment of a regular grid: the mean over a while after it less
/// the mean over as long before.
struct PowerEdges {
    start: f64,
    grid: f64,
    /// That while.
    reach: f64,
    rises: Vec<f64>,
    /// Sums of their squares before each moment.
    squares: Vec<f64>,
}

impl PowerEdges {
    fn of(log: &PowerLog, grid: f64, reach: f64) -> Self {
        let total = totals(log, grid);
        let last = total.len() - 1;
        let wide = ((reach / grid).round() as usize).max(1);
        let mean = |from: usize, to: usize| (total[to] - total[from]) / ((to - from) as f64 * grid);
        let rise = |index: usize| {
            let (low, high) = (index.saturating_sub(wide), (index + wide).min(last));
            if low == index || high == index { 0.0 } else { mean(index, high) - mean(low, index) }
        };
        let rises: Vec<f64> = (0..=last).map(rise).collect();
        let mut squares = vec![0.0];
        for rise in &rises {
            squares.push(squares[squares.len() - 1] + rise * rise);
        }
        PowerEdges { start: log[0].0, grid, reach, rises, squares }
    }

    /// The offset at which the log rises and falls as the blocks' loads do.
    fn search(&self, blocks: &[&LoadPulses], from: f64, to: f64) -> Result<f64, MissingReason> {
        let count = ((to - from) / self.grid).max(0.0) as usize + 1;
        let scores: Vec<f64> =
            (0..count).map(|i| self.likeness(blocks, from + i as f64 * self.grid)).collect();
        let best = (0..count).max_by(|a, b| scores[*a].total_cmp(&scores[*b])).unwrap_or(0);
        let lobe = (2.0 * self.reach / self.grid) as usize;
        let others = (0..count).filter(|i| i.abs_diff(best) > lobe).map(|i| scores[i]);
        let (clear, rival) = (scores[best], others.fold(0.0, f64::max));
        if clear >= CLEAR && rival <= RIVAL * clear {
            return Ok(from + best as f64 * self.grid);
        }
        Err(MissingReason(format!(
            "the pulses of load do not stand out from the log (likeness {clear:.2} where it is best, \
             {rival:.2} elsewhere, at least {CLEAR} is needed); is it this board's meter, and does the \
             log hold the whole run?"
        )))
    }

    /// Mean rise at the blocks' edges, falls counted with their sign, over what the size of all rises
    /// in the blocks' time lets expect: 1 where the log has these edges and no others.
    fn likeness(&self, blocks: &[&LoadPulses], offset: f64) -> f64 {
        let at = |time: f64| ((time + offset - self.start) / self.grid).round().max(0.0) as usize;
        let squares = |index: usize| self.squares[index.min(self.squares.len() - 1)];
        let (mut product, mut edges, mut power) = (0.0, 0.0, 0.0);
        for block in blocks {
            for (time, sign) in block.edges() {
                product += sign * self.rises.get(at(time)).copied().unwrap_or(0.0);
                edges += 1.0;
            }
            power += squares(at(block.end)) - squares(at(block.start));
        }
        // An edge makes a triangle as wide as twice the reach; its squares sum to two thirds of the
        // reach times the square of its height.
        let height = (power / (edges * 2.0 / 3.0 * self.reach / self.grid)).sqrt();
        if height > 0.0 { product / edges / height } else { 0.0 }
    }
}

/// Energy from the log's start up to every moment of a regular grid, in joules.
fn totals(log: &PowerLog, grid: f64) -> Vec<f64> {
    let (start, end) = (log[0].0, log[log.len() - 1].0);
    let count = ((end - start) / grid) as usize;
    let (mut total, mut piece, mut before) = (vec![0.0], 0, log[0].1);
    for index in 1..=count {
        let at = start + index as f64 * grid;
        while piece + 2 < log.len() && log[piece + 1].0 < at {
            piece += 1;
        }
        let ((t0, p0), (t1, p1)) = (log[piece], log[piece + 1]);
        let now = p0 + ((at - t0) / (t1 - t0)).clamp(0.0, 1.0) * (p1 - p0);
        total.push(total[index - 1] + (before + now) / 2.0 * grid);
        before = now;
    }
    total
}
