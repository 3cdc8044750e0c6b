import type { Pipeline } from '../../dataflow/pipeline.js';
import type { AnyTopic } from '../../dataflow/topic.js';
import type { EventKind } from './generator.js';

/** A Nexmark query: the pipeline, and how its result is written down. */
export interface Query {
  /** @param longestAuctionMs bounds what belongs together in event time */
  pipeline(longestAuctionMs: number): Pipeline;
  readonly reads: readonly EventKind[];
  /** A small topic beside the events; its rows have a field `since` as event time. */
  readonly table?: { readonly topic: string; readonly rows: readonly { readonly since: number }[] };
  readonly result: AnyTopic;
  /** The columns of the result, in the order of the SELECT. */
  line(row: never): readonly (string | number)[];
  /** Key of a row that replaces the earlier one with the same key. Without it rows are only added. */
  key?(row: never): string;
}
