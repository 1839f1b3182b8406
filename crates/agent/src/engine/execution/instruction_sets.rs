//! Instruction-set tiers that the engine can be kept from using.
//!
//! The engine reads its knob once, when the first kernel is chosen, so it has to stand in the
//! environment of a process before that starts.

use tract_linalg::isa::Isa;

const KNOB: &str = "TRACT_CPU_ISA";

/// The environment variable and its value for a process that must do without the tiers `wanted`, when
/// this process was started to do without `own`. What a person has put there besides stays.
pub fn without_tiers(own: &[String], wanted: &[String]) -> (&'static str, String) {
    (KNOB, edited(&std::env::var(KNOB).unwrap_or_default(), own, wanted))
}

/// True if this process was started to do without all of these tiers.
pub fn is_without(tiers: &[String]) -> bool {
    let current = std::env::var(KNOB).unwrap_or_default();
    let gone: Vec<&str> = current.split(',').filter_map(|t| t.trim().strip_prefix('-')).collect();
    tiers.iter().all(|tier| gone.contains(&tier.as_str()))
}

fn edited(current: &str, own: &[String], wanted: &[String]) -> String {
    let removed = |tier: &String| format!("-{tier}");
    let gone: Vec<String> = own.iter().map(removed).collect();
    let kept = current.split(',').map(str::trim).filter(|token| !token.is_empty());
    let kept = kept.filter(|token| !gone.iter().any(|own| own == token)).map(str::to_string);
    kept.chain(wanted.iter().map(removed)).collect::<Vec<_>>().join(",")
}

/// Names of all tiers that the engine knows, of all architectures.
pub fn tiers() -> Vec<&'static str> {
    Isa::ALL.iter().filter(|isa| !isa.is_arch()).map(Isa::name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_keep_what_a_person_put_there() {
        let tiers = |names: &[&str]| names.iter().map(|n| n.to_string()).collect::<Vec<_>>();
        let started = edited("+fp16", &[], &tiers(&["avx512f", "avx2"]));
        assert_eq!(started, "+fp16,-avx512f,-avx2");
        assert_eq!(edited(&started, &tiers(&["avx512f", "avx2"]), &[]), "+fp16");
        assert!(super::tiers().contains(&"avx512f") && !super::tiers().contains(&"x86_64"));
    }
}
