//! Files and tables that people and other programs read: CSV, Markdown, and the terminal's tables.
//!
//! Derived from records, replaced as a whole, never a source of anything.

mod answers;
mod approval_rows;
mod compare;
mod csv;
#[cfg(test)]
mod example_rows;
mod explanation_rows;
mod gate;
pub mod html;
mod interval_text;
mod markdown;
mod model_card;
mod overlay;
mod pages;
mod report_error;
mod result_row;
mod run_document;
mod tables;
mod terminal;
mod time_span;
mod time_trends;

pub use answers::{
    AblationAnswer, BenchAnswer, BoardAgreement, BoardFlip, CatalogAnswer, ExpectedChange,
    GradientAnswer, GradientComparison, InputOrigin, LabelOrigin, RankedBypass, RankedComponent,
    ReaderConditioning, RegimeEvaluation, RegimeVariant, TargetFacts, card_json, card_text,
    difference_json, difference_text, findings_json, findings_text, layers_json, ranking,
    regimes_json, regimes_text, sensitivity_json, sensitivity_text, targets_json, targets_text,
};
pub use compare::{
    ChangeBasis, CompareError, ComparedFigure, ComparedSource, ComparedVariant, ComparisonRules,
    FigureBasis, FigureChange, FigureVerdict, KeptAnswers, RowFigures, RowMatch, RunComparison,
    SourceKind, SpeedupSeries, UnjudgedFigure, compare, comparison_markdown, comparison_table,
    unjudged, worsened,
};
pub use csv::{
    comparison_csv, effects_csv, flow_csv, hits_csv, layers_csv, regimes_csv, results_csv,
    robustness_csv, savings_csv,
};
pub use gate::requirement_case;
pub use gate::{
    VariantRestoration, gate_junit, gate_lines, gate_sentence, restoration_text, undecidable_line,
};
pub use markdown::report_md;
pub use model_card::{
    CardApproval, CardRecords, CroissantData, croissant_record, model_card_cyclonedx,
    model_card_md, model_card_spdx,
};
pub use overlay::{OverlayFile, OverlayModel, OverlayNode, overlay_files};
pub use pages::{
    IndexedRun, QualityVerdict, RunTrends, TrendPoint, TrendStep, VariantTrend, report_index_html,
    trend_page_html,
};
pub use report_error::ReportError;
pub use result_row::{ResultRow, RunFacts};
pub use run_document::run_documents;
pub use tables::{TableFile, parquet_files, runs_csv};
pub use terminal::{
    BenchRow, INTERVAL_LEVELS, ListedRun, RunState, TerminalLayout, bench_table, evaluation_line,
    evaluation_text, explanation_text, flow_lines, hits_lines, layers_table, machine_caveats,
    quick_note, results_table, robustness_lines, runs_table, undone_line,
};
pub use time_span::seconds;
