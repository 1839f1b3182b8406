//! The command line: what was typed, one file a verb, and how a run ends.

#[macro_use]
mod say;

mod boards;
mod compress;
mod exit;
mod first_load;
mod govern;
mod models;
mod packaging;
mod progress;
mod record_file;
mod restore;
mod resume_command;
mod run;
mod run_output;
mod runs;
mod signing;
mod warnings;

pub use exit::{CodedError, ExitCode};
pub use packaging::{BuildRecord, last_commit};

use crate::report::TerminalLayout;
use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use paring_boards::FolderTrust;
use std::path::PathBuf;

/// Compress ONNX models explainably, measure them on real boards, and put every piece back.
#[derive(Debug, Parser)]
#[command(name = "paring", version, propagate_version = true)]
struct CommandLine {
    #[command(subcommand)]
    verb: VerbArgs,
    #[command(flatten)]
    global: GlobalOptions,
}

/// Options of every verb.
#[derive(Clone, Debug, Args)]
struct GlobalOptions {
    /// Print the answer as JSON
    #[arg(long, global = true)]
    json: bool,
    /// No progress, only the answer
    #[arg(long, global = true)]
    quiet: bool,
    /// Colour: auto, always or never
    #[arg(long, global = true, default_value = "auto")]
    color: ColorChoice,
    /// Allow a study's folder to run programs: `ssh_config`, `env` and energy commands of a targets.toml
    /// there, and the study's own energy command
    #[arg(long, global = true)]
    trust: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum ColorChoice {
    Auto,
    Always,
    Never,
}

#[derive(Debug, Subcommand)]
enum VerbArgs {
    /// Write a study file to start from
    Init(models::InitArgs),
    /// Compress, evaluate and measure all variants of a study
    Run(run::RunArgs),
    /// Make the variants of a study, without measuring them
    Compress(compress::CompressArgs),
    /// List removable components, their dependencies and expected impact
    Catalog(models::CatalogArgs),
    /// Evaluate models on a dataset
    Eval(models::EvalArgs),
    /// Show what was pruned or quantized between two models, also by other tools
    Diff(models::DiffArgs),
    /// Show gradient norms layer by layer, and write the backward pass as ONNX
    Gradient(models::GradientArgs),
    /// Benchmark models side by side, in paired blocks
    Bench(models::BenchArgs),
    /// Show the table of a run again
    Show(runs::ShowArgs),
    /// List the runs in a folder
    List(runs::ListArgs),
    /// Judge the variants of a run by its protocol's requirements
    Gate(govern::GateArgs),
    /// Compare runs: which variants became faster or slower
    Compare(runs::CompareArgs),
    /// Profile a model layer by layer
    Profile(models::ProfileArgs),
    /// Show a target's processor, kernels and power sensors
    Probe(boards::ProbeArgs),
    /// Check what stands in the way of good measurements, with a remedy for each finding
    Doctor(boards::DoctorArgs),
    /// Show each layer's latency and quantization sensitivity in each precision
    Sensitivity(runs::SensitivityArgs),
    /// Attribute changes in accuracy, latency and memory to decisions, by controlled experiments
    Explain(runs::ExplainArgs),
    /// Evaluate the variants of a finished run on further data: another season, sensor or country
    Regime(runs::RegimeArgs),
    /// Write report.html of runs: one self-contained file each
    Report(runs::ReportArgs),
    /// Add a note to a run's ledger, under your name
    Note(runs::NoteArgs),
    /// Prepare card images, write them to cards, and check what is on a card
    Flash(boards::FlashArgs),
    /// Restore removed components
    Restore(restore::RestoreArgs),
    /// Check the integrity of a run: ledger chain, file hashes, results, signatures; make its variants
    /// again
    Verify(signing::VerifyArgs),
    /// Make a pair of keys for signing
    Key(signing::KeyArgs),
    /// Sign a run and its variants to hand over, or its protocol before the first result
    Sign(signing::SignArgs),
    /// Approve a variant, or revoke its approval, signed in the ledger
    Approve(signing::ApproveArgs),
    /// Print the card of a variant: intent, quality, hardware, decisions, limits
    Card(signing::ModelCardArgs),
    /// Run a program that Cargo built on a board
    Runner(boards::RunnerArgs),
    /// Manage boards: list, add, remove, rename, check, clean
    Target(boards::TargetArgs),
    /// Print completions for a shell
    Completions(packaging::CompletionsArgs),
    /// Write man pages
    Man(packaging::ManArgs),
    /// Print the JSON schema of a study, an inventory or a profile, for editors
    Schema(packaging::SchemaArgs),
    /// Run as the agent: measure a job on this machine
    #[command(hide = true, trailing_var_arg = true)]
    Agent {
        /// The agent's own arguments
        #[arg(allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Load a model once, within bounds: what other verbs have done in a process of its own
    #[command(hide = true, name = crate::pipeline::FIRST_LOAD_VERB)]
    FirstLoad(first_load::FirstLoadVerb),
}

/// A study and where its run goes.
#[derive(Clone, Debug, Args)]
struct StudyArgs {
    /// The study file
    study: PathBuf,
    /// The run directory; goes on where an unfinished run stopped. Default: a new one in paring-runs/
    #[arg(long)]
    out: Option<PathBuf>,
}

/// Columns of tables.
#[derive(Clone, Copy, Debug, Default, Args)]
struct ColumnArgs {
    /// Show all columns of tables, also those that do not fit 80 characters
    #[arg(long)]
    wide: bool,
}

impl CommandLine {
    /// The command line as typed. A parse error exits with 2 by itself, help and version with 0.
    fn typed(build: &BuildRecord) -> CommandLine {
        // Leaked once: clap keeps it until the program ends.
        let version: &'static str = build.long_version().leak();
        let matches = CommandLine::command().long_version(version).get_matches();
        CommandLine::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
    }
}

impl GlobalOptions {
    /// That in whoever made the study, or the folder that paring is run in.
    fn trust(&self) -> FolderTrust {
        if self.trust { FolderTrust::Given } else { FolderTrust::Withheld }
    }

    /// Look of tables, with the columns that were asked for.
    fn layout(&self, columns: ColumnArgs) -> TerminalLayout {
        use std::io::IsTerminal;
        let terminal = std::io::stdout().is_terminal();
        let color = match self.color {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => terminal && std::env::var_os("NO_COLOR").is_none(),
        };
        TerminalLayout { color, wide: columns.wide, wrap: terminal }
    }
}

/// Runs the command line and says how it ended.
pub fn main(build: &BuildRecord) -> std::process::ExitCode {
    let cli = CommandLine::typed(build);
    if !matches!(cli.verb, VerbArgs::Agent { .. } | VerbArgs::FirstLoad(_)) {
        paring_agent::engine::admit_by(crate::pipeline::admit);
    }
    // What it said is on the terminal already; the run's files are whole, each is replaced as one.
    let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| ended(cli)))
        .unwrap_or_else(|_| {
            let error =
                anyhow::anyhow!("internal error: this is a fault of paring; please report it");
            Err(CodedError::new(ExitCode::Internal, error))
        });
    match ended {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(coded) => {
            let message = format!("{:#}", coded.error);
            let advice = crate::workflow::export_advice(&message);
            let advice = advice.map(|advice| format!("; {advice}")).unwrap_or_default();
            note!("paring: {message}{advice}");
            std::process::ExitCode::from(coded.code as u8)
        }
    }
}

/// Does what was typed.
fn ended(cli: CommandLine) -> Result<(), CodedError> {
    match cli.verb {
        VerbArgs::Init(verb) => verb.run(&cli.global),
        VerbArgs::Run(verb) => verb.run(&cli.global),
        VerbArgs::Compress(verb) => verb.run(&cli.global),
        VerbArgs::Catalog(verb) => verb.run(&cli.global),
        VerbArgs::Eval(verb) => verb.run(&cli.global),
        VerbArgs::Diff(verb) => verb.run(&cli.global),
        VerbArgs::Gradient(verb) => verb.run(&cli.global),
        VerbArgs::Bench(verb) => verb.run(&cli.global),
        VerbArgs::Show(verb) => verb.run(&cli.global),
        VerbArgs::List(verb) => verb.run(&cli.global),
        VerbArgs::Gate(verb) => verb.run(&cli.global),
        VerbArgs::Compare(verb) => verb.run(&cli.global),
        VerbArgs::Profile(verb) => verb.run(&cli.global),
        VerbArgs::Probe(verb) => verb.run(&cli.global),
        VerbArgs::Doctor(verb) => verb.run(&cli.global),
        VerbArgs::Explain(verb) => verb.run(&cli.global),
        VerbArgs::Regime(verb) => verb.run(&cli.global),
        VerbArgs::Report(verb) => verb.run(&cli.global),
        VerbArgs::Note(verb) => verb.run(&cli.global),
        VerbArgs::Flash(verb) => verb.run(&cli.global),
        VerbArgs::Restore(verb) => verb.run(&cli.global),
        VerbArgs::Verify(verb) => verb.run(&cli.global),
        VerbArgs::Key(verb) => verb.run(&cli.global),
        VerbArgs::Sign(verb) => verb.run(&cli.global),
        VerbArgs::Approve(verb) => verb.run(&cli.global),
        VerbArgs::Card(verb) => verb.run(&cli.global),
        VerbArgs::Sensitivity(verb) => verb.run(&cli.global),
        VerbArgs::Runner(verb) => verb.run(&cli.global),
        VerbArgs::Target(verb) => verb.run(&cli.global),
        VerbArgs::Completions(verb) => verb.run(),
        VerbArgs::Man(verb) => verb.run(),
        VerbArgs::Schema(verb) => verb.run(),
        VerbArgs::FirstLoad(verb) => verb.run(),
        VerbArgs::Agent { arguments } => paring_agent::measure::main(&arguments, &["agent"])
            .map_err(|e| CodedError::new(ExitCode::Internal, e)),
    }
}
