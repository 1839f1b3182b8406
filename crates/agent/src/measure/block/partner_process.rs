//! The other side of a pair that needs a process of its own, because what sets the two apart is read
//! once per process: they alternate by a token that goes through pipes.

use super::block_error::BlockError;
use crate::measure::ContentionProbe;
use crate::measure::sampling::SampledModel;
use paring_core::schema::{SampleBurst, SampleRules};
use serde::{Deserialize, Serialize};
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// One side of a pair: a model in this process, or in another that waits for the token.
#[derive(Debug)]
pub(crate) enum PairedModel {
    /// Here.
    Here(Box<SampledModel>),
    /// There.
    There(PartnerProcess),
}

/// A process with one model.
#[derive(Debug)]
pub(crate) struct PartnerProcess {
    child: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
}

/// Orders to a partner, one line each.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum PartnerOrder {
    WarmUp,
    Burst(usize),
}

/// Answers of a partner, one line each.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum PartnerAnswer {
    Ready,
    Length(usize),
    Burst(SampleBurst),
}

impl PairedModel {
    /// Runs until times are steady; gives how many inferences a burst should have.
    pub(crate) fn warm_up(&mut self, rules: &SampleRules) -> Result<usize, BlockError> {
        match self {
            PairedModel::Here(stand) => {
                let (_, each) = stand.warm_up(rules).map_err(BlockError::Side)?;
                Ok(stand.length(each, rules))
            }
            PairedModel::There(partner) => match partner.ask(&PartnerOrder::WarmUp)? {
                PartnerAnswer::Length(length) => Ok(length),
                _ => Err(partner.lost("another answer than asked for")),
            },
        }
    }

    /// Times the loops that watch, where the model is, and then `count` inferences.
    pub(crate) fn burst(
        &mut self,
        count: usize,
        watch: &mut ContentionProbe,
    ) -> Result<SampleBurst, BlockError> {
        match self {
            PairedModel::Here(stand) => stand.burst(count, watch).map_err(BlockError::Side),
            PairedModel::There(partner) => match partner.ask(&PartnerOrder::Burst(count))? {
                PartnerAnswer::Burst(burst) => Ok(burst),
                _ => Err(partner.lost("another answer than asked for")),
            },
        }
    }
}

impl PartnerProcess {
    /// Starts a partner and waits until it has loaded its model.
    pub(crate) fn start(mut command: Command) -> Result<PartnerProcess, BlockError> {
        let lost = |source| BlockError::Partner { how: "does not start".into(), source };
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| lost(Some(error)))?;
        let (orders, answers) = (child.stdin.take(), child.stdout.take());
        let (Some(orders), Some(answers)) = (orders, answers) else { return Err(lost(None)) };
        let mut partner = PartnerProcess { child, orders, answers: BufReader::new(answers) };
        match partner.answer()? {
            PartnerAnswer::Ready => Ok(partner),
            _ => Err(partner.lost("another answer than asked for")),
        }
    }

    fn ask(&mut self, order: &PartnerOrder) -> Result<PartnerAnswer, BlockError> {
        let sent = line(order).and_then(|line| {
            self.orders.write_all(&line)?;
            self.orders.flush()
        });
        match sent {
            Ok(()) => self.answer(),
            Err(_) => Err(self.lost("it no longer listens")),
        }
    }

    fn answer(&mut self) -> Result<PartnerAnswer, BlockError> {
        let mut text = String::new();
        match self.answers.read_line(&mut text) {
            Ok(length) if length > 0 => serde_json::from_str(&text)
                .map_err(|error| self.lost(&format!("its answer is unreadable: {error}"))),
            _ => Err(self.lost("it ended")),
        }
    }

    fn lost(&mut self, why: &str) -> BlockError {
        let _ = self.child.kill();
        let ended = self.child.wait().map(|status| status.to_string());
        let how = format!("{why} ({})", ended.unwrap_or_else(|error| error.to_string()));
        BlockError::Partner { how, source: None }
    }
}

impl Drop for PartnerProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The life of a partner: it does what it is told until nobody tells it anything.
pub(crate) fn serve_orders(mut stand: SampledModel, rules: &SampleRules) -> Result<(), BlockError> {
    let lost = |error| BlockError::Partner { how: "lost the other".into(), source: Some(error) };
    let mut out = std::io::stdout().lock();
    let mut say = |answer: PartnerAnswer| {
        let line = line(&answer).map_err(lost)?;
        out.write_all(&line).and_then(|()| out.flush()).map_err(lost)
    };
    let mut watch = ContentionProbe::new();
    say(PartnerAnswer::Ready)?;
    for text in std::io::stdin().lock().lines() {
        let order = serde_json::from_str(&text.map_err(lost)?).map_err(|e| lost(e.into()))?;
        say(match order {
            PartnerOrder::WarmUp => {
                let (_, each) = stand.warm_up(rules).map_err(BlockError::Side)?;
                PartnerAnswer::Length(stand.length(each, rules))
            }
            PartnerOrder::Burst(count) => {
                PartnerAnswer::Burst(stand.burst(count, &mut watch).map_err(BlockError::Side)?)
            }
        })?;
    }
    Ok(())
}

fn line(value: &impl Serialize) -> std::io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(value)?;
    line.push(b'\n');
    Ok(line)
}
