//! An error and its causes, in one line.

use std::error::Error;

/// An error's message, followed by those of its causes, each after a colon.
pub fn error_chain(error: &dyn Error) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        line += &format!(": {error}");
        cause = error.source();
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_follow_the_message() {
        let cause = std::io::Error::other("the disk is full");
        #[derive(Debug, thiserror::Error)]
        #[error("write {path}")]
        struct Outer {
            path: &'static str,
            source: std::io::Error,
        }
        let outer = Outer { path: "results.csv", source: cause };
        assert_eq!(error_chain(&outer), "write results.csv: the disk is full");
    }
}
