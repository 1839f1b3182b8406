//! Exchanges at the end of a greedy search: one or two groups that are put back for none, one or two others
//! that cost less.

use super::greedy::GreedySearch;
use super::search_record::{RestorationChange, RestorationState};

/// Exchanges that are tried for each group of the variant, at most.
const TRIALS_PER_GROUP: usize = 2;

/// An exchange, and what the trials of single groups promise of it.
struct PromisedExchange {
    change: RestorationChange,
    cost: f64,
    gain: f64,
}

impl<E> GreedySearch<'_, E> {
    /// Tries exchanges that promise a lower cost, those first that promise the least shortfall, and keeps
    /// each that makes the variant cheaper and lets it pass. What is promised is the sum over groups of what
    /// the last trial of each gained; groups that never gained anything are not put back.
    pub(super) fn exchange(&mut self) -> Result<(), E> {
        let groups = self.restored.len() + self.open_groups().len();
        let mut trials = TRIALS_PER_GROUP * groups;
        loop {
            let mut promised = self.promised_exchanges()?;
            promised.sort_by(|a, b| b.gain.total_cmp(&a.gain).then(a.cost.total_cmp(&b.cost)));
            let mut found = false;
            for exchange in promised.into_iter().take(trials) {
                trials -= 1;
                let trial = self.tried(exchange.change)?;
                found = trial.after.passes && trial.after.cost < self.now.cost;
                self.decide(vec![trial], found.then_some(0))?;
                if found {
                    break;
                }
            }
            if !found || trials == 0 {
                return Ok(());
            }
        }
    }

    fn promised_exchanges(&mut self) -> Result<Vec<PromisedExchange>, E> {
        let mut open = self.open_groups();
        open.retain(|group| self.gains(*group).any(|gain| gain > 0.0));
        let nothing = self.known.of(&RestorationState::default())?.cost;
        let mut promised = Vec::new();
        for removed in up_to_two(&self.restored.clone()) {
            for restored in up_to_two(&open) {
                // A single group without another in its place was tried when it was taken out.
                if removed.len() + restored.len() < 2 || removed.is_empty() {
                    continue;
                }
                let (mut cost, mut gain) = (0.0, 0.0);
                let signed = removed.iter().map(|g| (-1.0, *g));
                for (sign, group) in signed.chain(restored.iter().map(|g| (1.0, *g))) {
                    cost += sign * (self.alone(group)?.cost - nothing);
                    gain += sign * self.gains(group).last().unwrap_or(0.0);
                }
                if cost < 0.0 {
                    let (removed, restored) = (removed.clone(), restored.clone());
                    let change = RestorationChange::Exchange { removed, restored };
                    promised.push(PromisedExchange { change, cost, gain });
                }
            }
        }
        Ok(promised)
    }
}

/// None, each one and each two of some groups.
fn up_to_two(groups: &[usize]) -> Vec<Vec<usize>> {
    let mut found = vec![vec![]];
    for (at, group) in groups.iter().enumerate() {
        found.push(vec![*group]);
        found.extend(groups[at + 1..].iter().map(|other| vec![*group, *other]));
    }
    found
}
