//! The columns of every CSV file, held by tests: other programs read them by name.

#[cfg(test)]
mod tests {
    use super::super::{
        comparison_csv, effects_csv, flow_csv, hits_csv, layers_csv, results_csv, robustness_csv,
        savings_csv,
    };
    use crate::attribution::example_explanation;
    use crate::report::compare::{ComparedVariant, RowMatch, RunComparison};
    use crate::report::example_rows::{example_facts, example_rows};
    use insta::assert_snapshot;
    use paring_core::schema::{LayerTable, LayerTime, SCHEMA, Sha256Hex};

    /// The header, eight columns a line.
    #[track_caller]
    fn header(file: Vec<u8>) -> String {
        let text = String::from_utf8(file).unwrap();
        let names: Vec<&str> = text.lines().next().unwrap_or_default().split(',').collect();
        names.chunks(8).map(|some| some.join(", ")).collect::<Vec<_>>().join(",\n")
    }

    #[test]
    fn results() {
        assert_snapshot!(header(results_csv(&example_facts(), &example_rows()).unwrap()), @"
        schema, study, run_id, variant, variant_id, parent, recipe, precision,
        precision_mix, components_removed, components_file, params, params_removed_pct, macs, sparsity_pct, file_bytes,
        target, board, arch, cpu, gpu_unused, emulated, engine, engine_options,
        batch, threads, streams, power_mode, governor, blocks, samples, latency_p50_ns,
        latency_p50_low_ns, latency_p50_high_ns, latency_p90_ns, latency_p99_ns, latency_first_ns, load_ns, latency_missing, throughput_per_s,
        speedup, speedup_low, speedup_high, speedup_contended, speedup_missing, verdict, peak_rss_bytes, steady_rss_bytes,
        peak_heap_bytes, steady_heap_bytes, model_bytes, packed_bytes, kernels, energy_per_inference_uj, energy_low_uj, energy_high_uj,
        energy_gross_uj, energy_power_mw, energy_idle_mw, energy_windows, energy_source, energy_coverage, energy_missing, drift_per_minute_pct,
        drift_per_degree_pct, sustained_first_p50_ns, sustained_last_p50_ns, sustained_change_pct, sustained_throttled_after_s, sustained_slower_after_s, sustained_place_first, sustained_place_last,
        sustained_missing, temperature_start_mc, temperature_max_mc, frequency_min_khz, frequency_max_khz, others_cpus, quiet_share_pct, valid,
        invalid_reason, metric, metric_value, metric_low, metric_high, metric_missing, metric_change, metric_change_low,
        metric_change_high, accuracy, f1_macro, ece, flips, flips_right_to_wrong, flips_wrong_to_right, flips_p_value,
        agreement, unusable, data_sha256, measurement_sha256, gate, gate_unmet, agent_version, started_at
        ");
    }

    #[test]
    fn layers() {
        let table = LayerTable {
            schema: SCHEMA,
            variant: "baseline".into(),
            variant_id: Sha256Hex::zeros(),
            target: "host".into(),
            emulated: false,
            batch: 1,
            runs: 20,
            plain_ns: 1.0,
            profiled_ns: 1.0,
            outside_ns: 0.0,
            layers: vec![LayerTime::default()],
        };
        assert_snapshot!(header(layers_csv(&example_facts(), &[table]).unwrap()), @"
        schema, study, run_id, variant, variant_id, target, emulated, batch,
        layer, module, operator, position, time_ns, share_pct, glue_ns, macs,
        bytes_moved, ops_per_byte, gops_per_s, gb_per_s, compute_peak_pct, memory_peak_pct, bound, kernels,
        latency_plain_ns, latency_profiled_ns
        ");
    }

    #[test]
    fn effects_and_savings() {
        let found = [example_explanation()];
        assert_snapshot!(header(effects_csv(&example_facts(), &found).unwrap()), @"
        schema, study, run_id, variant, variant_id, group, label, step,
        operation, layers, components, decisions, metric, of, target, emulated,
        unit, baseline, variant_value, solo, solo_low, solo_high, leave_one_out, leave_one_out_low,
        leave_one_out_high, shapley, shapley_low, shapley_high, shapley_error, sampling_sd, recipe_sd, together,
        together_low, together_high, draws, survives_reseeding, p_value, p_holm, p_benjamini_hochberg, method,
        missing, sound, unsound, data_sha256, measurement_sha256
        ");
        assert_snapshot!(header(savings_csv(&example_facts(), &found).unwrap()), @"
        schema, study, run_id, variant, variant_id, layer, scope, target,
        emulated, before_ns, after_ns, saved_ns, groups, decisions
        ");
    }

    #[test]
    fn insight() {
        assert_snapshot!(header(flow_csv(&[]).unwrap()), @"
        layer, tensor, model, channels, rows, mean, deviation, zeros,
        dead, effective_rank, similarity, head, head_entropy, head_distance
        ");
        assert_snapshot!(header(hits_csv(&[]).unwrap()), @"
        rank, sample, label, class_before, class_after, flip, probability_lost, region_same_label,
        region_accuracy_before, region_accuracy_after, region_samples
        ");
        assert_snapshot!(header(robustness_csv(&[]).unwrap()), @"
        variant, disturbance, strength, metric, samples, value, value_low, value_high,
        drop, drop_low, drop_high, change, change_low, change_high, excess, excess_low,
        excess_high, queries_p50, of, steps, restarts, gradients, without_own, range,
        sound, unsound
        ");
    }

    #[test]
    fn comparison() {
        let row = ComparedVariant {
            source: 1,
            matched_by: RowMatch::Alone,
            before: None,
            after: None,
            basis: None,
            change: None,
            verdict: None,
            not_comparable: vec![],
            accepted: vec![],
            figures: vec![],
            unjudged: vec![],
        };
        let comparison = RunComparison {
            schema: SCHEMA,
            sources: vec![],
            rows: vec![row],
            spread_pct: vec![],
            spread_rows: vec![],
            history: vec![],
        };
        assert_snapshot!(header(comparison_csv(&comparison).unwrap()), @"
        schema, before, after, variant, target, batch, threads, streams,
        matched_by, variant_id_before, variant_id_after, engine_before, engine_after, latency_p50_ns_before, latency_p50_ns_after, speedup_before,
        speedup_after, change, change_low, change_high, verdict, stands_on, metric_before, metric_after,
        peak_rss_bytes_before, peak_rss_bytes_after, file_bytes_before, file_bytes_after, energy_per_inference_uj_before, energy_per_inference_uj_after, metric_change, metric_change_low,
        metric_change_high, metric_verdict, metric_not_judged, size_change, size_change_low, size_change_high, size_verdict, size_not_judged,
        memory_change, memory_change_low, memory_change_high, memory_verdict, memory_not_judged, energy_change, energy_change_low, energy_change_high,
        energy_verdict, energy_not_judged, not_comparable, accepted
        ");
    }
}
