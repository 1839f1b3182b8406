//! Progress on standard error, for people: bars where it is a terminal, nothing elsewhere.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use paring_core::text::table_cell;

/// A bar of `total` steps; silent with `quiet` or where standard error is no terminal.
pub(super) fn bar(what: &str, total: usize, quiet: bool) -> ProgressBar {
    let target = match quiet {
        true => ProgressDrawTarget::hidden(),
        false => ProgressDrawTarget::stderr(),
    };
    let bar = ProgressBar::with_draw_target(Some(total as u64), target);
    let style = "{prefix:>9} {wide_bar:.cyan/dim} {pos}/{len} {msg} {elapsed} (left {eta})";
    bar.set_style(
        ProgressStyle::with_template(style).unwrap_or_else(|_| ProgressStyle::default_bar()),
    );
    bar.set_prefix(table_cell(what));
    bar
}

/// Shows what a bar is at.
pub(super) fn show_progress(bar: &ProgressBar, what: &str) {
    bar.set_message(table_cell(what));
}
