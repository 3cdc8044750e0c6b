import { Observable, share, type Subscription } from 'rxjs';
import type { Batch } from '../batch.js';
import { asHeadraceError } from '../errors.js';
import type { Signal, WatermarkSignal } from '../signal.js';
import { defineStep, type Step, type StepOptions, stepOf } from '../step.js';
import type { Exchange, TaskContext } from '../task-context.js';
import { stateRows } from '../state/state-rows.js';
import type { WatermarkMerge } from '../watermark-merge.js';

/** What a step with several inputs does with each signal. What is left out passes the signal on. */
export interface MeetingHandlers<Out> {
  /** Before anything else. `partitionedBy`: what decides the task of a record, for each input. The answer is the same for what comes behind. */
  onOpen?(context: TaskContext, partitionedBy: readonly (string | undefined)[]): string | undefined;
  /** Records of input number `input`. Within a tick those of the first input come first, then those of the second, … */
  onBatch(input: number, batch: Batch<unknown>, emit: (batch: Batch<Out>) => void): void;
  /** The watermark of all inputs together has moved to `time`. The answer is the watermark for what comes behind. */
  onWatermark?(time: number, emit: (batch: Batch<Out>) => void): number;
  /** The answer, if there is one, is how many rows the step holds. */
  onBarrier?(): number | void;
}

/**
 * A step where several streams meet, in one order that no cut of the input shows: an input with fewer exchanges before it waits for the others
 * (its signals are due with their tick), and within a tick the inputs come one after the other. Watermarks are merged by the least.
 *
 * @param create makes the handlers and their state, once a task
 */
export function meetStreams<Out, KOut>(streams: readonly Observable<Signal<never, never>>[], options: StepOptions, create: (step: Step) => MeetingHandlers<Out>): Observable<Signal<Out, KOut, never>> {
  let step: Step;
  const stream = new Observable<Signal<Out, KOut, never>>((subscriber) => {
    const handlers = create(step);
    let watermarks: WatermarkMerge;
    const tellRows = stateRows();
    let context: TaskContext | undefined;
    const seen = { open: 0, barrier: 0, close: 0 };
    const partitionedBy: (string | undefined)[] = streams.map(() => undefined);
    const emit = (batch: Batch<Out>) => subscriber.next({ kind: 'batch', batch: batch as Batch<Out, KOut> });
    // Batches of all streams but the first, until their tick ends: however a tick is cut into batches, the order is the same.
    const held: Batch<unknown>[][] = streams.map(() => []);
    const release = () => held.forEach((batches, input) => {
      for (const batch of batches.splice(0)) handlers.onBatch(input, batch, emit);
    });
    const forward = (merged: WatermarkSignal) => {
      const time = handlers.onWatermark?.(merged.time, emit) ?? merged.time;
      subscriber.next(time === merged.time ? merged : { ...merged, time });
    };
    const arrive = (input: number, signal: Signal<unknown, unknown>) => {
      switch (signal.kind) {
        case 'batch':
          if (input === 0) handlers.onBatch(0, signal.batch, emit);
          else held[input]!.push(signal.batch);
          return;
        case 'watermark': {
          release();
          const merged = watermarks.update(input, signal.time, signal.idle ?? false);
          if (merged !== undefined) forward(merged);
          return;
        }
        case 'open':
          partitionedBy[input] = signal.partitionedBy;
          if (++seen.open < streams.length) return;
          context = signal.context;
          watermarks = context.watermarks(step.id, streams.length);
          signal.context.atTickEnd(release);
          subscriber.next({ ...signal, partitionedBy: handlers.onOpen?.(signal.context, partitionedBy) });
          if (watermarks.last !== undefined) forward(watermarks.last);
          return;
        case 'barrier':
        case 'close':
          if (++seen[signal.kind] < streams.length) return;
          seen[signal.kind] = 0;
          if (signal.kind === 'barrier') tellRows(context!, step.id, handlers.onBarrier?.());
          subscriber.next(signal as Signal<Out, KOut, never>);
      }
    };
    const guarded = (work: () => void) => {
      try {
        work();
      } catch (error) {
        subscriber.error(asHeadraceError(error, 'HR_STEP', { step: step.id }));
      }
    };
    const subscriptions: Subscription[] = streams.map((input, i) => {
      // An input with fewer exchanges before it is ahead of the others: its signals wait for their tick.
      const waits = (stepOf(input)?.depth ?? 0) < step.depth;
      let exchange: Exchange | undefined;
      return input.subscribe({
        next: (signal: Signal<unknown, unknown>) =>
          guarded(() => {
            if (signal.kind === 'open' && waits) {
              exchange = signal.context.local(`${step.id}/${i}`);
              exchange.receive((arrived) => {
                if (arrived.kind === 'batch' || arrived.kind === 'watermark') guarded(() => arrive(i, arrived));
              });
              arrive(i, signal);
            } else if (exchange !== undefined && signal.kind === 'batch') exchange.send(0, signal.batch);
            else if (exchange !== undefined && signal.kind === 'watermark') exchange.watermark(signal.time, signal.idle ?? false);
            else arrive(i, signal);
          }),
        error: (error: unknown) => subscriber.error(error),
        complete: () => subscriber.complete(),
      });
    });
    return () => {
      for (const s of subscriptions) s.unsubscribe();
    };
  }).pipe(share());
  step = defineStep(stream, streams, options).step;
  return stream;
}
