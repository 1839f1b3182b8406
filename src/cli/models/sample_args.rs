//! Options of verbs about a single model: data and sizes.

use crate::workflow::SampleOptions;
use clap::Args;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Data and values for symbolic dimensions.
#[derive(Clone, Debug, Args)]
pub(in crate::cli) struct SampleArgs {
    /// An .npz file or folder with the model's inputs and `labels`
    #[arg(long)]
    data: Option<PathBuf>,
    /// A study that says how samples are read: images, classes, the output with the scores; without
    /// --data also where they are
    #[arg(long, value_name = "STUDY")]
    study: Option<PathBuf>,
    #[command(flatten)]
    sizes: SizeArgs,
}

/// Values for symbolic dimensions.
#[derive(Clone, Debug, Args)]
pub(in crate::cli) struct SizeArgs {
    /// Values for symbolic dimensions other than the batch, as NAME=SIZE,NAME=SIZE; data that show
    /// them need none
    #[arg(long = "dims", alias = "dim", value_name = "NAME=SIZE", value_parser = assignments)]
    given: Vec<SizeAssignments>,
}

/// `NAME=SIZE`, several of them.
#[derive(Clone, Debug)]
struct SizeAssignments(Vec<(String, usize)>);

impl SizeArgs {
    /// The sizes by name.
    pub(in crate::cli) fn by_name(&self) -> BTreeMap<String, usize> {
        self.given.iter().flat_map(|some| some.0.iter().cloned()).collect()
    }
}

/// Commas also occur in names such as `max(a, b)`: a new assignment begins where the last has ended.
fn assignments(text: &str) -> Result<SizeAssignments, String> {
    let mut all: Vec<String> = Vec::new();
    for piece in text.split(',') {
        match all.last_mut() {
            Some(open) if !open.contains('=') => *open = format!("{open},{piece}"),
            _ => all.push(piece.to_string()),
        }
    }
    let one = |text: &String| {
        let (name, size) = text.rsplit_once('=').ok_or("write NAME=SIZE")?;
        match size.trim().parse() {
            Ok(size @ 1..) => Ok((name.trim().to_string(), size)),
            _ => Err(format!("`{size}` is no size of `{name}`; write a number from 1 on")),
        }
    };
    Ok(SizeAssignments(all.iter().map(one).collect::<Result<_, String>>()?))
}

impl From<SampleArgs> for SampleOptions {
    fn from(args: SampleArgs) -> SampleOptions {
        SampleOptions { dims: args.sizes.by_name(), data: args.data, study: args.study }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn assignments_are_split_where_one_has_ended() {
        #[track_caller]
        fn reads(text: &str, expected: &[(&str, usize)]) {
            let found = assignments(text).unwrap().0;
            let expected: Vec<_> = expected.iter().map(|(n, s)| (n.to_string(), *s)).collect();
            assert_eq!(found, expected);
        }
        reads("x:2=48", &[("x:2", 48)]);
        reads("a=1, p2o.DynamicDimension.1=2", &[("a", 1), ("p2o.DynamicDimension.1", 2)]);
        reads("max(a, b)=4,c=5", &[("max(a, b)", 4), ("c", 5)]);
        for wrong in ["seq", "seq=0", "seq=many", "seq=-1", ""] {
            assert!(assignments(wrong).is_err(), "{wrong}");
        }
    }
}
