//! Names that nothing in a model has.

use std::collections::HashSet;

/// `wanted`, or `wanted_1`, `wanted_2` … where that is taken; takes it.
pub fn fresh(taken: &mut HashSet<String>, wanted: &str) -> String {
    let mut name = wanted.to_string();
    if taken.contains(&name) {
        // Numbers are mostly dense, as where thousands of nodes share a name: the first free one is
        // found by bisection.
        let numbered = |number: u64| format!("{wanted}_{number}");
        let (mut low, mut high) = (0, 1);
        while taken.contains(&numbered(high)) {
            (low, high) = (high, high * 2);
        }
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            match taken.contains(&numbered(middle)) {
                true => low = middle,
                false => high = middle,
            }
        }
        name = numbered(high);
    }
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
        let many: Vec<String> = (0..100).map(|_| fresh(&mut taken, "c")).collect();
        let wanted = (1..100).map(|n| format!("c_{n}"));
        assert!(many.iter().skip(1).cloned().eq(wanted));
    }
}
