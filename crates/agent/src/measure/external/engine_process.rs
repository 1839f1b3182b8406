//! The process of a program that runs another engine: one request after the other, each answered in
//! time by one line or the block fails.

use super::engine_messages::{EngineAnswer, EngineModel, EngineOutput, EngineRequest, PROTOCOL};
use super::engine_program_error::EngineProgramError;
use crate::measure::ContentionProbe;
use crate::measure::sampling::{burst_length, warm_up_by};
use paring_core::schema::{ExternalEngine, SampleBurst, SampleRules, WarmUpRecord};
use paring_core::stats;
use paring_core::units::LatencyNs;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// A line is at most this long: a program that says more is broken.
const MOST_LINE: u64 = 256 << 20;
/// Bytes of a stray line that a message shows.
const SHOWN: usize = 80;
/// Part of the time until an answer that the times in it may exceed it by: clocks differ a little.
const CLOCK_MARGIN: f64 = 1.01;

/// A running program that was asked something, or will be.
#[derive(Debug)]
pub(crate) struct EngineProcess {
    name: String,
    child: Child,
    /// `None` once it was told to end.
    requests: Option<ChildStdin>,
    lines: Receiver<String>,
    limit: Duration,
    facts: ExternalEngine,
}

impl EngineProcess {
    /// Starts the program `name` and hears which engine it is. It has `limit` for each answer.
    pub(crate) fn start(
        name: &str,
        mut command: Command,
        limit: Duration,
    ) -> Result<EngineProcess, EngineProgramError> {
        let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = piped.spawn().map_err(EngineProgramError::Start)?;
        let (sender, lines) = channel();
        if let Some(output) = child.stdout.take() {
            std::thread::spawn(move || each_line(output, &mut |line| sender.send(line).is_ok()));
        }
        let facts = ExternalEngine {
            engine: String::new(),
            version: String::new(),
            options: String::new(),
            agreement: None,
        };
        let requests = child.stdin.take();
        let mut process =
            EngineProcess { name: name.to_string(), child, requests, lines, limit, facts };
        match process.answer("hello")? {
            EngineAnswer::Hello { protocol: PROTOCOL, engine, version, options } => {
                process.facts = ExternalEngine { engine, version, options, agreement: None };
                Ok(process)
            }
            EngineAnswer::Hello { protocol: found, .. } => {
                Err(EngineProgramError::Protocol { found, known: PROTOCOL })
            }
            other => Err(unexpected("hello", &other)),
        }
    }

    /// Its name in the study.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The engine, in its program's words.
    pub(crate) fn facts(&self) -> &ExternalEngine {
        &self.facts
    }

    /// Loads a model; gives the time that it took, by the program's clock.
    pub(crate) fn load(&mut self, model: EngineModel) -> Result<LatencyNs, EngineProgramError> {
        match self.ask("load", &EngineRequest::Load(model))? {
            EngineAnswer::Loaded { load_ns } => Ok(LatencyNs(load_ns)),
            other => Err(unexpected("load", &other)),
        }
    }

    /// Runs inferences; gives the time of each, by the program's clock.
    pub(crate) fn run(&mut self, count: usize) -> Result<Vec<LatencyNs>, EngineProgramError> {
        let asked = Instant::now();
        let samples = match self.ask("run", &EngineRequest::Run { count })? {
            EngineAnswer::Ran { samples_ns } => samples_ns,
            other => return Err(unexpected("run", &other)),
        };
        let seen = asked.elapsed();
        if samples.len() != count {
            return Err(EngineProgramError::Count { found: samples.len(), asked: count });
        }
        if samples.contains(&0) {
            return Err(EngineProgramError::Instant);
        }
        let said = samples.iter().fold(0u64, |sum, sample| sum.saturating_add(*sample));
        if said as f64 > seen.as_nanos() as f64 * CLOCK_MARGIN {
            return Err(EngineProgramError::Clock { said: LatencyNs(said), seen: seen.into() });
        }
        Ok(samples.into_iter().map(LatencyNs).collect())
    }

    /// Runs one inference on some samples; gives its outputs.
    pub(crate) fn outputs(
        &mut self,
        samples: &[usize],
    ) -> Result<Vec<EngineOutput>, EngineProgramError> {
        match self.ask("answer", &EngineRequest::Answer { samples })? {
            EngineAnswer::Answered { outputs } => Ok(outputs),
            other => Err(unexpected("answer", &other)),
        }
    }

    /// Runs until times are steady; gives the warm-up and the time of one inference.
    pub(crate) fn warm_up(
        &mut self,
        rules: &SampleRules,
    ) -> Result<(WarmUpRecord, LatencyNs), EngineProgramError> {
        let mut count = 1;
        warm_up_by(rules, &mut |samples| {
            let own: Vec<f64> = self.run(count)?.iter().map(|sample| sample.as_f64()).collect();
            let each = stats::median(&own).map_or(LatencyNs(1), LatencyNs::from_f64);
            count = burst_length(each, rules);
            samples.extend(own);
            Ok(())
        })
    }

    /// Times the loops that watch, in this process, and then has `count` inferences run.
    pub(crate) fn burst(
        &mut self,
        count: usize,
        watch: &mut ContentionProbe,
    ) -> Result<SampleBurst, EngineProgramError> {
        let (reference_ns, walk_ns) = watch.read();
        let samples_ns = self.run(count)?;
        Ok(SampleBurst { reference_ns, walk_ns, wall_ns: None, samples_ns })
    }

    /// Has the program end. It must say nothing more, and end with success.
    pub(crate) fn end(&mut self) -> Result<(), EngineProgramError> {
        self.send(&EngineRequest::End);
        self.requests = None;
        match self.lines.recv_timeout(self.limit) {
            Ok(line) => Err(stray("end", &line, "nothing more was asked")),
            Err(RecvTimeoutError::Timeout) => {
                Err(EngineProgramError::Silent { request: "end", limit: self.limit })
            }
            Err(RecvTimeoutError::Disconnected) => match self.child.wait() {
                Ok(status) if status.success() => Ok(()),
                ended => Err(EngineProgramError::Ended { request: "end", status: words(ended) }),
            },
        }
    }

    fn ask(
        &mut self,
        name: &'static str,
        request: &EngineRequest,
    ) -> Result<EngineAnswer, EngineProgramError> {
        self.send(request);
        match self.answer(name)? {
            EngineAnswer::Failed { reason } => {
                Err(EngineProgramError::Refused { request: name, reason })
            }
            answer => Ok(answer),
        }
    }

    /// Sends a request. That nobody reads it shows where the answer should come.
    fn send(&mut self, request: &EngineRequest) {
        let Some(requests) = &mut self.requests else { return };
        if let Ok(mut line) = serde_json::to_vec(request) {
            line.push(b'\n');
            let _ = requests.write_all(&line).and_then(|()| requests.flush());
        }
    }

    fn answer(&mut self, request: &'static str) -> Result<EngineAnswer, EngineProgramError> {
        let line = match self.lines.recv_timeout(self.limit) {
            Ok(line) => line,
            Err(RecvTimeoutError::Timeout) => {
                return Err(EngineProgramError::Silent { request, limit: self.limit });
            }
            Err(RecvTimeoutError::Disconnected) => {
                // It closed its output; alive or not, it is of no use any more.
                std::thread::sleep(Duration::from_millis(50));
                let ended = self.child.try_wait().transpose().unwrap_or_else(|| {
                    let _ = self.child.kill();
                    self.child.wait()
                });
                return Err(EngineProgramError::Ended { request, status: words(ended) });
            }
        };
        serde_json::from_str(&line).map_err(|error| stray(request, &line, &error.to_string()))
    }
}

impl Drop for EngineProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn words(ended: std::io::Result<std::process::ExitStatus>) -> String {
    ended.map_or_else(|error| error.to_string(), |status| status.to_string())
}

fn stray(request: &'static str, line: &str, why: &str) -> EngineProgramError {
    let shown: String = line.trim_end().chars().take(SHOWN).collect();
    let line = shown.escape_debug().to_string();
    EngineProgramError::Stray { request, line, why: why.to_string() }
}

fn unexpected(request: &'static str, answer: &EngineAnswer) -> EngineProgramError {
    let name = match answer {
        EngineAnswer::Hello { .. } => "hello",
        EngineAnswer::Loaded { .. } => "loaded",
        EngineAnswer::Ran { .. } => "ran",
        EngineAnswer::Answered { .. } => "answered",
        EngineAnswer::Failed { .. } => "failed",
    };
    stray(request, name, "it is the answer to something else")
}

/// Gives every line of a program's output to `take`, until that wants no more. A line that is too long
/// is given in parts, which are no answers.
fn each_line(output: ChildStdout, take: &mut dyn FnMut(String) -> bool) {
    let mut output = BufReader::new(output);
    loop {
        let mut line = Vec::new();
        match output.by_ref().take(MOST_LINE).read_until(b'\n', &mut line) {
            Ok(length) if length > 0 => {
                if !take(String::from_utf8_lossy(&line).into_owned()) {
                    return;
                }
            }
            _ => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HELLO: &str = r#"{"answer":"hello","protocol":1,"engine":"none","version":"0"}"#;

    /// A shell script that speaks for an engine that does not exist.
    fn told(script: &str) -> Result<EngineProcess, String> {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        EngineProcess::start("none", command, Duration::from_millis(1500))
            .map_err(|e| e.to_string())
    }

    #[track_caller]
    fn run_fails(after_hello: &str, expected: &str) {
        let mut process = told(&format!("echo '{HELLO}'; {after_hello}")).unwrap();
        let message = process.run(2).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
    }

    #[test]
    fn what_is_no_hello_is_refused() {
        for (script, expected) in [
            (
                "echo Loading model",
                "wrote `Loading model` to standard output where it had to answer `hello`",
            ),
            ("exit 3", "ended before it answered `hello`: exit status: 3"),
            ("exec sleep 10", "did not answer `hello` within 1 s"),
            (r#"echo '{"answer":"ran","samples_ns":[1]}'"#, "the answer to something else"),
            (
                r#"echo '{"answer":"hello","protocol":2,"engine":"a","version":"0"}'"#,
                "speaks version 2 of the protocol, this agent version 1",
            ),
        ] {
            let message = told(script).unwrap_err();
            assert!(message.contains(expected), "{message}");
        }
    }

    #[test]
    fn samples_are_as_many_as_asked_for_and_no_longer_than_the_answer_took() {
        run_fails(
            r#"read a; echo '{"answer":"ran","samples_ns":[1]}'"#,
            "timed 1 inferences, 2 were",
        );
        run_fails(r#"read a; echo '{"answer":"ran","samples_ns":[1,0]}'"#, "took 0 ns");
        run_fails(
            r#"read a; echo '{"answer":"ran","samples_ns":[9000000000,9000000000]}'"#,
            "in all, but it answered after",
        );
        run_fails(r#"read a; echo '{"answer":"failed","reason":"no"}'"#, "cannot do `run`: no");
        run_fails("read a; kill -SEGV $$", "before it answered `run`: signal: 11");
        run_fails(r#"read a; echo '{"answer":"ran","samples_ns":[1,-2]}'"#, "invalid value");
        run_fails(r#"read a; echo '{"answer":"ran"'"#, "EOF while parsing");
        run_fails("read a; exec sleep 10", "did not answer `run` within 1 s");
    }

    #[test]
    fn a_program_that_ends_says_nothing_more_and_succeeds() {
        told(&format!("echo '{HELLO}'; read a")).unwrap().end().unwrap();
        let message = |script: &str| {
            told(&format!("echo '{HELLO}'; read a; {script}"))
                .unwrap()
                .end()
                .unwrap_err()
                .to_string()
        };
        assert!(message("echo bye").contains("wrote `bye`"));
        assert!(message("exit 1").contains("before it answered `end`: exit status: 1"));
    }
}
