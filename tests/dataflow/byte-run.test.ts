import fc from 'fast-check';
import { expect, test } from 'vitest';
import { appendRun, createRunAssembler } from '../../dataflow/byte-run.js';
import { BlockWriter } from '../../dataflow/record-block.js';
import { sliceBlock } from '../../runners/engine/record-rows.js';
import { splitmix } from '../../dataflow/splitmix.js';

const bytesOf = (seed: number, size: number): Uint8Array => {
  const random = splitmix(seed);
  return Uint8Array.from({ length: size }, () => random.below(256));
};

test('runs come out as they went in, whatever the blocks are and whoever writes in between', () => {
  fc.assert(
    fc.property(fc.array(fc.record({ seed: fc.nat(), size: fc.oneof(fc.nat(100), fc.integer({ min: 520_000, max: 1_100_000 })) }), { minLength: 1, maxLength: 4 }), fc.integer({ min: 1, max: 5 }), fc.nat(), (runs, rows, seed) => {
      const lines = runs.map((run, i) => {
        const writer = new BlockWriter();
        appendRun(writer, Buffer.from(`run-${i}`), bytesOf(run.seed, run.size), 1);
        return { block: writer.take(), next: 0 };
      });
      // the records of all runs, each run in its order
      const random = splitmix(seed);
      const writer = new BlockWriter();
      const ends: { readonly key: string; readonly first: number; readonly last: number }[] = [];
      const firsts = new Map<number, number>();
      while (lines.some(({ block, next }) => next < block.count)) {
        const at = random.below(lines.length);
        const line = lines[at]!;
        if (line.next === line.block.count) continue;
        if (line.next === 0) firsts.set(at, writer.count);
        const value = line.block.bytes.slice(line.block.valueOffset[line.next]!, line.block.valueOffset[line.next]! + line.block.valueLength[line.next]!);
        writer.append(Buffer.from(`run-${at}`), value, 1);
        line.next += 1;
        if (line.next === line.block.count) ends.push({ key: `run-${at}`, first: firsts.get(at)!, last: writer.count - 1 });
      }
      const all = writer.take();
      const assembler = createRunAssembler();
      const found: { key: string; offset: number }[] = [];
      for (let from = 0; from < all.count; from += rows) {
        const to = Math.min(all.count, from + rows);
        for (const { key, bytes, offset } of assembler.take(sliceBlock(all, from, to))) {
          const { seed: of, size } = runs[Number(key.slice(4))]!;
          expect(Buffer.compare(bytes, bytesOf(of, size))).toBe(0);
          found.push({ key, offset });
        }
        const open = [...firsts].filter(([at, first]) => first < to && ends.find(({ key }) => key === `run-${at}`)!.last >= to).map(([, first]) => first);
        expect(assembler.pending).toBe(Math.min(Number.POSITIVE_INFINITY, ...open));
      }
      expect(found).toEqual(ends.map(({ key, first }) => ({ key, offset: first })));
    }),
    { numRuns: 8 },
  );
});

test('a run of which the beginning was not read is left out', () => {
  const writer = new BlockWriter();
  appendRun(writer, Buffer.from('long'), bytesOf(1, 1_200_000), 1);
  appendRun(writer, Buffer.from('whole'), bytesOf(2, 10), 1);
  const block = writer.take();
  expect(block.count).toBe(4);
  const assembler = createRunAssembler();
  expect(assembler.take(sliceBlock(block, 1, 4)).map(({ key }) => key)).toEqual(['whole']);
  expect(assembler.pending).toBe(Number.POSITIVE_INFINITY);
});
