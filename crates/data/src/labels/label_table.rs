//! The table of a folder of samples: `labels.csv`, or without one a subfolder for each class, named after
//! it, or files without labels.

use super::class_names::{ParsedLabels, name_list, parse_labels};
use crate::DataError;
use ndarray::{ArrayD, IxDyn};
use paring_agent::arrays::Array;
use std::path::{Path, PathBuf};

/// Ends of names of files that are samples.
const SAMPLE_ENDS: [&str; 6] = ["png", "jpg", "jpeg", "bmp", "webp", "npy"];

/// Files and labels of a folder, row by row.
pub(crate) struct LabelTable {
    /// `labels.csv`, or the folder.
    path: PathBuf,
    header: Vec<String>,
    rows: Vec<Vec<String>>,
    /// True of folders that stand for classes.
    class_folders: bool,
}

/// Labels of all rows, and the names of their classes where these have some.
pub(crate) struct TableLabels {
    pub(crate) numbers: Array,
    pub(crate) class_names: Vec<String>,
}

impl LabelTable {
    /// Reads the table of `folder`.
    ///
    /// # Errors
    /// [`DataError`] names the file.
    pub(crate) fn read(folder: &Path) -> Result<LabelTable, DataError> {
        let path = folder.join("labels.csv");
        if !path.exists() {
            return Self::of_files(folder);
        }
        let unreadable = |e: csv::Error| DataError::Read { path: path.clone(), source: e.into() };
        let mut reader = csv::Reader::from_path(&path).map_err(unreadable)?;
        let header = reader.headers().map_err(unreadable)?.iter().map(str::to_string).collect();
        let rows = reader.records().map(|row| {
            let row = row.map_err(unreadable)?;
            Ok(row.iter().map(str::to_string).collect())
        });
        let rows: Vec<Vec<String>> = rows.collect::<Result<_, _>>()?;
        let table = LabelTable { path: path.clone(), header, rows, class_folders: false };
        if table.rows.is_empty() { Err(table.problem("it has no rows")) } else { Ok(table) }
    }

    /// The table that the folder's own files and subfolders make, in the order of their names.
    fn of_files(folder: &Path) -> Result<LabelTable, DataError> {
        let path = folder.to_path_buf();
        let class_of = |rows: &[String], class: &str| -> Vec<Vec<String>> {
            rows.iter().map(|file| vec![format!("{class}/{file}"), class.to_string()]).collect()
        };
        let mut rows = Vec::new();
        for class in names(folder, Path::is_dir)? {
            let files = names(&folder.join(&class), is_sample)?;
            rows.extend(class_of(&files, &class));
        }
        if !rows.is_empty() {
            let header = ["file", "label"].map(str::to_string).to_vec();
            return Ok(LabelTable { path, header, rows, class_folders: true });
        }
        let rows: Vec<Vec<String>> =
            names(folder, is_sample)?.into_iter().map(|file| vec![file]).collect();
        let table = LabelTable { path, header: vec!["file".into()], rows, class_folders: false };
        match table.rows.is_empty() {
            false => Ok(table),
            true => Err(table.problem(
                "it has no labels.csv, no subfolders with samples and no samples (PNG, JPEG, BMP, WebP, .npy); write a labels.csv with the columns `file` and `label`, or one subfolder for each class",
            )),
        }
    }

    /// An error about the table.
    pub(crate) fn problem(&self, problem: &str) -> DataError {
        DataError::Folder { path: self.path.clone(), problem: problem.to_string() }
    }

    /// Number of rows.
    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    /// Tells whether samples have labels.
    pub(crate) fn is_labelled(&self) -> bool {
        self.header.iter().any(|name| name == "label")
    }

    /// A column.
    ///
    /// # Errors
    /// [`DataError`] names those that there are.
    pub(crate) fn text(&self, column: &str) -> Result<Vec<String>, DataError> {
        let position = self.header.iter().position(|h| h == column).ok_or_else(|| {
            let found = self.header.join("`, `");
            self.problem(&format!("no column `{column}`; it has `{found}`"))
        })?;
        Ok(self.rows.iter().map(|row| row.get(position).cloned().unwrap_or_default()).collect())
    }

    /// Classes, or numbers where any has a fraction. `given` are the names of the classes, in order.
    ///
    /// # Errors
    /// [`DataError`] names the line.
    pub(crate) fn labels(&self, given: &[String]) -> Result<TableLabels, DataError> {
        let texts = self.text("label")?;
        if self.class_folders {
            self.check_class_folders(&texts, given)?;
        }
        // Folders may be named by numbers: their names are names.
        let names = match self.class_folders && given.is_empty() {
            true => {
                let mut names = texts.clone();
                names.dedup();
                names
            }
            false => given.to_vec(),
        };
        let parsed = parse_labels(&texts, &names)
            .map_err(|(row, problem)| self.problem(&format!("line {}: {problem}", row + 2)))?;
        let (numbers, class_names) = match parsed {
            ParsedLabels::Numbers(numbers) => (numbers, vec![]),
            ParsedLabels::Classes(classes, names) => {
                (classes.into_iter().map(|class| class as f64).collect(), names)
            }
        };
        let numbers = ArrayD::from_shape_vec(IxDyn(&[numbers.len()]), numbers).unwrap_or_default();
        Ok(TableLabels { numbers: Array::F64(numbers), class_names })
    }

    /// Refuses a folder that is none of the classes.
    fn check_class_folders(&self, folders: &[String], given: &[String]) -> Result<(), DataError> {
        let unknown = folders.iter().find(|folder| !given.is_empty() && !given.contains(folder));
        match unknown {
            None => Ok(()),
            Some(folder) => Err(self.problem(&format!(
                "the folder `{folder}` is not among `classes` under [data]: {}",
                name_list(given)
            ))),
        }
    }
}

fn is_sample(path: &Path) -> bool {
    let end = path.extension().map(|end| end.to_string_lossy().to_lowercase());
    path.is_file() && end.is_some_and(|end| SAMPLE_ENDS.contains(&end.as_str()))
}

/// Names of the entries of a folder that are `wanted`, sorted; those that begin with a dot are none.
fn names(folder: &Path, wanted: fn(&Path) -> bool) -> Result<Vec<String>, DataError> {
    let unreadable =
        |e: std::io::Error| DataError::Read { path: folder.to_path_buf(), source: e.into() };
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if !name.starts_with('.') && wanted(&entry.path()) {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subfolders_are_classes_in_the_order_of_their_names() {
        let folder = tempfile::tempdir().unwrap();
        for file in ["star/b.png", "star/a.webp", "galaxy/z.JPG", "galaxy/notes.txt", ".git/x.png"]
        {
            let path = folder.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        let table = LabelTable::read(folder.path()).unwrap();
        assert_eq!(table.text("file").unwrap(), ["galaxy/z.JPG", "star/a.webp", "star/b.png"]);
        let labels = table.labels(&[]).unwrap();
        assert_eq!(labels.numbers.as_integers().unwrap(), [0, 1, 1]);
        assert_eq!(labels.class_names, ["galaxy", "star"]);
        let given = ["star", "galaxy", "quasar"].map(str::to_string);
        let labels = table.labels(&given).unwrap();
        assert_eq!(labels.numbers.as_integers().unwrap(), [1, 0, 0]);
        let error = table.labels(&given[..1]).err().unwrap().to_string();
        assert!(
            error.ends_with("the folder `galaxy` is not among `classes` under [data]: `star`"),
            "{error}"
        );
    }

    #[test]
    fn folders_named_by_numbers_are_names_too() {
        let folder = tempfile::tempdir().unwrap();
        for file in ["10/a.png", "2/a.png"] {
            let path = folder.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        let labels = LabelTable::read(folder.path()).unwrap().labels(&[]).unwrap();
        assert_eq!(labels.class_names, ["10", "2"]);
        assert_eq!(labels.numbers.as_integers().unwrap(), [0, 1]);
    }

    #[test]
    fn an_empty_folder_says_what_it_lacks() {
        let folder = tempfile::tempdir().unwrap();
        let error = LabelTable::read(folder.path()).err().unwrap().to_string();
        assert!(error.contains("it has no labels.csv, no subfolders with samples"), "{error}");
        std::fs::write(folder.path().join("a.png"), "").unwrap();
        assert!(!LabelTable::read(folder.path()).unwrap().is_labelled());
    }
}
