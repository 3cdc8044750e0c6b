import avsc from 'avsc';
import type { Schema } from 'avsc';
import { expect, test } from 'vitest';
import { decode } from '../../benchmarks/decode.js';
import { peerClickBound, PeerClicks, peerClickSchema, peerEventTypes } from '../../benchmarks/peer-clicks.js';

const samples = [
  { eventId: 0, userId: 'u655', itemId: 'i15120', creatorId: 'c120', category: 0, eventType: 4, watchMs: 0, durationMs: 33390, timestamp: 1760000400000, surface: 'search', position: 41, partition: 3 },
  { eventId: 1, userId: 'u77662', itemId: 'i14057', creatorId: 'c4057', category: 17, eventType: 1, watchMs: 0, durationMs: 47563, timestamp: 1760000400003, surface: 'profile', position: 42, partition: 2 },
  { eventId: 2, userId: 'u12', itemId: 'i103', creatorId: 'c103', category: 7, eventType: 0, watchMs: 0, durationMs: 20560, timestamp: 1760000400006, surface: 'feed', position: 49, partition: 0 },
  { eventId: 12345, userId: 'u2753', itemId: 'i12609', creatorId: 'c2609', category: 9, eventType: 0, watchMs: 0, durationMs: 45876, timestamp: 1760000441150, surface: 'profile', position: 46, partition: 1 },
];

test('the sample events are those of the reference', () => {
  const clicks = new PeerClicks({ events: 20_000, seed: 42 });
  for (const sample of samples) expect(clicks.event(sample.eventId)).toEqual(sample);
});

test('tiles of 20,000 events have the checksums of the reference', () => {
  const clicks = new PeerClicks({ events: 20_000, seed: 42 });
  const users = new Map<string, number[]>();
  const items = new Map<string, number[]>();
  const tile = (tiles: Map<string, number[]>, key: string, n: number): number[] => {
    let t = tiles.get(key);
    if (t === undefined) tiles.set(key, (t = Array.from({ length: n }, () => 0)));
    return t;
  };
  for (let i = 0; i < clicks.events; i++) {
    const e = clicks.event(i);
    const window = e.timestamp - (e.timestamp % 300_000);
    const user = tile(users, `${e.userId}|${window}`, 30);
    const item = tile(items, `${e.itemId}|${window}`, 5);
    if (e.eventType < 5) user[e.eventType]! += 1;
    user[5]! += e.watchMs;
    user[6 + e.category]! += 1;
    const at = [0, 1, -1, 2, -1, 4][e.eventType]!;
    if (at >= 0) item[at]! += 1;
    item[3]! += e.watchMs;
  }
  expect(checksum(users, (t) => `${t.slice(0, 6).join('|')}|${t.slice(6).join(',')}`)).toEqual({ outputs: 14_625, checksum: 7010606764267746 });
  expect(checksum(items, (t) => t.join('|'))).toEqual({ outputs: 11_149, checksum: 4476167956649017 });
});

function checksum(tiles: ReadonlyMap<string, number[]>, text: (tile: number[]) => string): { outputs: number; checksum: number } {
  let sum = 0n;
  for (const [key, tile] of tiles) {
    let h1 = 0x811c9dc5;
    let h2 = 0x9747b28c;
    for (const x of Buffer.from(`${key}|${text(tile)}`)) {
      h1 = Math.imul(h1 ^ x, 16_777_619);
      h2 = Math.imul(h2 ^ x, 16_777_619);
    }
    sum += (BigInt(h2 & 0x1fffff) << 32n) | BigInt(h1 >>> 0);
  }
  return { outputs: tiles.size, checksum: Number(sum & ((1n << 53n) - 1n)) };
}

test('the encoder writes what avsc reads, flush events included', () => {
  const clicks = new PeerClicks({ events: 3_000, seed: 42 });
  const type = avsc.Type.forSchema(peerClickSchema as Schema);
  const bytes = Buffer.alloc(peerClickBound);
  for (let i = 0; i < clicks.count; i++) {
    const end = clicks.encode(i, bytes, 0);
    expect(end).toBeLessThanOrEqual(peerClickBound);
    const { partition, ...value } = clicks.event(i);
    expect({ ...(type.fromBuffer(bytes.subarray(0, end)) as object) }).toEqual({ ...value, eventType: peerEventTypes[value.eventType] });
    const key = clicks.encodeKey(bytes, 0);
    expect(bytes.toString('utf8', 0, key)).toBe(value.userId);
    if (i < clicks.events) expect(partition).toBe(Number(value.userId.slice(1)) % 4);
  }
});

test('the flush steps on by five minutes in each partition', () => {
  const clicks = new PeerClicks({ events: 3_000, seed: 42 });
  expect(clicks.count).toBe(3_064);
  expect(clicks.event(3_000 + 16 * 2 + 5)).toMatchObject({ userId: '~flush-2-5', itemId: '~flush-item-5', partition: 2, timestamp: 1760000400000 + 10_000 + 6 * 300_000 });
});

test('the benchmark decodes all records', async () => {
  const figures = await decode({ events: 10_000, seed: 42 });
  expect(figures).toMatchObject({ benchmark: 'decode', records: 10_064 });
  expect(figures['recordsPerCpuS']).toBeGreaterThan(0);
});
