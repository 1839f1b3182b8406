//! Instruction-set tiers that the engine can be kept from using.
//!
//! The engine reads its knob once, when the first kernel is chosen, so it has to stand in the
//! environment of a process before that starts.

use tract_linalg::isa::Isa;

const KNOB: &str = "TRACT_CPU_ISA";

/// A tier whose kernels crash: in tract 0.23.9, int8 products of some shapes end in a segmentation
/// fault inside `avx512amx_mmm_i32_8x8`, in most of the processes that run them.
const FAULTY: &str = "amx-int8";

/// Keeps this process, and those that it starts, from the tier whose kernels crash, unless the user's
/// own `TRACT_CPU_ISA` names it. To be called first thing in `main`, while there is one thread.
pub fn avoid_faulty_tier() {
    let current = std::env::var(KNOB).unwrap_or_default();
    // Other architectures refuse a tier that they cannot have.
    if cfg!(target_arch = "x86_64") && !current.contains(FAULTY) {
        let value = edited(&current, &[], &[FAULTY.to_string()]);
        // SAFETY: no other thread of this process reads the environment: none was started.
        unsafe { std::env::set_var(KNOB, value) };
    }
}

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
