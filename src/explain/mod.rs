//! Controlled experiments and attribution: which decision caused which change.
//!
//! Empty until attribution exists; it will stand on replays from `pipeline`.
