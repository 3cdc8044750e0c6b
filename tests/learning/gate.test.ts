import { describe, expect, test } from 'vitest';
import { normal } from '../../dataflow/normal.js';
import { splitmix } from '../../dataflow/splitmix.js';
import { gate, type GateInput } from '../../learning/gate.js';

/** A world in which a user and an item make a click: what a head that knows it would predict, and what is seen. */
function world(seed: number, n = 20_000) {
  const random = splitmix(seed);
  const draw = () => normal(random.unit);
  const tastes = Array.from({ length: 500 }, draw);
  const appeal = Array.from({ length: 200 }, draw);
  const users = Int32Array.from({ length: n }, () => random.below(500));
  const items = Int32Array.from({ length: n }, () => random.below(200));
  const context = Float64Array.from({ length: n }, draw);
  const logit = Float64Array.from({ length: n }, (_, i) => -2 + 0.5 * tastes[users[i]!]! + 0.8 * appeal[items[i]!]! + 0.6 * context[i]!);
  const clicks = Float64Array.from(logit, (z) => (random.unit() < 1 / (1 + Math.exp(-z)) ? 1 : 0));
  /** Scores of a head that is off by noise of this size. */
  const head = (noise: number, change: (z: number, i: number) => number = (z) => z) => Float64Array.from(logit, (z, i) => 1 / (1 + Math.exp(-change(z + noise * draw(), i))));
  const parameters = Float32Array.from({ length: 1_000 }, draw);
  return { users, items, clicks, context, appeal, head, parameters, random };
}

function inputOf(w: ReturnType<typeof world>, candidate: Float64Array, more: Partial<GateInput> = {}): GateInput {
  return {
    unseen: { champion: w.head(0.3), candidate, clicks: w.clicks, users: w.users, items: w.items },
    unseenFrom: 3_600_000,
    trainedTo: 3_599_999,
    parameters: { champion: w.parameters, candidate: w.parameters },
    seed: 1,
    ...more,
  };
}

const rejecting = (input: GateInput) => gate(input).checks.filter((c) => c.verdict === 'rejected').map((c) => c.name);

describe('bad candidates are rejected', () => {
  test.each([1, 2, 3])('in world %d', (seed) => {
    const w = world(seed);
    const shuffledLabels = Float64Array.from(w.clicks, () => 0.1 + 0.1 * w.random.unit());
    expect(rejecting(inputOf(w, shuffledLabels)), 'labels shuffled').toContain('entropy');
    expect(rejecting(inputOf(w, w.head(0.3, (z, i) => z - 0.6 * w.context[i]!))), 'a feature zeroed').toContain('entropy');
    expect(rejecting(inputOf(w, w.head(6), { parameters: { champion: w.parameters, candidate: w.parameters.map((p) => 40 * p) } })), 'learning rate times 100').toEqual(expect.arrayContaining(['entropy', 'norm']));
    expect(rejecting(inputOf(w, w.head(0.1), { trainedTo: 4_000_000 })), 'trained on the future').toContain('unseen');
    expect(rejecting(inputOf(w, Float64Array.from(w.clicks, (c) => (c > 0 ? 0.97 : 0.02)))), 'knows the answers').toContain('too good');
    expect(rejecting(inputOf(w, Float64Array.from(w.items, (item) => (w.appeal[item]! > 1.8 ? 0.6 : 0.05 + 0.001 * item / 200)))), 'collapsed to what is popular').toEqual(expect.arrayContaining(['entropy']));
    expect(rejecting(inputOf(w, w.head(0.3).map((p, i) => (i === 77 ? Number.NaN : p)))), 'NaN').toEqual(['finite']);
    expect(rejecting(inputOf(w, w.head(0.3, (z) => 2 * (z + 2) - 2.4))), 'over-confident').toContain('slope');
    expect(rejecting(inputOf(w, w.head(0.3, (z) => z + 0.2))), 'promises too much').toContain('calibration');
    expect(rejecting(inputOf(w, w.head(0.3), { replay: { ...inputOf(w, w.head(2)).unseen } })), 'has forgotten').toContain('replay entropy');
    expect(rejecting(inputOf(w, w.head(0.3), { latency: { champion: 70, candidate: 80 } }))).toEqual(['latency']);
    expect(rejecting(inputOf(w, w.head(0.3), { latency: { champion: 2, candidate: 4.5 } }))).toEqual(['latency']);
    expect(rejecting(inputOf(w, w.head(0.3), { latency: { champion: 0.1, candidate: 0.4 } }))).toEqual([]);
    expect(rejecting(inputOf(w, w.head(0.3), { policyValue: { difference: -0.02, low: -0.03, high: -0.01, slots: 900, effective: 300 } }))).toEqual(['policy value']);
    const segment = Uint8Array.from(w.items, (item) => (item < 40 ? 1 : 0));
    expect(rejecting(inputOf(w, w.head(0.3, (z, i) => (segment[i] === 1 ? z + 1.5 * (w.random.unit() - 0.5) * 3 : z)), { segments: { 'new items': segment } })), 'bad for new items').toContain('entropy of new items');
  });
});

test.each([
  { n: 3_000, worlds: 100 },
  { n: 20_000, worlds: 20 },
])('honest candidates pass at least 95 % of the time, on $n examples', ({ n, worlds }) => {
  let passed = 0;
  for (let seed = 1; seed <= worlds; seed++) {
    const w = world(1_000 + seed, n);
    const segment = Uint8Array.from(w.items, (item) => (item < 40 ? 1 : 0));
    if (gate(inputOf(w, w.head(0.28), { segments: { 'new items': segment } })).verdict === 'passed') passed += 1;
  }
  expect(passed).toBeGreaterThanOrEqual(0.95 * worlds);
});

test('an hour with too little to judge by holds the candidate', () => {
  const w = world(5, 300);
  const { verdict, checks } = gate(inputOf(w, w.head(0.3)));
  expect(verdict).toBe('held');
  expect(checks.find((c) => c.verdict === 'held')?.name).toBe('examples');
  const all = world(6, 2_000);
  expect(gate({ ...inputOf(all, all.head(0.3)), unseen: { ...inputOf(all, all.head(0.3)).unseen, clicks: new Float64Array(2_000).fill(1) } }).verdict).toBe('held');
});
