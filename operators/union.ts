import type { Observable } from 'rxjs';
import type { Batch, Unkeyed } from '../dataflow/batch.js';
import { HeadraceError } from '../dataflow/errors.js';
import { meetStreams } from '../dataflow/joins/meet-streams.js';
import type { Signal } from '../dataflow/signal.js';

/**
 * Joins streams of one record type into one stream.
 *
 * *When to use*: to treat the records of several topics or branches alike. *Details*: the watermark is the smallest of the
 * inputs; idle inputs do not hold it back. Within a tick the records of the first stream come first. The result has no key: `keyBy`
 * comes after. *State*: none; the records of a tick wait in memory until it is over. *Errors*: HR_ARGUMENT without streams.
 *
 * @example union(from(webClicks), from(appClicks)).pipe(keyBy('by-user', (c) => c.userId))
 * @see split
 */
export function union<T, S extends string = string>(...streams: readonly Observable<Signal<T, unknown, S>>[]): Observable<Signal<T, Unkeyed, S>> {
  if (streams.length === 0) throw new HeadraceError('HR_ARGUMENT', 'union needs at least one stream.');
  return meetStreams(streams as readonly Observable<Signal<never, never>>[], { kind: 'union' }, () => ({
    onBatch: (_input, batch, emit) => emit(batch as Batch<T>),
  }));
}
