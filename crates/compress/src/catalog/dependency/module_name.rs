//! The module of a network that several layers are in, from their names.

/// The module that all of these layers are in; of one layer, itself.
pub(super) fn module_of<'a>(layers: &[&'a str]) -> Option<&'a str> {
    let first = layers.first().copied()?;
    let mut common = first.len();
    for other in layers {
        let same = first.bytes().zip(other.bytes()).take_while(|(a, b)| a == b).count();
        common = common.min(same);
    }
    let ends = |at: usize| at == first.len() || [b'.', b'/'].contains(&first.as_bytes()[at]);
    (1..=common).rev().find(|at| ends(*at)).map(|at| &first[..at])
}
