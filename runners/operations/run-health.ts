import type { Clock } from '../../dataflow/clock.js';
import type { Metrics } from '../../dataflow/metrics.js';
import type { LogClient, Position } from '../../dataflow/ports/log-client.js';
import type { JobProgress, RunObserver } from '../engine/job.js';
import type { InputName } from '../engine/task-group.js';

/** Whether a run can do its work. */
export interface Readiness {
  readonly connected: boolean;
  /** Input partitions that this process has; none until they are known. */
  readonly assigned: readonly string[];
  readonly restored: boolean;
}

/** How a run stands, as it tells itself. */
export interface RunHealth extends RunObserver {
  committed(progress: JobProgress): void;
  readiness(): Readiness;
  readonly isReady: boolean;
  /** Brings the lag of each input up to date, if the log answers within `ms`. */
  measureLag(ms: number): Promise<void>;
}

/** Keeps the gauges of a run: what it has, how far it is behind, and when it last committed. */
export function runHealth(metrics: Metrics, clock: Clock): RunHealth {
  let log: LogClient | undefined;
  let isReachable = true;
  let inputs: readonly InputName[] = [];
  let isRestored = false;
  let measuring: Promise<void> | undefined;
  const positions = new Map<string, number>();
  const name = ({ topic, partition }: InputName) => `${topic}/${partition}`;
  const isReady = () => log !== undefined && isReachable && inputs.length > 0 && isRestored;
  const tell = () => {
    metrics.set('headrace_ready', '', isReady() ? 1 : 0);
    metrics.set('headrace_assigned_partitions', '', inputs.length);
  };
  const keep = (known: readonly Position[]) => {
    for (const position of known) positions.set(name(position), position.offset);
  };
  const measure = async (from: LogClient): Promise<void> => {
    const lags: [string, number][] = [];
    for (const input of inputs) {
      if (log === undefined) return;
      const { start, end } = await from.bounds(input.topic, input.partition);
      lags.push([name(input), Math.max(0, end - (positions.get(name(input)) ?? start))]);
    }
    metrics.clear('headrace_input_lag_records');
    for (const [input, lag] of lags) metrics.set('headrace_input_lag_records', input, lag);
  };
  tell();
  return {
    connected(opened) {
      log = opened;
      tell();
    },
    reachable(is) {
      isReachable = is;
      tell();
    },
    assigned(now, committed) {
      inputs = now;
      isRestored = false;
      keep(committed);
      tell();
    },
    restored() {
      isRestored = true;
      tell();
    },
    ended() {
      log = undefined;
      tell();
    },
    committed({ epoch, positions: reached, newest }) {
      keep(reached);
      metrics.set('headrace_epoch', '', epoch);
      metrics.set('headrace_last_commit_timestamp_seconds', '', clock.now() / 1e3);
      if (Number.isFinite(newest)) metrics.set('headrace_event_delay_ms', '', clock.now() - newest);
    },
    readiness: () => ({ connected: log !== undefined && isReachable, assigned: inputs.map(name), restored: isRestored }),
    get isReady() {
      return isReady();
    },
    async measureLag(ms) {
      if (log === undefined) return;
      // a log that does not answer is asked once, however often this is called
      measuring ??= measure(log)
        // what is wrong with the log the run itself meets and tells
        .catch(() => undefined)
        .finally(() => (measuring = undefined));
      let timer: NodeJS.Timeout | undefined;
      await Promise.race([measuring, new Promise<void>((resolve) => (timer = setTimeout(resolve, ms)))]);
      clearTimeout(timer);
    },
  };
}
