"""Fields that differ between two runs of one program, by name and with the reason: no record has them."""

FILES = {
    ".lock": "held while a verb writes",
    "run.manifest": "hashes of all files, of those that vary too",
    "study.toml": "the study itself, written by this script",
    "protocol.json": "recorded field by field",
    "ledger.jsonl": "recorded entry by entry",
    "forecaster.json": "recorded field by field: the times of nodes are in it",
    "results.csv": "recorded column by column",
    "layers.csv": "recorded column by column",
    "effects.csv": "recorded column by column",
    "savings.csv": "recorded column by column",
    "explain.json": "recorded field by field",
    "report.md": "explain.json in words, times among them",
    "report.html": "everything above, times among them",
}
"""Files of a run directory whose bytes are not hashed."""

FOLDERS = {
    "journal": "raw samples of timed blocks",
    "overlay": "records for viewers of models, times among them",
}
"""Folders of a run directory that are left out."""

PROTOCOL = {
    "run_id": "drawn anew for every run",
    "study_file": "where the study lies",
}
LEDGER = {
    "time": "when the entry was written",
    "prev_sha256": "hash of the line before, its time included",
}
ENTRY_ID = "entry_id"
"""Hash over an entry and the id of the one before: it varies from the first entry on that holds a time."""
RESULTS = {
    "run_id": "drawn anew for every run",
    "blocks": "how many saw a quiet machine",
    "samples": "how many fitted into the time and were quiet",
    "latency_p50_ns": "time",
    "latency_p50_low_ns": "time",
    "latency_p50_high_ns": "time",
    "latency_p90_ns": "time",
    "latency_p99_ns": "time",
    "latency_first_ns": "time",
    "load_ns": "time",
    "latency_missing": "follows from the load of the machine",
    "throughput_per_s": "time",
    "speedup": "time",
    "speedup_low": "time",
    "speedup_high": "time",
    "speedup_contended": "time",
    "speedup_missing": "follows from the load of the machine",
    "verdict": "follows from times",
    "peak_rss_bytes": "memory of a process, its libraries' pages included",
    "steady_rss_bytes": "memory of a process, its libraries' pages included",
    "peak_heap_bytes": "the paths that a process was given are in it",
    "steady_heap_bytes": "the paths that a process was given are in it",
    "drift_per_minute_pct": "time",
    "drift_per_degree_pct": "time",
    "temperature_start_mc": "sensor",
    "temperature_max_mc": "sensor",
    "frequency_min_khz": "sensor",
    "frequency_max_khz": "sensor",
    "others_cpus": "load of the machine",
    "quiet_share_pct": "load of the machine",
    "valid": "follows from the load of the machine",
    "invalid_reason": "follows from the load of the machine",
    "started_at": "when the first block began",
}
LAYERS = {
    "run_id": "drawn anew for every run",
    "time_ns": "time",
    "share_pct": "time",
    "glue_ns": "time",
    "gops_per_s": "time",
    "gb_per_s": "time",
    "compute_peak_pct": "time",
    "memory_peak_pct": "time",
    "bound": "follows from times",
    "latency_plain_ns": "time",
    "latency_profiled_ns": "time",
}
EFFECTS = {"run_id": "drawn anew for every run"}
SAVINGS = {
    "run_id": "drawn anew for every run",
    "before_ns": "time",
    "after_ns": "time",
    "saved_ns": "time",
}

TIMED_METRICS = {"latency", "latency_p50", "peak_rss_bytes", "energy_per_inference"}
"""Metrics of effects and forecasts that are measured, not computed."""

FORECASTED = {
    "decisions": "ids of entries that hold such forecasts",
    "decision": "the id of such an entry",
}
"""Fields that vary besides where decisions carry forecasts of times, so where `probes` is above 0."""

ANSWERS = {
    "nodes_ns": "time",
    "latency_saved_ns": "time",
    "before_ns": "time",
    "after_ns": "time",
    "quiet_share": "load of the machine",
    "narrative": "sentences, times among them",
    "run_id": "drawn anew for every run",
    "manifest_sha256": "hash over everything, times included",
}
"""Fields of JSON answers and files, at any depth."""


def without(value, names):
    """Leaves fields out of a JSON value at any depth, and elements that speak of timed metrics."""
    match value:
        case dict():
            return {k: without(v, names) for k, v in value.items() if k not in names}
        case list():
            return [without(v, names) for v in value if not is_timed(v)]
    return value


def is_timed(value):
    """A forecast, effect or total of something that is measured."""
    if not isinstance(value, dict):
        return False
    expected = value.get("expected")
    nested = expected.get("metric") if isinstance(expected, dict) else None
    return bool({value.get("metric"), nested} & TIMED_METRICS)
