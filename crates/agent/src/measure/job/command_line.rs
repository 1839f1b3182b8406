//! The agent's command line, the same for `paring-agent` and `paring agent`.

use super::detached_job::{job_status, run_detached, start_job, stop_job};
use super::job_limits::batch_problem;
use super::job_runner::read_job;
use super::predict::predict;
use crate::engine;
use crate::measure::block::{measure_block, profile_nodes, serve_baseline};
use crate::measure::{JobPlace, JobProgress, die_with_parent, run_job, schedule};
use crate::sensors;
use anyhow::{Context, bail};
use paring_core::schema::{BlockAttempt, BlockKey, Job, Sha256Hex};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

const USAGE: &str = "\
usage: paring-agent run JOB JOURNAL [--follow PID]   measure what the journal lacks of the job
       paring-agent start WORK JOB SHA256 OWNER      run WORK/jobs/JOB/SHA256.json on its own
       paring-agent status WORK JOB SHA256 OFFSET MS where it stands, at its end or after MS; the journal from OFFSET on
       paring-agent stop WORK JOB SHA256             end it; what was measured stays
       paring-agent predict QUESTION                 a model's answers, as safetensors
       paring-agent probe [--sysfs-root DIR]         print what this machine is, sensors as under DIR
       paring-agent nodes JOB MODEL BATCH            print how long the nodes of a model of the job take
       paring-agent peaks                            print what this machine can do at most
       paring-agent --version";

/// Commands of the agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AgentCommand {
    /// Run a job.
    Run {
        /// The job file.
        job: PathBuf,
        /// The journal.
        journal: PathBuf,
        /// End when this process, the parent, ends.
        follow: Option<u32>,
    },
    /// Measure one block of a job in this process: started by `run`.
    Block {
        /// The job file.
        job: PathBuf,
        /// Position in the schedule.
        index: usize,
        /// Number of earlier tries.
        number: u32,
        /// The process that started it.
        parent: u32,
    },
    /// Time the nodes of one model of a job in this process.
    Nodes {
        /// The job file.
        job: PathBuf,
        /// Position among the job's models.
        model: usize,
        /// Samples in one inference.
        batch: usize,
    },
    /// Measure what this machine can do at most.
    Peaks,
    /// Hold the baseline of a paired block in this process: started by `block`.
    Partner {
        /// The job file.
        job: PathBuf,
        /// Position in the schedule.
        index: usize,
        /// The process that started it.
        parent: u32,
    },
    /// Start a job in a process of its own.
    Start(JobPlace, String),
    /// Be that process.
    Detached(JobPlace, String),
    /// Say where a job stands, and what its journal has beyond an offset.
    Status(JobPlace, u64, Duration),
    /// Stop a job.
    Stop(JobPlace),
    /// Answer a question about a model.
    Predict(PathBuf),
    /// Print the machine's fingerprint.
    Probe {
        /// The folder that stands for `/` where sensors are looked for.
        sysfs_root: PathBuf,
    },
    /// Print the version.
    Version,
}

impl AgentCommand {
    /// Reads the arguments behind the program's name.
    ///
    /// # Errors
    /// The usage.
    pub fn parse(arguments: &[String]) -> anyhow::Result<AgentCommand> {
        let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
        Ok(match words.as_slice() {
            ["run", job, journal] => {
                AgentCommand::Run { job: job.into(), journal: journal.into(), follow: None }
            }
            ["run", job, journal, "--follow", pid] => {
                let follow = Some(process(pid)?);
                AgentCommand::Run { job: job.into(), journal: journal.into(), follow }
            }
            ["block", job, index, number, parent] => AgentCommand::Block {
                job: job.into(),
                index: index.parse().context(USAGE)?,
                number: number.parse().context(USAGE)?,
                parent: process(parent)?,
            },
            ["nodes", job, model, batch] => AgentCommand::Nodes {
                job: job.into(),
                model: model.parse().context(USAGE)?,
                batch: batch_size(batch)?,
            },
            ["peaks"] => AgentCommand::Peaks,
            ["partner", job, index, parent] => AgentCommand::Partner {
                job: job.into(),
                index: index.parse().context(USAGE)?,
                parent: process(parent)?,
            },
            ["probe"] => AgentCommand::Probe { sysfs_root: sensors::root().into() },
            ["probe", "--sysfs-root", folder] => AgentCommand::Probe { sysfs_root: folder.into() },
            ["start", work, job, sha256, owner] => {
                AgentCommand::Start(place(work, job, sha256)?, (*owner).to_string())
            }
            ["detached", work, job, sha256, owner] => {
                AgentCommand::Detached(place(work, job, sha256)?, (*owner).to_string())
            }
            ["status", work, job, sha256, offset, wait] => AgentCommand::Status(
                place(work, job, sha256)?,
                offset.parse().context(USAGE)?,
                Duration::from_millis(wait.parse().context(USAGE)?),
            ),
            ["stop", work, job, sha256] => AgentCommand::Stop(place(work, job, sha256)?),
            ["predict", question] => AgentCommand::Predict(question.into()),
            ["version" | "--version"] => AgentCommand::Version,
            _ => bail!("{USAGE}"),
        })
    }
}

/// A job's place. Its name and its hash become names of a folder and a file, and nothing else.
fn place(work: &str, job: &str, job_sha256: &str) -> anyhow::Result<JobPlace> {
    for name in [job, job_sha256] {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        if name.is_empty() || name.len() > 128 || !name.chars().all(plain) {
            bail!("`{}` is no name of a job, of letters, digits, `-` and `_`", name.escape_debug());
        }
    }
    Ok(JobPlace { work: work.into(), job: job.to_string(), job_sha256: job_sha256.to_string() })
}

/// A process that can be a parent. 0 is none, and 1 inherits every orphan: whoever waits for its end
/// waits for the machine's.
fn process(word: &str) -> anyhow::Result<u32> {
    match word.parse().context(USAGE)? {
        pid @ 0..=1 => bail!("process {pid} is nobody's parent to follow"),
        pid => Ok(pid),
    }
}

fn batch_size(word: &str) -> anyhow::Result<usize> {
    let batch = word.parse().context(USAGE)?;
    match batch_problem(batch) {
        Some(problem) => bail!("{problem}"),
        None => Ok(batch),
    }
}

/// Runs the agent. `arguments` are those behind its name; `own` are those that a block's process
/// needs before its own. Results go to standard output as JSON, one value a line.
///
/// # Errors
/// For a person.
pub fn main(arguments: &[String], own: &[&str]) -> anyhow::Result<()> {
    match AgentCommand::parse(arguments)? {
        AgentCommand::Run { job, journal, follow } => {
            if let Some(parent) = follow {
                die_with_parent(parent);
            }
            refuse_process_one()?;
            let mut report = |progress: JobProgress| {
                // Nobody listens any more: the journal is what counts.
                let _ = print_line(&progress);
            };
            run_job(&job, &journal, own, &mut report)?;
            Ok(())
        }
        AgentCommand::Block { job, index, number, parent } => {
            die_with_parent(parent);
            let mut partner = std::process::Command::new(std::env::current_exe()?);
            partner.args(own).arg("partner").arg(&job).arg(index.to_string());
            partner.arg(std::process::id().to_string());
            let (job, folder, key) = block_of(&job, index)?;
            print_line(&measure_block(&job, &folder, &BlockAttempt { key, number }, partner)?)
        }
        AgentCommand::Partner { job, index, parent } => {
            die_with_parent(parent);
            let (job, folder, key) = block_of(&job, index)?;
            Ok(serve_baseline(&job, &folder, &key)?)
        }
        AgentCommand::Nodes { job, model, batch } => {
            let folder = job.parent().map(PathBuf::from).unwrap_or_default();
            let job = read_job(&job)?;
            let model = job.models.get(model).context("the job has fewer models")?;
            if !engine::is_without(&model.options.without_isa) {
                return started_anew(&model.options.without_isa, arguments, own);
            }
            print_line(&profile_nodes(&job, &folder, model, batch)?)
        }
        AgentCommand::Peaks => print_line(&engine::measure_roofline()?),
        AgentCommand::Probe { sysfs_root } => {
            let mut found = sensors::environment(sensors::root(), engine::ENGINE);
            found.sensors = sensors::survey(&sysfs_root);
            found.kernels = engine::product_kernels();
            print_line(&found)
        }
        AgentCommand::Start(place, owner) => print_line(&start_job(&place, &owner, own)?),
        AgentCommand::Detached(place, owner) => run_detached(&place, &owner, own),
        AgentCommand::Status(place, offset, wait) => {
            let (standing, journal) = job_status(&place, offset, wait)?;
            print_line(&standing)?;
            print_bytes(&journal)
        }
        AgentCommand::Stop(place) => print_line(&stop_job(&place)?),
        AgentCommand::Predict(question) => print_bytes(&predict(&question)?),
        AgentCommand::Version => print_version(),
    }
}

fn print_version() -> anyhow::Result<()> {
    let own = std::env::current_exe().and_then(|path| Sha256Hex::of_file(&path));
    let own = own.context("read this program's own file")?;
    println!("paring-agent {} sha256:{own} {}", env!("CARGO_PKG_VERSION"), sensors::SOURCES);
    Ok(())
}

/// As process 1 it could not be told from the parent of orphans by its blocks.
fn refuse_process_one() -> anyhow::Result<()> {
    if std::process::id() == 1 {
        bail!("it cannot measure as process 1; run it under an init (`docker run --init`)");
    }
    Ok(())
}

/// A job, the folder that its paths are relative to, and one block of its schedule.
fn block_of(path: &Path, index: usize) -> anyhow::Result<(Job, PathBuf, BlockKey)> {
    let job = read_job(path)?;
    let key = schedule(&job).into_iter().nth(index).context("the schedule is shorter")?;
    Ok((job, path.parent().map(PathBuf::from).unwrap_or_default(), key))
}

/// Becomes the same process once more without some tiers: the engine reads its knob only once.
fn started_anew(tiers: &[String], arguments: &[String], own: &[&str]) -> anyhow::Result<()> {
    use std::os::unix::process::CommandExt;
    let (knob, value) = engine::without_tiers(&[], tiers);
    let mut command = std::process::Command::new(std::env::current_exe()?);
    Err(command.args(own).args(arguments).env(knob, value).exec().into())
}

fn print_line(value: &impl serde::Serialize) -> anyhow::Result<()> {
    let mut line = serde_json::to_vec(value)?;
    line.push(b'\n');
    print_bytes(&line)
}

fn print_bytes(bytes: &[u8]) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(bytes)?;
    Ok(out.flush()?)
}
