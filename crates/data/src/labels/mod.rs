//! Labels of samples in folders: tables, folders that are classes, and names of classes.

mod class_names;
mod label_table;

pub(crate) use label_table::LabelTable;
