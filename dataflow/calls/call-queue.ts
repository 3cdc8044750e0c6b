import { deserialize, serialize } from 'node:v8';
import type { StringColumn } from '../../schemas/column.js';
import { stringColumn } from '../../schemas/column.js';
import { Batch, type KeyedBy, objectRows } from '../batch.js';
import type { WatermarkSignal } from '../signal.js';
import type { StateTable } from '../state/state-table.js';

/** How a call ended: with a value, or with what it failed of. */
export type CallResult = { readonly done: true; readonly value: unknown; readonly fallback: boolean } | { readonly done: false; readonly code: string; readonly message: string };

/** An input that has not come out, and how far its call is. */
export interface QueuedCall {
  /** Number among all inputs of the task, from 0. */
  readonly seq: number;
  readonly input: unknown;
  /** Event time of the input. */
  readonly time: number;
  readonly key: string | null;
  /** Attempts that were recorded before they were made; one of them may not have been made. */
  attempts: number;
  /** The next attempt is not due before (epoch milliseconds). */
  dueAt: number;
  /** What came of it, where it waits for its turn. */
  result: CallResult | undefined;
}

/** The inputs of an asynchronous step in their order, and the watermarks between them. */
export interface CallQueue {
  readonly size: number;
  get(seq: number): QueuedCall | undefined;
  /** All inputs that are waiting, oldest first. */
  calls(): Iterable<QueuedCall>;
  add(batch: Batch<unknown>): QueuedCall[];
  /** Puts a watermark behind all inputs so far. */
  watermark(signal: WatermarkSignal): void;
  /** `call` has to be saved again. */
  changed(call: QueuedCall): void;
  /** Emits what has a result and may come out, and the watermarks that nothing holds back any more. */
  release(row: (call: QueuedCall) => unknown, emit: (batch: Batch<unknown>) => void, pass: (watermark: WatermarkSignal) => void): void;
  save(): void;
}

/** A watermark that stands before the input with number `before`. */
interface Mark {
  readonly before: number;
  readonly time: number;
  readonly idle: boolean;
}

interface Meta {
  readonly next: number;
  readonly marks: readonly Mark[];
  /** The last watermark that went on, the end of the input aside. */
  readonly passed: WatermarkSignal | undefined;
  readonly keyedBy: KeyedBy | undefined;
}

const callKind = 0;
const metaKind = 1;

/**
 * @param table state of the step
 * @param ordered whether results come out in the order of their inputs; else as they come, and only watermarks wait
 */
export function createCallQueue({ table, task, ordered }: { readonly table: StateTable; readonly task: number; readonly ordered: boolean }): CallQueue {
  const keyOf = (kind: number, seq = 0): Buffer => {
    const bytes = Buffer.alloc(11);
    bytes.writeUInt16BE(task);
    bytes[2] = kind;
    bytes.writeBigUInt64BE(BigInt(seq), 3);
    return bytes;
  };
  const stored = table.get(keyOf(metaKind));
  const meta: Meta = stored === undefined ? { next: 0, marks: [], passed: undefined, keyedBy: undefined } : (deserialize(stored) as Meta);
  let { next, passed, keyedBy } = meta;
  let marks = [...meta.marks];
  let metaChanged = false;
  // What comes behind has to know again how far time has come, before anything else.
  let repeat = passed;
  const calls = new Map<number, QueuedCall>();
  const toSave = new Set<QueuedCall>();
  const gone: number[] = [];
  const saved = new Set<number>();
  for (const { key, value } of table.range(keyOf(callKind), keyOf(metaKind))) {
    const seq = Number(Buffer.from(key).readBigUInt64BE(3));
    calls.set(seq, { seq, ...(deserialize(value) as Omit<QueuedCall, 'seq'>) });
    saved.add(seq);
  }

  const passUpTo = (seq: number, pass: (watermark: WatermarkSignal) => void) => {
    while (marks.length > 0 && marks[0]!.before <= seq) {
      const { time, idle } = marks.shift()!;
      const watermark: WatermarkSignal = { kind: 'watermark', time, ...(idle ? { idle } : {}) };
      if (Number.isFinite(time)) passed = watermark;
      metaChanged = true;
      pass(watermark);
    }
  };
  const batchOf = (some: readonly QueuedCall[], row: (call: QueuedCall) => unknown): Batch<unknown> => {
    const key: StringColumn | undefined = keyedBy && stringColumn(some.map((c) => c.key));
    return new Batch(objectRows(some.map(row)), Float64Array.from(some, (c) => c.time), key, keyedBy);
  };
  return {
    get size() {
      return calls.size;
    },
    get: (seq) => calls.get(seq),
    calls: () => calls.values(),
    add(batch) {
      keyedBy ??= batch.keyedBy;
      metaChanged = true;
      return Array.from({ length: batch.length }, (_, row) => {
        const call: QueuedCall = { seq: next++, input: batch.value(row), time: batch.times[row]!, key: batch.key === undefined ? null : batch.keyText(row), attempts: 0, dueAt: 0, result: undefined };
        calls.set(call.seq, call);
        toSave.add(call);
        return call;
      });
    },
    watermark({ time, idle = false }) {
      const last = marks.at(-1);
      // One watermark between two inputs is enough: there are never more marks than inputs, and one.
      if (last?.before === next) marks.pop();
      marks.push({ before: next, time, idle });
      metaChanged = true;
    },
    changed: (call) => void toSave.add(call),
    release(row, emit, pass) {
      let out: QueuedCall[] = [];
      const flush = () => {
        if (out.length > 0) emit(batchOf(out, row));
        out = [];
      };
      if (repeat !== undefined) pass(repeat);
      repeat = undefined;
      for (const call of calls.values()) {
        if (call.result === undefined) {
          if (ordered) break;
          continue;
        }
        if (ordered && marks.length > 0 && marks[0]!.before <= call.seq) {
          flush();
          passUpTo(call.seq, pass);
        }
        out.push(call);
        calls.delete(call.seq);
        toSave.delete(call);
        if (saved.delete(call.seq)) gone.push(call.seq);
      }
      flush();
      const oldest = calls.values().next().value?.seq ?? next;
      passUpTo(oldest, pass);
    },
    save() {
      for (const seq of gone.splice(0)) table.delete(keyOf(callKind, seq));
      for (const { seq, ...call } of toSave) {
        table.put(keyOf(callKind, seq), serialize(call));
        saved.add(seq);
      }
      toSave.clear();
      if (metaChanged) table.put(keyOf(metaKind), serialize({ next, passed, marks: marks.filter((m) => Number.isFinite(m.time)), keyedBy } satisfies Meta));
      metaChanged = false;
    },
  };
}
