import { expect, test } from 'vitest';
import { createWatermarkMerge } from '../../dataflow/watermark-merge.js';

test('the smallest watermark of the inputs goes on, and never back', () => {
  const merge = createWatermarkMerge(2);
  expect(merge.update(0, 10, false)).toBeUndefined();
  expect(merge.update(1, 5, false)).toEqual({ kind: 'watermark', time: 5 });
  expect(merge.update(1, 3, false)).toBeUndefined();
  expect(merge.update(1, 20, false)).toEqual({ kind: 'watermark', time: 10 });
});

test('an idle input holds nobody back until its next watermark; when all are idle, the furthest counts', () => {
  const merge = createWatermarkMerge(2);
  merge.update(0, 10, false);
  expect(merge.update(1, 5, true)).toEqual({ kind: 'watermark', time: 10 });
  expect(merge.update(1, 6, false)).toBeUndefined();
  expect(merge.update(0, 30, false)).toBeUndefined();
  expect(merge.update(1, 6, true)).toEqual({ kind: 'watermark', time: 30 });
  expect(merge.update(0, 40, true)).toEqual({ kind: 'watermark', time: 40, idle: true });
  // whoever waits for these inputs again has to hear of it
  expect(merge.update(1, 7, false)).toEqual({ kind: 'watermark', time: 40 });
  expect(merge.update(1, 41, false)).toEqual({ kind: 'watermark', time: 41 });
});

test('the end is an end only when every input has told it: an idle one may still give out what it has kept', () => {
  const merge = createWatermarkMerge(2);
  merge.update(0, 10, true);
  merge.update(1, 20, true);
  expect(merge.update(0, Number.POSITIVE_INFINITY, false)).toBeUndefined();
  expect(merge.update(1, Number.POSITIVE_INFINITY, false)).toEqual({ kind: 'watermark', time: Number.POSITIVE_INFINITY });
});

test('another one that is given what it knows goes on as it would', () => {
  const steps: readonly (readonly [number, number, boolean])[] = [[0, 10, false], [1, 5, true], [0, 12, true], [1, 6, false], [0, 30, false], [1, 40, false], [1, Number.POSITIVE_INFINITY, false]];
  for (let cut = 0; cut <= steps.length; cut++) {
    const whole = createWatermarkMerge(2);
    let last;
    for (const [input, time, idle] of steps.slice(0, cut)) last = whole.update(input, time, idle) ?? last;
    expect(whole.last).toEqual(last);
    const resumed = createWatermarkMerge(2, whole.pack());
    expect(resumed.last).toEqual(whole.last);
    for (const [input, time, idle] of steps.slice(cut)) expect(resumed.update(input, time, idle)).toEqual(whole.update(input, time, idle));
  }
  expect(createWatermarkMerge(3, createWatermarkMerge(2).pack()).last).toBeUndefined();
});
