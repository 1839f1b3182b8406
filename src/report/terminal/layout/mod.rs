//! Look of text in a terminal: how wide, with which columns, in which units.

mod column_units;
mod terminal_layout;
pub(in crate::report) mod text_table;

pub(in crate::report) use column_units::{
    change_texts, energy_texts, interval_texts, memory_texts, span_texts,
};
pub use terminal_layout::TerminalLayout;
