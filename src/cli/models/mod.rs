//! Verbs about model files.

mod attack_args;
mod bench;
mod bench_args;
mod catalog;
mod diff;
mod eval;
mod eval_args;
mod gradient;
mod init;
mod profile;
mod sample_args;

pub(super) use bench_args::BenchArgs;
pub(super) use catalog::CatalogArgs;
pub(super) use diff::DiffArgs;
pub(super) use eval_args::EvalArgs;
pub(super) use gradient::GradientArgs;
pub(super) use init::InitArgs;
pub(super) use profile::ProfileArgs;
use sample_args::SampleArgs;
