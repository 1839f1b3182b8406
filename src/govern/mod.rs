//! Gate, restore loop, monitor and audit: what happens to a variant after it was measured.
//!
//! Empty until those exist; it will judge variants by the records of the floors below.
