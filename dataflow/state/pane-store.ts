import { HeadraceError } from '../errors.js';
import type { KeyedBy } from '../batch.js';
import type { GroupLabels } from '../accumulators/pane.js';
import type { StateTable } from './state-table.js';

/** State of one stretch of event time. */
export interface StoredPane {
  /** Bytes held, roughly. */
  readonly bytes: number;
  /** What changed since the last call, as bytes for `restore`; undefined when nothing did. `all`: everything. */
  delta(all?: boolean): Uint8Array | undefined;
  /** Applies what `delta` wrote, in order. */
  restore(bytes: Uint8Array): void;
}

/** What a step keeps beside its panes. The watermark is event time that had been reached: a restart gives it again, and that must not count as progress. */
export interface StepMeta {
  readonly watermark?: number | undefined;
}

/** What a windowed step keeps beside its panes. */
export interface PaneMeta extends StepMeta {
  readonly keyedBy?: KeyedBy | undefined;
  readonly closedTo?: number | undefined;
  readonly endedTo?: number | undefined;
  readonly fired?: readonly (readonly [number, FiredMeta])[];
}

/** A window that has fired and can still be corrected. */
export interface FiredMeta {
  readonly rows: readonly (readonly [number, number])[];
  readonly revisions: readonly (readonly [string, number])[];
  readonly touched: readonly (readonly [string, { readonly start: number; readonly row: number }])[];
}

/** Panes in a state table: a pane is a snapshot and the changes since, so that an epoch writes what changed and a restart reads a few blocks. */
export interface PaneStore<P extends StoredPane, M extends StepMeta> {
  load(): { panes: Map<number, P>; meta: Partial<M> };
  save(panes: ReadonlyMap<number, P>, meta: M): void;
  /** Forgets a pane. */
  drop(start: number): void;
}

interface Blocks {
  count: number;
  bytes: number;
}

const metaKey = 0;
const paneKey = 1;
const watermarkKey = 2;

/** What a pane store has to know of the panes. */
export interface PaneStoreOptions<P> {
  /** In words: state of another layout does not fit. */
  readonly layout: string;
  /** Texts that the panes share. */
  readonly labels?: GroupLabels;
  /** An empty pane that begins at `start`. */
  create(start: number): P;
}

/**
 * @param task panes belong to a task, since keys do
 * @throws HR_STATE_MISMATCH from `load` when the state was written with another layout
 */
export function createPaneStore<P extends StoredPane, M extends StepMeta>(table: StateTable, task: number, options: PaneStoreOptions<P>): PaneStore<P, M> {
  const { layout, labels = [] } = options;
  table.declare(layout);
  const blocks = new Map<number, Blocks>();
  let savedMeta = '';
  let savedWatermark: number | undefined;
  const prefix = (kind: number) => {
    const key = Buffer.alloc(3);
    key.writeUInt16BE(task, 0);
    key[2] = kind;
    return key;
  };
  const key = (start: number, block: number) => {
    const tail = Buffer.alloc(12);
    tail.writeBigUInt64BE(BigInt(start) + (1n << 63n), 0);
    tail.writeUInt32BE(block, 8);
    return Buffer.concat([prefix(paneKey), tail]);
  };
  const drop = (start: number) => {
    const known = blocks.get(start);
    for (let i = 0; i < (known?.count ?? 0); i++) table.delete(key(start, i));
    blocks.delete(start);
  };
  return {
    load() {
      const panes = new Map<number, P>();
      const stored = table.get(prefix(metaKey));
      if (stored === undefined) return { panes, meta: {} };
      savedMeta = Buffer.from(stored).toString();
      const meta = JSON.parse(savedMeta) as M & { layout: string; labels: (string[] | null)[] };
      if (meta.layout !== layout) throw new HeadraceError('HR_STATE_MISMATCH', 'The stored state belongs to another definition of the step.');
      meta.labels.forEach((texts, t) => {
        for (const text of texts ?? []) labels[t]!.intern(Buffer.from(text), 0, Buffer.byteLength(text));
      });
      for (const entry of table.range(prefix(paneKey), prefix(paneKey + 1))) {
        const bytes = Buffer.from(entry.key);
        const start = Number(bytes.readBigUInt64BE(3) - (1n << 63n));
        let pane = panes.get(start);
        if (pane === undefined) panes.set(start, (pane = options.create(start)));
        pane.restore(entry.value);
        const known = blocks.get(start) ?? { count: 0, bytes: 0 };
        blocks.set(start, { count: bytes.readUInt32BE(11) + 1, bytes: known.bytes + entry.value.length });
      }
      const reached = table.get(prefix(watermarkKey));
      savedWatermark = reached === undefined ? undefined : Buffer.from(reached).readDoubleLE(0);
      return { panes, meta: { ...meta, watermark: savedWatermark } };
    },
    save(panes, { watermark, ...meta }) {
      if (watermark !== undefined && watermark !== savedWatermark) {
        const bytes = Buffer.alloc(8);
        bytes.writeDoubleLE(watermark);
        table.put(prefix(watermarkKey), bytes);
        savedWatermark = watermark;
      }
      for (const [start, pane] of panes) {
        const known = blocks.get(start);
        const delta = pane.delta();
        if (delta === undefined) continue;
        // A snapshot when the changes have grown to twice of what it takes: each byte is rewritten a bounded number of times.
        if (known !== undefined && known.bytes + delta.length > 2 * pane.bytes + 65_536) {
          drop(start);
          const snapshot = pane.delta(true)!;
          table.put(key(start, 0), snapshot);
          blocks.set(start, { count: 1, bytes: snapshot.length });
        } else {
          const block = known ?? { count: 0, bytes: 0 };
          table.put(key(start, block.count), delta);
          blocks.set(start, { count: block.count + 1, bytes: block.bytes + delta.length });
        }
      }
      const text = JSON.stringify({
        ...meta,
        layout,
        labels: labels.map((l) => (l === undefined ? null : Array.from({ length: l.size }, (_, i) => Buffer.from(l.key(i)).toString()))),
      });
      if (text !== savedMeta) table.put(prefix(metaKey), Buffer.from(text));
      savedMeta = text;
    },
    drop,
  };
}
