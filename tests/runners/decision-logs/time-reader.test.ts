import fc from 'fast-check';
import { expect, test } from 'vitest';
import { timeReader } from '../../../runners/decision-logs/time-reader.js';
import { isoTime } from '../../../runners/import/civil-time.js';

const date = fc.date({ noInvalidDate: true, min: new Date('1000-01-01'), max: new Date('9999-12-31') });

test('times of any form are what the pattern reads', () => {
  const zone = fc.constantFrom('Z', '+00:00', '+0000', '-05:30', '+14:00', '', 'z');
  const written = fc.tuple(date, fc.constantFrom('T', ' ', '_'), fc.constantFrom(19, 20, 21, 22, 23), fc.constantFrom('', '4', '4567'), zone).map(([d, between, end, more, z]) => `${d.toISOString().replace('T', between).slice(0, end)}${end === 23 ? more : ''}${z}`);
  fc.assert(
    fc.property(fc.array(fc.oneof(written, fc.string(), written.map((t) => t.replace(/\d/, '7'))), { maxLength: 5 }), (texts) => {
      const read = timeReader();
      for (const text of texts) expect(read(text), text).toBe(isoTime(text.replace(' ', 'T')) ?? null);
    }),
    { numRuns: 2000 },
  );
});

test('numbers are epoch milliseconds; anything else is no time', () => {
  const read = timeReader();
  expect([read(undefined), read(7), read(0.5), read(true), read(''), read('2026-02-30T00:00:00Z'), read('2026-02-28T24:00:00Z')]).toEqual([undefined, 7, null, null, null, null, null]);
});
