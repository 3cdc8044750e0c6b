import fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import { openEmbedded, type EmbeddedRuntime } from '../../../connectors/embedded/embedded-runtime.js';
import type { StateWrite } from '../../../dataflow/ports/log-client.js';
import { maxKeyBytes } from '../../../dataflow/ports/state-backend.js';
import { temporaryDirectory } from './temporary-directory.js';

interface Opened extends EmbeddedRuntime {
  readonly dataDir: string;
  commit(pipeline: string, state: readonly StateWrite[]): Promise<void>;
}

function opened(): Opened {
  const dataDir = temporaryDirectory();
  const runtime = openEmbedded({ dataDir, mode: 'write' });
  onTestFinished(() => runtime.close());
  const epochs = new Map<string, number>();
  return {
    ...runtime,
    dataDir,
    async commit(pipeline, state) {
      const epoch = (epochs.get(pipeline) ?? 0) + 1;
      await runtime.log.commit({ pipeline, epoch, outputs: [], state, positions: [], journal: [] });
      epochs.set(pipeline, epoch);
    },
  };
}

const utf8 = (text: string): Uint8Array => Buffer.from(text);
const text = (bytes: Uint8Array | undefined): string | undefined => bytes && Buffer.from(bytes).toString();

test('state is found by pipeline, step and key', async () => {
  const { state, commit } = opened();
  await commit('p', [{ step: 'a', key: utf8('k'), value: utf8('p.a') }, { step: 'b', key: utf8('k'), value: utf8('p.b') }]);
  await commit('q', [{ step: 'a', key: utf8('k'), value: utf8('q.a') }]);
  expect(text(state.get('p', 'a', utf8('k')))).toBe('p.a');
  expect(text(state.get('p', 'b', utf8('k')))).toBe('p.b');
  expect(text(state.get('q', 'a', utf8('k')))).toBe('q.a');
  expect(state.get('q', 'b', utf8('k'))).toBeUndefined();
  expect(state.get('p', 'a', utf8('kk'))).toBeUndefined();
  expect(state.steps('p')).toEqual(['a', 'b']);
  expect(state.steps('q')).toEqual(['a']);
  expect(state.steps('none')).toEqual([]);
  expect(state.steps('')).toEqual([]);
});

test('the last write of an epoch counts, and null deletes', async () => {
  const { state, commit } = opened();
  await commit('p', [{ step: 'a', key: utf8('x'), value: utf8('1') }, { step: 'a', key: utf8('x'), value: utf8('2') }, { step: 'a', key: utf8('gone'), value: null }]);
  expect(text(state.get('p', 'a', utf8('x')))).toBe('2');
  await commit('p', [{ step: 'a', key: utf8('x'), value: null }]);
  expect(state.get('p', 'a', utf8('x'))).toBeUndefined();
  expect(state.steps('p')).toEqual([]);
});

test('values stay valid after later reads and commits', async () => {
  const { state, commit } = opened();
  await commit('p', Array.from({ length: 200 }, (_, i) => ({ step: 'a', key: utf8(`k${i}`), value: Buffer.alloc(i * 37, i) })));
  const values = Array.from({ length: 200 }, (_, i) => state.get('p', 'a', utf8(`k${i}`))!);
  const ranged = [...state.range('p', 'a', utf8(''))];
  await commit('p', Array.from({ length: 200 }, (_, i) => ({ step: 'a', key: utf8(`k${i}`), value: Buffer.alloc(i * 37, 255) })));
  for (const [i, value] of values.entries()) {
    expect(value.length).toBe(i * 37);
    expect(value.every((b) => b === i)).toBe(true);
  }
  for (const { key, value } of ranged) expect(value.every((b) => b === Number(text(key)!.slice(1)))).toBe(true);
});

test('state behaves as an ordered map of bytes', async () => {
  const { state, commit } = opened();
  const key = fc.uint8Array({ maxLength: 3 });
  let pipelines = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(fc.array(fc.tuple(key, fc.option(fc.uint8Array({ maxLength: 40 }), { nil: null })), { maxLength: 10 }), { maxLength: 5 }), key, fc.option(key, { nil: undefined }), async (epochs, from, to) => {
      const pipeline = `p${pipelines++}`;
      const model = new Map<string, Uint8Array>();
      for (const writes of epochs) {
        await commit(pipeline, writes.flatMap(([k, value]) => ['s', 'other'].map((step) => ({ step, key: k, value }))));
        for (const [k, value] of writes) {
          if (value === null) model.delete(Buffer.from(k).toString('hex'));
          else model.set(Buffer.from(k).toString('hex'), value);
        }
      }
      const hex = (b: Uint8Array): string => Buffer.from(b).toString('hex');
      const expected = [...model].filter(([k]) => k >= hex(from) && (to === undefined || k < hex(to))).sort(([a], [b]) => (a < b ? -1 : 1));
      expect([...state.range(pipeline, 's', from, to)].map((e) => [hex(e.key), hex(e.value)])).toEqual(expected.map(([k, v]) => [k, hex(v)]));
      for (const [k, v] of model) expect(hex(state.get(pipeline, 's', Buffer.from(k, 'hex'))!)).toBe(hex(v));
    }),
    { numRuns: 40 },
  );
});

test('a range may be left early and read beside other reads', async () => {
  const { state, commit } = opened();
  await commit('p', Array.from({ length: 100 }, (_, i) => ({ step: 'a', key: utf8(String(i).padStart(3, '0')), value: utf8(String(i)) })));
  const seen = [];
  for (const { key, value } of state.range('p', 'a', utf8('010'))) {
    seen.push(text(key));
    expect(text(state.get('p', 'a', key))).toBe(text(value));
    if (seen.length === 3) break;
  }
  expect(seen).toEqual(['010', '011', '012']);
  await commit('p', [{ step: 'a', key: utf8('new'), value: utf8('x') }]);
  expect(text(state.get('p', 'a', utf8('new')))).toBe('x');
});

test('a key of the largest size works, a longer one is refused', async () => {
  const { state, commit } = opened();
  const key = Buffer.alloc(maxKeyBytes, 7);
  await commit('p', [{ step: 'a', key, value: utf8('v') }]);
  expect(text(state.get('p', 'a', key))).toBe('v');
  const longer = Buffer.alloc(maxKeyBytes + 1);
  await expect(commit('p', [{ step: 'a', key: longer, value: utf8('v') }])).rejects.toMatchObject({ code: 'HR_ARGUMENT' });
  expect(() => state.get('p', 'a', longer)).toThrow(expect.objectContaining({ code: 'HR_ARGUMENT' }));
});

test('a reader sees a commit after refresh', async () => {
  const { commit, dataDir } = opened();
  const { state, close } = openEmbedded({ dataDir, mode: 'read' });
  onTestFinished(close);
  expect(state.get('p', 'a', utf8('k'))).toBeUndefined();
  await commit('p', [{ step: 'a', key: utf8('k'), value: utf8('1') }]);
  state.refresh();
  expect(text(state.get('p', 'a', utf8('k')))).toBe('1');
});
