//! `paring catalog`.

mod show;
mod verb;

pub(super) use verb::CatalogVerb;
