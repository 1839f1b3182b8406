//! The other side of a pair that needs a process of its own, because what sets the two apart is read
//! once per process: they alternate by a token that goes through pipes.

use super::Watch;
use super::block::BlockError;
use super::stand::Stand;
use paring_core::schema::{SampleBurst, SampleRules};
use serde::{Deserialize, Serialize};
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// One side of a pair: a model in this process, or in another that waits for the token.
#[derive(Debug)]
pub(super) enum Side {
    /// Here.
    Here(Box<Stand>),
    /// There.
    There(Partner),
}

/// A process with one model.
#[derive(Debug)]
pub(super) struct Partner {
    child: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
}

/// What a partner is told, one line each.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Order {
    WarmUp,
    Burst(usize),
}

/// What it answers, one line each.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Answer {
    Ready,
    Length(usize),
    Burst(SampleBurst),
}

impl Side {
    /// Runs until times are steady; gives how many inferences a burst should have.
    pub(super) fn warm_up(&mut self, rules: &SampleRules) -> Result<usize, BlockError> {
        match self {
            Side::Here(stand) => {
                let (_, each) = stand.warm_up(rules).map_err(BlockError::Side)?;
                Ok(stand.length(each, rules))
            }
            Side::There(partner) => match partner.ask(&Order::WarmUp)? {
                Answer::Length(length) => Ok(length),
                _ => Err(partner.lost("another answer than asked for")),
            },
        }
    }

    /// Times the loops that watch, where the model is, and then `count` inferences.
    pub(super) fn burst(
        &mut self,
        count: usize,
        watch: &mut Watch,
    ) -> Result<SampleBurst, BlockError> {
        match self {
            Side::Here(stand) => stand.burst(count, watch).map_err(BlockError::Side),
            Side::There(partner) => match partner.ask(&Order::Burst(count))? {
                Answer::Burst(burst) => Ok(burst),
                _ => Err(partner.lost("another answer than asked for")),
            },
        }
    }
}

impl Partner {
    /// Starts a partner and waits until it has loaded its model.
    pub(super) fn start(mut command: Command) -> Result<Partner, BlockError> {
        let lost = |source| BlockError::Partner { how: "does not start".into(), source };
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| lost(Some(error)))?;
        let (orders, answers) = (child.stdin.take(), child.stdout.take());
        let (Some(orders), Some(answers)) = (orders, answers) else { return Err(lost(None)) };
        let mut partner = Partner { child, orders, answers: BufReader::new(answers) };
        match partner.answer()? {
            Answer::Ready => Ok(partner),
            _ => Err(partner.lost("another answer than asked for")),
        }
    }

    fn ask(&mut self, order: &Order) -> Result<Answer, BlockError> {
        let sent = line(order).and_then(|line| {
            self.orders.write_all(&line)?;
            self.orders.flush()
        });
        match sent {
            Ok(()) => self.answer(),
            Err(_) => Err(self.lost("it no longer listens")),
        }
    }

    fn answer(&mut self) -> Result<Answer, BlockError> {
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

impl Drop for Partner {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The life of a partner: it does what it is told until nobody tells it anything.
pub(super) fn serve(mut stand: Stand, rules: &SampleRules) -> Result<(), BlockError> {
    let lost = |error| BlockError::Partner { how: "lost the other".into(), source: Some(error) };
    let mut out = std::io::stdout().lock();
    let mut say = |answer: Answer| {
        let line = line(&answer).map_err(lost)?;
        out.write_all(&line).and_then(|()| out.flush()).map_err(lost)
    };
    let mut watch = Watch::new();
    say(Answer::Ready)?;
    for text in std::io::stdin().lock().lines() {
        let order = serde_json::from_str(&text.map_err(lost)?).map_err(|e| lost(e.into()))?;
        say(match order {
            Order::WarmUp => {
                let (_, each) = stand.warm_up(rules).map_err(BlockError::Side)?;
                Answer::Length(stand.length(each, rules))
            }
            Order::Burst(count) => {
                Answer::Burst(stand.burst(count, &mut watch).map_err(BlockError::Side)?)
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
