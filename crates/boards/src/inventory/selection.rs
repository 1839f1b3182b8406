//! Targets selected by words: names, profiles, labels, places of a farm.

use super::error::InventoryError;
use super::merged_inventory::Inventory;
use super::target::{Target, TargetTransport};
use crate::profiles::{shipped_profile, shipped_profiles};
use crate::transport::LabgridRequest;

/// The machines that `words` mean, each once: names of the inventory, profiles for this machine,
/// places of a farm, or labels such as `arch=aarch64,room=kitchen`, which mean every board of the
/// inventory that has them.
///
/// # Errors
/// [`InventoryError`] names the word that means nothing, or the key that would run programs for a
/// stranger.
pub fn select_targets(
    words: &[String],
    inventory: &Inventory,
) -> Result<Vec<Target>, InventoryError> {
    let mut chosen: Vec<Target> = Vec::new();
    for word in words {
        for target in targets_of_word(word, inventory)? {
            if chosen.iter().all(|other| other.name != target.name) {
                chosen.push(target);
            }
        }
    }
    inventory.refuse_untrusted(&chosen)?;
    Ok(chosen)
}

fn targets_of_word(word: &str, inventory: &Inventory) -> Result<Vec<Target>, InventoryError> {
    if let Some(target) = inventory.targets.iter().find(|target| target.name == word) {
        return Ok(vec![target.clone()]);
    }
    if let Some(request) = LabgridRequest::parse(word) {
        let request = request.map_err(InventoryError::InvalidWord)?;
        // The board is recognised once the place is acquired.
        let general =
            shipped_profile("aarch64").map_err(|e| InventoryError::InvalidWord(e.to_string()))?;
        let name = request.name();
        let transport = TargetTransport::Labgrid(request, None);
        return Ok(vec![Target { name, transport, ..Target::local(general) }]);
    }
    if word.contains('=') {
        let pairs: Option<Vec<(&str, &str)>> =
            word.split(',').map(|pair| pair.trim().split_once('=')).collect();
        let pairs = pairs.ok_or_else(|| InventoryError::NoTargetWithLabels(word.to_string()))?;
        let all = inventory.targets.iter().filter(|target| target.has_labels(&pairs));
        let all: Vec<Target> = all.cloned().collect();
        return match all.is_empty() {
            true => Err(InventoryError::NoTargetWithLabels(word.to_string())),
            false => Ok(all),
        };
    }
    if let Ok(profile) = shipped_profile(word) {
        return Ok(vec![Target::local(profile)]);
    }
    let shipped = shipped_profiles().unwrap_or_default();
    let boards = inventory.targets.iter().map(|target| target.name.as_str());
    let known: Vec<&str> = boards.chain(shipped.iter().map(|p| p.name.as_str())).collect();
    Err(InventoryError::unknown(word, &known))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::FolderTrust;

    fn desk() -> Inventory {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("targets.toml");
        let entry = |name: &str, kind: &str, room: &str| {
            format!(
                "[[target]]\nname = {name:?}\nextends = {kind:?}\naddress = \"pi@{name}\"\nlabels = {{ room = {room:?} }}\n"
            )
        };
        let text = entry("a", "raspberry-pi-5", "kitchen")
            + &entry("b", "raspberry-pi-4", "kitchen")
            + &entry("c", "x86-64", "lab");
        std::fs::write(&path, text).unwrap();
        let mut inventory = Inventory::default();
        inventory.add(&path, FolderTrust::Withheld).unwrap();
        inventory
    }

    #[track_caller]
    fn means(words: &[&str], expected: &[&str]) {
        let words: Vec<String> = words.iter().map(ToString::to_string).collect();
        let found = select_targets(&words, &desk()).map_err(|e| e.to_string()).unwrap();
        assert_eq!(found.iter().map(|t| t.name.as_str()).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn names_profiles_and_labels_mean_machines() {
        means(&["b", "host"], &["b", "host"]);
        means(&["arch=aarch64"], &["a", "b"]);
        means(&["room=kitchen, board=rpi4", "room=lab", "b"], &["b", "c"]);
        let refused =
            |word: &str| select_targets(&[word.to_string()], &desk()).unwrap_err().to_string();
        assert_eq!(refused("room=attic"), "no target of the inventory has the labels `room=attic`");
        assert_eq!(refused("hots"), "no target `hots`; did you mean `host`?");
    }
}
