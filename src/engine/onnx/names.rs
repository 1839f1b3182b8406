//! Names that nothing in a model has.

use std::collections::HashSet;

/// `wanted`, or `wanted_1`, `wanted_2` … where that is taken; takes it.
pub fn fresh(taken: &mut HashSet<String>, wanted: &str) -> String {
    let numbered = (1..).map(|number| format!("{wanted}_{number}"));
    let free = std::iter::once(wanted.to_string()).chain(numbered).find(|n| !taken.contains(n));
    let name = free.unwrap_or_else(|| wanted.to_string());
    taken.insert(name.clone());
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_taken_gets_a_number() {
        let mut taken = HashSet::from(["a".to_string(), "a_1".to_string()]);
        let names: Vec<String> = ["a", "b", "b"].iter().map(|n| fresh(&mut taken, n)).collect();
        assert_eq!(names, ["a_2", "b", "b_1"]);
    }
}
