import fc from 'fast-check';
import { expect, test } from 'vitest';
import { changelogAssembler, changelogBlock } from '../../../../connectors/kafka/state/changelog.js';
import { snapshotRounds } from '../../../../connectors/kafka/state/snapshot-rounds.js';
import type { StateWrite } from '../../../../dataflow/ports/log-client.js';
import { memoryRuntime } from '../../../../runners/testing/memory-runtime.js';

const anyWrite: fc.Arbitrary<StateWrite> = fc.record({
  step: fc.constantFrom('a', 'b', '~sources'),
  key: fc.uint8Array({ minLength: 1, maxLength: 3 }),
  value: fc.option(fc.oneof(fc.uint8Array({ maxLength: 20 }), fc.integer({ min: 300_000, max: 1_200_000 }).map((n) => new Uint8Array(n).fill(n & 255))), { nil: null }),
});
const shown = (writes: readonly StateWrite[]) => writes.map(({ step, key, value }) => `${step} ${Buffer.from(key).toString('hex')} ${value === null ? 'deleted' : `${value.length} ${Buffer.from(value).toString('hex').slice(0, 80)}`}`);

test('the changes of epochs come back as they were, of any size, from any record on', () => {
  fc.assert(
    fc.property(fc.array(fc.array(anyWrite, { minLength: 1, maxLength: 5 }), { minLength: 1, maxLength: 4 }), fc.nat(3), (epochs, skipped) => {
      const blocks = epochs.map((writes, i) => changelogBlock(i + 1, writes, 5)!);
      const assemble = changelogAssembler();
      expect(blocks.flatMap(assemble).map(({ epoch, writes }) => [epoch, shown(writes)])).toEqual(epochs.map((writes, i) => [i + 1, shown(writes)]));
      // a reader that begins within an epoch misses it and has the others
      const [first, ...rest] = blocks;
      const cut = { ...first!, count: Math.max(0, first!.count - 1 - skipped), valueOffset: first!.valueOffset.subarray(1 + skipped), valueLength: first!.valueLength.subarray(1 + skipped) };
      expect([cut, ...rest].flatMap(changelogAssembler()).map(({ epoch }) => epoch)).toEqual(rest.map((_, i) => i + 2));
    }),
    { numRuns: 60 },
  );
  expect(changelogBlock(1, [], 5)).toBeUndefined();
});

test('from its last whole round on, the changelog makes up the state; what is before may be deleted', () => {
  const small = { roundBytes: 60, sliceBytes: 20 };
  const change = fc.record({ step: fc.constantFrom('a', 'b', 'c'), key: fc.integer({ min: 0, max: 30 }).map((n) => Buffer.of(n)), value: fc.option(fc.uint8Array({ maxLength: 12 }), { nil: null }) });
  let rounds = 0;
  fc.assert(
    fc.property(fc.array(fc.array(change, { maxLength: 6 }), { minLength: 5, maxLength: 60 }), (epochs) => {
      const { state, writeState } = memoryRuntime();
      const log: { readonly offset: number; readonly writes: readonly StateWrite[] }[] = [];
      const round = snapshotRounds(state, 'p', 0, small);
      epochs.forEach((changes, offset) => {
        const slice = round.slice(changes);
        // asked again before it is committed, it is the same
        expect(round.slice(changes)).toStrictEqual(slice);
        log.push({ offset, writes: [...slice, ...changes] });
        writeState('p', changes);
        const before = round.from;
        round.written(offset);
        if (round.from === before) return;
        rounds += 1;
        const restored = memoryRuntime();
        for (const { writes } of log.filter((entry) => entry.offset >= round.from)) restored.writeState('p', writes);
        const all = (of: typeof state) => ['a', 'b', 'c'].map((step) => [...of.range('p', step, new Uint8Array(0))].map((e) => [Buffer.from(e.key).toString('hex'), Buffer.from(e.value).toString('hex')]));
        expect(all(restored.state)).toEqual(all(state));
      });
    }),
    { numRuns: 200 },
  );
  expect(rounds).toBeGreaterThan(200);
});
