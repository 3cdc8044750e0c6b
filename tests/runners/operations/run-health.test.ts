import { expect, test } from 'vitest';
import { createMetrics } from '../../../dataflow/metrics.js';
import { prometheusText } from '../../../runners/operations/prometheus-text.js';
import { runHealth } from '../../../runners/operations/run-health.js';
import { memoryRuntime } from '../../../runners/testing/memory-runtime.js';
import { BlockWriter } from '../../../dataflow/record-block.js';

const blockOf = (n: number) => {
  const writer = new BlockWriter();
  for (let i = 0; i < n; i++) writer.append(null, Buffer.from('x'), 1);
  return writer.take();
};

test('a run is ready when it is connected, has partitions and has restored them, and not while brokers are out of reach', async () => {
  const metrics = createMetrics();
  const health = runHealth(metrics, { now: () => 5_000 });
  const { log } = memoryRuntime();
  const steps: [() => void, boolean][] = [
    [() => health.connected(log), false],
    [() => health.assigned([{ topic: 'a', partition: 0 }], []), false],
    [() => health.restored(), true],
    [() => health.reachable(false), false],
    [() => health.reachable(true), true],
    [() => health.assigned([], []), false],
    [() => health.assigned([{ topic: 'a', partition: 1 }], []), false],
    [() => health.restored(), true],
    [() => health.ended(), false],
  ];
  for (const [step, ready] of steps) {
    step();
    expect(health.isReady).toBe(ready);
    expect(metrics.snapshot().find((m) => m.name === 'headrace_ready')?.value).toBe(ready ? 1 : 0);
  }
});

test('lag is that of the partitions which are assigned now, and grows while nothing is committed', async () => {
  const metrics = createMetrics();
  const health = runHealth(metrics, { now: () => 5_000 });
  const { log } = memoryRuntime();
  await log.createTopic('a', { partitions: 3 });
  await log.append([0, 1, 2].map((partition) => ({ topic: 'a', partition, block: blockOf(10) })));
  const lags = async () => {
    await health.measureLag(1_000);
    return Object.fromEntries(metrics.snapshot().filter((m) => m.name === 'headrace_input_lag_records').map((m) => [m.step, m.value]));
  };
  health.connected(log);
  health.assigned([0, 1].map((partition) => ({ topic: 'a', partition })), [{ topic: 'a', partition: 0, offset: 4 }]);
  expect(await lags()).toEqual({ 'a/0': 6, 'a/1': 10 });
  health.committed({ done: 14, total: 20, epoch: 2, positions: [{ topic: 'a', partition: 0, offset: 10 }, { topic: 'a', partition: 1, offset: 9 }], newest: 1, watermark: 1 });
  expect(await lags()).toEqual({ 'a/0': 0, 'a/1': 1 });
  await log.append([{ topic: 'a', partition: 0, block: blockOf(5) }]);
  expect(await lags()).toEqual({ 'a/0': 5, 'a/1': 1 });
  health.assigned([{ topic: 'a', partition: 2 }], []);
  expect(await lags()).toEqual({ 'a/2': 10 });
});

test('a log that does not answer holds nobody up, and is asked once', async () => {
  let asked = 0;
  const metrics = createMetrics();
  const health = runHealth(metrics, { now: () => 0 });
  health.connected({ ...memoryRuntime().log, bounds: () => ((asked += 1), new Promise(() => undefined)) });
  health.assigned([{ topic: 'a', partition: 0 }], []);
  await health.measureLag(1);
  await health.measureLag(1);
  expect(asked).toBe(1);
});

test('labels are escaped as Prometheus asks', () => {
  const metrics = createMetrics();
  metrics.add('headrace_records_out_total', 'a"b\\c\nd', 2);
  metrics.set('headrace_input_lag_records', 'x/y/3', 1);
  const text = prometheusText(metrics, 'p');
  expect(text).toContain('headrace_records_out_total{pipeline="p",topic="a\\"b\\\\c\\nd"} 2\n');
  expect(text).toContain('headrace_input_lag_records{pipeline="p",topic="x/y",partition="3"} 1\n');
  expect(text.match(/^# TYPE headrace_input_lag_records gauge$/gm)).toHaveLength(1);
});
