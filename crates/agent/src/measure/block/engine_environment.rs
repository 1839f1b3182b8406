//! Environment of a process that runs a model, for what the engine reads once.

use crate::engine;
use paring_core::schema::EngineOptions;

/// Environment variable for a process that runs a model with the options `wanted`, when
/// it is started by one that runs a model with the options `own`: what the engine reads only once.
pub(crate) fn environment_of(
    own: &EngineOptions,
    wanted: &EngineOptions,
) -> Option<(&'static str, String)> {
    (own.without_isa != wanted.without_isa)
        .then(|| engine::without_tiers(&own.without_isa, &wanted.without_isa))
}
