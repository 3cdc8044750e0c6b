import { Batch, type BatchRows } from '../dataflow/batch.js';
import type { AggregateNode, Leaf } from '../dataflow/aggregates/aggregate.js';
import { type FeatureSet, paneMs, tileRanges } from '../dataflow/features/features.js';
import { mask } from '../dataflow/expression.js';
import type { LogClient } from '../dataflow/ports/log-client.js';
import type { RecordBlock } from '../dataflow/record-block.js';
import { offsetAt } from '../dataflow/record-block.js';
import { definition } from '../dataflow/topic.js';
import { cell } from '../schemas/column.js';
import { unknownFeature } from './top-features.js';

/** An event that counts towards a feature. */
export interface ExplainedEvent {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly timestamp: number;
}

/** A pane of the window, with the events in it. */
export interface ExplainedPane {
  readonly start: number;
  readonly end: number;
  readonly events: readonly ExplainedEvent[];
}

/** Reads blocks of the set's topic as rows. */
export type ReadRows = (block: RecordBlock, partition: number) => Promise<readonly BatchRows[]>;

/**
 * The panes and events that make a feature, found by reading the topic that the set is declared of.
 *
 * @param feature such as `clicks_24h` or `clicks_24h{Comedy}`
 * @param at epoch ms, a multiple of 5 minutes
 * @param origin tells where an event was read first, when the topic is made from another one
 * @throws HR_FEATURE when the set has no such feature
 */
export async function explainFeature(
  set: FeatureSet,
  options: {
    readonly log: LogClient;
    readonly partitions: number;
    readonly readRows: ReadRows;
    readonly entity: string;
    readonly feature: string;
    readonly at: number;
    readonly origin?: (row: Record<string, unknown>, event: ExplainedEvent) => ExplainedEvent;
  },
): Promise<ExplainedPane[]> {
  const match = /^(.+)_([^_{]+)(?:\{(.*)\})?$/.exec(options.feature);
  const window = set.windows.find((w) => w.name === match?.[2]);
  const field = set.layout.fields.find((f) => f.name === match?.[1]);
  if (window === undefined || field?.node === undefined) {
    throw unknownFeature(set, options.feature, set.layout.fields.flatMap((f) => set.windows.map((w) => `${f.name}_${w.name}`)));
  }
  const leaves = leavesOf(field.node);
  const group = field.node.kind === 'leaf' ? match?.[3] : undefined;
  const ranges = tileRanges(window, options.at).filter((r) => r.from < r.to);
  const from = ranges[0]?.from ?? options.at;
  const topic = set.of.topic[definition].name;
  const panes = new Map<number, ExplainedEvent[]>();
  for (let partition = 0; partition < options.partitions; partition++) {
    for (let offset = await options.log.seek(topic, partition, from); ; ) {
      const block = await options.log.read(topic, partition, offset);
      if (block === undefined) break;
      offset = offsetAt(block, block.count - 1) + 1;
      for (const rows of await options.readRows(block, partition)) {
        const batch = new Batch<never>(rows, new Float64Array(rows.length));
        const times = batch.field(set.of.topic[definition].time ?? 'timestamp');
        const keys = batch.column(set.key as never);
        const condition = set.of.condition && mask(batch, set.of.condition as never);
        for (let i = 0; i < batch.length; i++) {
          const time = cell(times, i) as number;
          if (time < from || time >= options.at || (condition !== undefined && !condition[i]) || cell(keys, i) !== options.entity) continue;
          if (!leaves.some((leaf) => counts(leaf, batch, i, group))) continue;
          const size = ranges.find((r) => time >= r.from && time < r.to)!.pane;
          const start = Math.floor(time / size) * size;
          const place = rows.place(i);
          const event = { topic, partition: place.partition!, offset: place.offset!, timestamp: time };
          const list = panes.get(start) ?? panes.set(start, []).get(start)!;
          list.push(options.origin === undefined ? event : options.origin(rows.value(i) as Record<string, unknown>, event));
        }
      }
    }
  }
  return [...panes].sort(([a], [b]) => a - b).map(([start, events]) => ({
    start,
    end: start + (ranges.find((r) => start >= r.from && start < r.to)?.pane ?? paneMs.small),
    events: events.sort((a, b) => a.timestamp - b.timestamp || a.partition - b.partition || a.offset - b.offset),
  }));
}

function leavesOf(node: AggregateNode): readonly Leaf[] {
  if (node.kind === 'ratio') return [...leavesOf(node.over), ...leavesOf(node.under)];
  return node.kind === 'derived' ? node.parts.flatMap(leavesOf) : [node.leaf];
}

function counts(leaf: Leaf, batch: Batch<never>, row: number, group: string | undefined): boolean {
  if (leaf.where !== undefined && !mask(batch, leaf.where)[row]) return false;
  if (leaf.of !== undefined && cell(batch.column(leaf.of), row) === null) return false;
  return group === undefined || (leaf.by !== undefined && String(cell(batch.column(leaf.by.of), row)) === group);
}
