import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type EventKind, nexmark } from '../../../benchmarks/nexmark/generator.js';

const peer = resolve(import.meta.dirname, '../../../../shared/peers/nexmark/gen.mjs');
const kinds: readonly EventKind[] = ['person', 'auction', 'bid'];

/** The first events of every kind, as objects with their fields in one order. */
function events(seed: number, tickNs: number, count: number): Record<EventKind, unknown[]> {
  const world = nexmark(seed, tickNs);
  const of = (kind: EventKind) => {
    const rows = world.rows(kind, 0, 1, world.count(kind, count));
    return Array.from({ length: rows.length }, (_, i) => sorted(rows.value(i) as object));
  };
  return { person: of('person'), auction: of('auction'), bid: of('bid') };
}

const sorted = (row: object) => Object.fromEntries(Object.entries(row).sort(([a], [b]) => (a < b ? -1 : 1)));

test('the events of seed 42 are those that Flink’s golden results were made of', () => {
  const text = JSON.stringify(events(42, 1e6, 2_000));
  expect(createHash('sha256').update(text).digest('hex')).toBe('87bd24c77b0bf80ced5f3ed49813c6aff70f3d30dd4c3553641726537daaa4a4');
});

test('of every 50 events 1 is a person, 3 are auctions and 46 bids', () => {
  const world = nexmark(1, 1e6);
  for (const count of [0, 1, 3, 4, 5, 49, 50, 51, 1_007]) {
    const counts = kinds.map((kind) => world.count(kind, count));
    expect(counts.reduce((a, b) => a + b)).toBe(count);
    expect(counts[0]).toBe(Math.ceil(count / 50));
  }
});

test('an event is the same wherever a block begins and whatever is left out', () => {
  const world = nexmark(9, 1e6);
  const all = world.rows('bid', 0, 1, 500);
  const some = world.rows('bid', 7, 3, 100);
  for (let i = 0; i < 100; i++) expect(some.value(i)).toEqual(all.value(7 + 3 * i));
});

describe.skipIf(!existsSync(peer))('beside the peers’ generator', () => {
  test.each([[42, 1_000_000], [7, 10_000], [4_000_000_000, 2_500_000]])('seed %i with a tick of %i ns', async (seed, tickNs) => {
    const { generator } = (await import(peer)) as { generator: (seed: number, tickNs: number) => (i: number) => { type: EventKind } };
    const at = generator(seed, tickNs);
    const expected: Record<EventKind, unknown[]> = { person: [], auction: [], bid: [] };
    for (let i = 0; i < 10_000; i++) {
      const { type, ...event } = at(i);
      expected[type].push(sorted(event));
    }
    expect(events(seed, tickNs, 10_000)).toEqual(expected);
  });
});
