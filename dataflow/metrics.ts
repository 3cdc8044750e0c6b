/** Every metric: its name in Prometheus form, its type, what it is told apart `by`, and what it counts. The docs page is made from this table. */
export const metricTable = {
  headrace_records_in_total: { type: 'counter', by: 'step', help: 'Records read from input topics.' },
  headrace_records_out_total: { type: 'counter', by: 'topic', help: 'Records written to topics.' },
  headrace_records_combined_total: { type: 'counter', by: 'step', help: 'Records that were added up by key before they went to the task of their key.' },
  headrace_records_late_total: { type: 'counter', by: 'step', help: 'Records later than the lateness of their window; they went to the late output.' },
  headrace_records_skipped_total: { type: 'counter', by: 'step', help: 'Records left out by an error policy skip.' },
  headrace_dead_letters_total: { type: 'counter', by: 'step', help: 'Records set aside in dead-letter topics.' },
  headrace_corrections_total: { type: 'counter', by: 'step', help: 'Window results emitted again because of a late record.' },
  headrace_call_attempts_total: { type: 'counter', by: 'step', help: 'Attempts of calls that asynchronous steps have made.' },
  headrace_call_failures_total: { type: 'counter', by: 'step', help: 'Attempts of calls that failed or ran into their time-out.' },
  headrace_calls_waiting: { type: 'gauge', by: 'step', help: 'Inputs of an asynchronous step that have not come out.' },
  headrace_training_passed_total: { type: 'counter', by: 'step', help: 'Intervals whose candidate has passed the gate.' },
  headrace_training_rejected_total: { type: 'counter', by: 'step', help: 'Intervals whose candidate was rejected.' },
  headrace_training_held_total: { type: 'counter', by: 'step', help: 'Intervals that gave no candidate, or one that could not be judged.' },
  headrace_training_late_rows: { type: 'gauge', by: 'step', help: 'Examples since the start of the run that came when their interval was closed; they count for the next one.' },
  headrace_feature_age_ms: { type: 'gauge', by: 'feature', help: 'Age of the newest event in the features of a set when they were looked up: the 99th percentile of the last interval.' },
  headrace_feature_mismatch_ratio: { type: 'gauge', by: 'feature', help: 'Share of the served values of the last interval that are not what their events say.' },
  headrace_feature_missing_ratio: { type: 'gauge', by: 'feature', help: 'Share of the values of the last interval that were not served, though there are events.' },
  headrace_feature_smape: { type: 'gauge', by: 'feature', help: 'Symmetric mean absolute percentage error of the served values of the last interval, from 0 to 2.' },
  headrace_features_republished_total: { type: 'counter', by: 'step', help: 'Entities that were published again, since the feature store had lost what was published, or is new to the pipeline.' },
  headrace_decisions_duplicate_total: { type: 'counter', by: 'step', help: 'Decisions of an id that was there already; they are left out.' },
  headrace_outcomes_unknown_total: { type: 'counter', by: 'step', help: 'Outcomes of decisions that did not come.' },
  headrace_outcomes_late_total: { type: 'counter', by: 'step', help: 'Outcomes after the attribution window, or that came when the row of their decision had gone out.' },
  headrace_outcomes_early_total: { type: 'counter', by: 'step', help: 'Outcomes further before their decision than is tolerated.' },
  headrace_outcomes_duplicate_total: { type: 'counter', by: 'step', help: 'Outcomes whose id was there already.' },
  headrace_outcomes_no_slot_total: { type: 'counter', by: 'step', help: 'Outcomes of a slot that their decision does not have.' },
  headrace_epochs_total: { type: 'counter', by: '', help: 'Epochs committed.' },
  headrace_commit_seconds_total: { type: 'counter', by: '', help: 'Seconds spent in commits.' },
  headrace_state_bytes: { type: 'gauge', by: '', help: 'Bytes of keyed state written by the last epochs.' },
  headrace_state_rows: { type: 'gauge', by: 'step', help: 'Rows, keys or times that a step holds in memory, those included that wait to be dropped with others.' },
  headrace_warehouse_records_total: { type: 'counter', by: 'table', help: 'Records that `toWarehouse` has copied to a table of the warehouse.' },
  headrace_watermark_delay_ms: { type: 'gauge', by: '', help: 'Newest event time seen less the watermark.' },
  headrace_event_delay_ms: { type: 'gauge', by: '', help: 'Clock less the newest event time of the last epoch: how old the newest record is that results tell of.' },
  headrace_input_lag_records: { type: 'gauge', by: 'partition', help: 'Records of an input partition that are not processed: its end less the committed position. There is one for each partition that this process has.' },
  headrace_tasks_taken_total: { type: 'counter', by: '', help: 'Tasks that this process has opened since it was given them: at its start, and when others came or went.' },
  headrace_tasks_given_back_total: { type: 'counter', by: '', help: 'Tasks that this process has closed since others were given them, or could have been.' },
  headrace_assigned_partitions: { type: 'gauge', by: '', help: 'Input partitions that this process has.' },
  headrace_epoch: { type: 'gauge', by: '', help: 'Number of the last epoch that was committed.' },
  headrace_last_commit_timestamp_seconds: { type: 'gauge', by: '', help: 'When it was committed (Unix time).' },
  headrace_ready: { type: 'gauge', by: '', help: '1 while the process is connected, has its partitions and has restored their state, else 0.' },
} as const;

/** What a metric is told apart by; `partition`: the second name of its values is TOPIC/NUMBER, `feature`: MODEL/SET or MODEL/SET/FEATURE. */
export type MetricLabel = '' | 'feature' | 'step' | 'table' | 'topic' | 'partition';

/** A name of the table. */
export type MetricName = keyof typeof metricTable;

/** Counts by metric, and by step, topic or partition as the table says. */
export interface Metrics {
  add(name: MetricName, step: string, by: number): void;
  set(name: MetricName, step: string, value: number): void;
  /** Forgets all values of a metric. */
  clear(name: MetricName): void;
  /** All values so far. */
  snapshot(): readonly { readonly name: MetricName; readonly step: string; readonly value: number }[];
}

/** Metrics kept in memory. */
export function createMetrics(): Metrics {
  const values = new Map<MetricName, Map<string, number>>();
  const of = (name: MetricName) => {
    let steps = values.get(name);
    if (steps === undefined) values.set(name, (steps = new Map()));
    return steps;
  };
  return {
    add(name, step, by) {
      const steps = of(name);
      steps.set(step, (steps.get(step) ?? 0) + by);
    },
    set(name, step, value) {
      of(name).set(step, value);
    },
    clear: (name) => void values.delete(name),
    snapshot: () => [...values].flatMap(([name, steps]) => [...steps].map(([step, value]) => ({ name, step, value }))),
  };
}
