//! Samples of a run whose class changed, and their inputs drawn from the run's data.

use crate::evaluate::ModelOutputs;
use crate::pipeline::{self, Folders};
use crate::report::ResultRow;
use crate::report::html::{ChangedSample, ReportSamples, SampleDrawing};
use crate::study::{self, Protocol};
use paring_boards::FolderTrust;
use paring_core::schema::{FlipKind, MissingReason, TaskKind};
use paring_data::{DataError, Dataset, SamplePicture};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Changed samples of one kind and variant that are drawn.
const MOST_DRAWN: usize = 12;
/// Samples that are drawn in all.
const MOST_DRAWINGS: usize = 800;
/// Largest file of data that is opened to draw samples.
const MOST_DATA_BYTES: u64 = 512 << 20;

/// Samples that changed between the baseline and each variant, and their drawings; nothing of single
/// samples where the report is redacted. A sentence about answers that cannot be read.
pub(super) fn report_samples(
    folders: &Folders,
    protocol: &Protocol,
    rows: &[ResultRow],
    redacted: bool,
    unreadable: &mut Vec<String>,
) -> ReportSamples {
    if redacted {
        return ReportSamples { redacted, ..ReportSamples::default() };
    }
    let changed = changed_samples(folders, rows, unreadable);
    let mut drawn = carded_samples(&changed);
    let left_out = drawn.len().saturating_sub(MOST_DRAWINGS);
    drawn.truncate(MOST_DRAWINGS);
    let drawings = match drawn.is_empty() {
        true => Ok(BTreeMap::new()),
        false => drawings(folders, protocol, &drawn),
    };
    ReportSamples { redacted, changed, drawings, left_out }
}

fn changed_samples(
    folders: &Folders,
    rows: &[ResultRow],
    unreadable: &mut Vec<String>,
) -> BTreeMap<String, Vec<ChangedSample>> {
    let mut answers = |row: &ResultRow| {
        let kind = row.evaluation.as_ref().map_or(TaskKind::Classification, |e| e.task);
        let name = &row.variant.name;
        let read = pipeline::read_answers(&folders.scores(name), kind);
        if let (Err(error), Some(_)) = (&read, &row.evaluation) {
            let why = chain(error);
            unreadable.push(format!("Single answers of {name} are not shown: {why}."));
        }
        read.ok()
    };
    let baseline = rows.iter().find(|row| row.variant.parent.is_none());
    let Some(before) = baseline.and_then(&mut answers) else { return BTreeMap::new() };
    let mut found = BTreeMap::new();
    let mut seen = BTreeSet::new();
    for row in rows.iter().filter(|row| row.variant.parent.is_some()) {
        if !seen.insert(&row.variant.name) {
            continue;
        }
        if let Some(after) = answers(row).filter(|after| after.samples == before.samples) {
            found.insert(row.variant.name.clone(), changed_between(&before, &after));
        }
    }
    found
}

/// Samples whose class changed, those that lost most probability first.
fn changed_between(before: &ModelOutputs, after: &ModelOutputs) -> Vec<ChangedSample> {
    let (was, now) = (before.predictions(), after.predictions());
    let probability = |answers: &ModelOutputs, position: usize, class: i64| {
        let own = *answers.row(position).get(usize::try_from(class).ok()?)?;
        (0.0..=1.0).contains(&own).then_some(f64::from(own))
    };
    let pairs = was.iter().zip(&now).enumerate();
    let changed = pairs.filter_map(|(position, (was, now))| {
        let kind = FlipKind::of(was, now)?;
        let lost = was.label.or(was.class).and_then(|class| {
            Some(probability(before, position, class)? - probability(after, position, class)?)
        });
        Some(ChangedSample {
            sample: was.sample,
            label: was.label,
            before: was.class,
            after: now.class,
            kind,
            lost,
        })
    });
    let mut changed: Vec<ChangedSample> = changed.collect();
    let most = |sample: &ChangedSample| sample.lost.unwrap_or(0.0).abs();
    changed.sort_by(|a, b| most(b).total_cmp(&most(a)));
    changed
}

/// The samples that have a card in the page, each once, in the order of the variants.
fn carded_samples(changed: &BTreeMap<String, Vec<ChangedSample>>) -> Vec<usize> {
    let (mut carded, mut seen) = (Vec::new(), BTreeSet::new());
    for samples in changed.values() {
        let mut counts: BTreeMap<FlipKind, usize> = BTreeMap::new();
        for sample in samples {
            let count = counts.entry(sample.kind).or_default();
            *count += 1;
            if *count <= MOST_DRAWN && seen.insert(sample.sample) {
                carded.push(sample.sample);
            }
        }
    }
    carded
}

/// Drawings of samples, from the data that the run's study names, if these are the run's.
fn drawings(
    folders: &Folders,
    protocol: &Protocol,
    drawn: &[usize],
) -> Result<BTreeMap<usize, SampleDrawing>, MissingReason> {
    let path = &protocol.study_file;
    if !path.exists() {
        return Err(MissingReason(format!("the study is no longer at {}", path.display())));
    }
    let failed = |error: study::StudyError| MissingReason(chain(&error));
    let study = study::load(path, FolderTrust::Withheld).map_err(failed)?;
    if let Some(bytes) = size(&study.data.path).filter(|bytes| *bytes > MOST_DATA_BYTES) {
        return Err(MissingReason(format!(
            "the data have {bytes} bytes; up to {MOST_DATA_BYTES} are opened for drawings"
        )));
    }
    let loaded = study::open(&study).map_err(failed)?;
    protocol.describes(&study, &loaded, folders.root()).map_err(failed)?;
    let mut drawings = BTreeMap::new();
    for sample in drawn {
        let drawing =
            drawing(&loaded.data, *sample).map_err(|error| MissingReason(chain(&error)))?;
        drawings.extend(drawing.map(|drawing| (*sample, drawing)));
    }
    Ok(drawings)
}

/// Bytes of a file; `None` of a folder.
fn size(path: &Path) -> Option<u64> {
    path.metadata().ok().filter(std::fs::Metadata::is_file).map(|found| found.len())
}

/// The drawing of a sample; `None` where none of its inputs looks like an image.
fn drawing(data: &Dataset, sample: usize) -> Result<Option<SampleDrawing>, DataError> {
    let inputs = data.inputs_at(&[sample])?;
    let pictures = inputs.iter().filter_map(|(name, array)| {
        let picture = SamplePicture::of(array)?;
        Some((name.clone(), picture))
    });
    let inputs: Vec<(String, SamplePicture)> = pictures.collect();
    Ok((!inputs.is_empty()).then_some(SampleDrawing { inputs }))
}

/// An error with its causes, on one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text += &format!(": {cause}");
        next = cause.source();
    }
    text
}
