//! The root of a Merkle tree over texts.
//!
//! Source: RFC 6962, section 2.1.

use ct_merkle::mem_backed_tree::MemoryBackedTree;
use paring_core::schema::Sha256Hex;
use sha2::Sha256;

/// Root of the tree whose leaves are `leaves`, in this order; that of no leaves is the hash of nothing.
pub fn merkle_root<'a>(leaves: impl IntoIterator<Item = &'a str>) -> Option<Sha256Hex> {
    let mut tree: MemoryBackedTree<Sha256, Vec<u8>> = MemoryBackedTree::new();
    leaves.into_iter().for_each(|leaf| tree.push(leaf.as_bytes().to_vec()));
    let digits: String = tree.root().as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    Sha256Hex::try_from(digits).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use sha2::Digest;

    /// The definition, word for word.
    fn tree_hash(leaves: &[&str]) -> Vec<u8> {
        let joined = |parts: &[&[u8]]| Sha256::digest(parts.concat()).to_vec();
        match leaves {
            [] => joined(&[]),
            [leaf] => joined(&[&[0], leaf.as_bytes()]),
            _ => {
                let half = leaves.len().next_power_of_two() / 2;
                let (left, right) = leaves.split_at(half);
                joined(&[&[1], &tree_hash(left), &tree_hash(right)])
            }
        }
    }

    #[test]
    fn roots_are_those_of_the_definition() {
        let leaves: Vec<String> = (0..70).map(|n| format!("leaf {n}")).collect();
        let leaves: Vec<&str> = leaves.iter().map(String::as_str).collect();
        for count in 0..leaves.len() {
            let expected: String =
                tree_hash(&leaves[..count]).iter().map(|b| format!("{b:02x}")).collect();
            let root = merkle_root(leaves[..count].iter().copied()).unwrap();
            assert_eq!(root.as_str(), expected, "{count} leaves");
        }
    }
}
