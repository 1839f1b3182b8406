//! The page: sections made of a few kinds of blocks, and the template that turns them into one
//! self-contained file. Every text is escaped by the template; only drawings of this module go in as
//! markup.

mod base64;
mod page_chart;
mod page_section;
mod page_table;
mod report_page;
mod shown_text;

pub use page_chart::{PageDrawing, SampleCard};
pub use page_section::{
    KeyFigure, LegendEntry, PageBlock, PageSection, ReportFinding, VariantPanel,
};
pub use page_table::{CellTone, PageTable, PageTableCell, cut_caption};
pub use report_page::{PageFact, ReportPage};
