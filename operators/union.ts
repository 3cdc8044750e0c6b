import { Observable, share, type Subscription } from 'rxjs';
import { asHeadraceError, HeadraceError } from '../dataflow/errors.js';
import type { Signal } from '../dataflow/signal.js';
import { createWatermarkMerge } from '../dataflow/watermark-merge.js';
import { defineStep, type Step, stepOf } from '../dataflow/step.js';
import type { Exchange } from '../dataflow/task-context.js';

/**
 * Joins streams of one record type into one stream.
 *
 * *When to use*: to treat the records of several topics or branches alike. *Details*: the watermark is the smallest of the
 * inputs; idle inputs do not hold it back. Within a tick the records of the first stream come first. The result has no key: `keyBy`
 * comes after. *Errors*: HR_ARGUMENT without streams.
 *
 * @example union(from(webClicks), from(appClicks)).pipe(keyBy('by-user', (c) => c.userId))
 * @see split
 */
export function union<T>(...streams: readonly Observable<Signal<T, unknown>>[]): Observable<Signal<T>> {
  if (streams.length === 0) throw new HeadraceError('HR_ARGUMENT', 'union needs at least one stream.');
  let step: Step;
  const stream = new Observable<Signal<T>>((subscriber) => {
    const watermarks = createWatermarkMerge(streams.length);
    const seen = { open: 0, barrier: 0, close: 0 };
    // Batches of all streams but the first, until their tick ends: however a tick is cut into batches, the order is the same.
    const held: Signal<T>[][] = streams.map(() => []);
    const release = () => {
      for (const batches of held) for (const batch of batches.splice(0)) subscriber.next(batch);
    };
    const arrive = (input: number, signal: Signal<T, unknown>) => {
      if (signal.kind === 'watermark') release();
      if (signal.kind === 'batch') {
        if (input === 0) subscriber.next(signal as Signal<T>);
        else held[input]!.push(signal as Signal<T>);
      } else if (signal.kind === 'watermark') {
        const merged = watermarks.update(input, signal.time, signal.idle ?? false);
        if (merged !== undefined) subscriber.next(merged);
      } else {
        seen[signal.kind] += 1;
        if (seen[signal.kind] < streams.length) return;
        seen[signal.kind] = 0;
        if (signal.kind === 'open') signal.context.atTickEnd(release);
        subscriber.next(signal.kind === 'open' ? { ...signal, partitionedBy: undefined } : (signal as Signal<T>));
      }
    };
    const subscriptions: Subscription[] = streams.map((input, i) => {
      // An input with fewer exchanges before it is ahead of the others: its signals wait for their tick.
      const waits = (stepOf(input)?.depth ?? 0) < step.depth;
      let exchange: Exchange | undefined;
      return input.subscribe({
        next(signal) {
          try {
            if (signal.kind === 'open' && waits) {
              exchange = signal.context.local(`${step.id}/${i}`);
              exchange.receive((arrived) => {
                if (arrived.kind === 'batch' || arrived.kind === 'watermark') arrive(i, arrived as Signal<T>);
              });
              arrive(i, signal);
            } else if (exchange !== undefined && signal.kind === 'batch') exchange.send(0, signal.batch);
            else if (exchange !== undefined && signal.kind === 'watermark') exchange.watermark(signal.time, signal.idle ?? false);
            else arrive(i, signal);
          } catch (error) {
            subscriber.error(asHeadraceError(error, 'HR_STEP', { step: step.id }));
          }
        },
        error: (error: unknown) => subscriber.error(error),
        complete: () => subscriber.complete(),
      });
    });
    return () => {
      for (const s of subscriptions) s.unsubscribe();
    };
  }).pipe(share());
  step = defineStep(stream, streams, { kind: 'union' }).step;
  return stream;
}
