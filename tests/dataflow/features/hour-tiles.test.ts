/*
 * An hour's bytes have each small tile and the hour's where `placeTiles` says, whatever was changed before.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { hourKey, hourOf, hourTime, paneMs } from '../../../dataflow/features/features.js';
import { hourPlace, packHour, placeTiles, tilePlaces, tilesOf } from '../../../dataflow/features/hour-tiles.js';

const aTile = fc.uint8Array({ minLength: 1, maxLength: 300 });
const aChange = fc.record({ tiles: fc.dictionary(fc.integer({ min: 0, max: hourPlace - 1 }).map(String), aTile, { minKeys: 1, maxKeys: 4 }), hour: aTile });

test('the tiles of an hour are found as they were written last', () => {
  fc.assert(
    fc.property(fc.array(aChange, { minLength: 1, maxLength: 8 }), fc.integer({ min: -400_000, max: 500_000 }), (changes, hours) => {
      const start = hours * paneMs.large;
      const model = new Map<number, Uint8Array>();
      let stored: Uint8Array | undefined;
      let sum: Uint8Array | undefined;
      const places = tilePlaces();
      for (const { tiles, hour } of changes) {
        placeTiles(stored, places);
        expect(places.count).toBe(model.size);
        const panes: Uint8Array[] = [];
        for (const [pane, tile] of Object.entries(tiles)) {
          panes[Number(pane)] = tile;
          model.set(Number(pane), tile);
        }
        sum = model.size > 1 ? hour : Object.values(tiles)[0]!;
        stored = packHour(stored, places, panes, model.size > 1 ? hour : undefined);
      }
      const entity = Buffer.from('a\0b');
      const key = hourKey(entity, start);
      expect(hourOf(key, hourTime(entity))).toBe(start);
      const tiles = tilesOf({ range: (from, to) => (Buffer.compare(from, key) <= 0 && Buffer.compare(key, to!) < 0 ? [{ key, value: stored! }] : []) }, entity);
      placeTiles(stored, places);
      const found: number[] = [];
      for (let pane = 0; pane < hourPlace; pane++) {
        tiles.each(paneMs.small, start + pane * paneMs.small, start + (pane + 1) * paneMs.small, (bytes, at) => {
          expect(at).toBe(places.from[pane]);
          expect([...bytes.subarray(at, places.to[pane])]).toEqual([...model.get(pane)!]);
          found.push(pane);
        });
      }
      expect(found).toEqual([...model.keys()].sort((a, b) => a - b));
      let whole = 0;
      tiles.each(paneMs.large, start, start + paneMs.large, (bytes, at) => {
        expect([...bytes.subarray(at)]).toEqual([...sum!]);
        whole += 1;
      });
      tiles.each(paneMs.large, start + 1, start + paneMs.large, () => (whole += 1));
      expect(whole).toBe(1);
    }),
    { numRuns: 300 },
  );
});

test('the hours of an entity lie in the order of time, apart from those of others', () => {
  const keys = [hourKey(Buffer.from('a'), -paneMs.large), hourKey(Buffer.from('a'), 0), hourKey(Buffer.from('a'), 500_000 * paneMs.large), hourKey(Buffer.from('a'), 2 ** 53), hourKey(Buffer.from('a\0'), 0), hourKey(Buffer.from('ab'), Number.MIN_SAFE_INTEGER)];
  expect([...keys].sort((a, b) => Buffer.compare(a, b))).toEqual(keys);
});
