//! Pages about several runs: an index of their reports, and what became of every variant from run to run.

mod report_index;
mod run_trends;
mod trend_page;

pub use report_index::{IndexedRun, report_index_html};
pub use run_trends::{QualityVerdict, RunTrends, TrendPoint, TrendStep, VariantTrend};
pub use trend_page::trend_page_html;
