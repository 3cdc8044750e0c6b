import { Observable, share, type OperatorFunction } from 'rxjs';
import type { Batch } from '../dataflow/batch.js';
import { asHeadraceError, type HeadraceError } from '../dataflow/errors.js';
import type { Combiner } from '../dataflow/combining.js';
import type { Signal, WatermarkSignal } from '../dataflow/signal.js';
import { stateRows } from '../dataflow/state/state-rows.js';
import { defineStep, type Step, type StepOptions } from '../dataflow/step.js';
import type { TaskContext } from '../dataflow/task-context.js';

/** An operator between streams; `S` and `SOut` are the ids of the steps so far, before and behind it. */
export type Operator<In, Out, KIn = unknown, KOut = KIn, S extends string = string, SOut extends string = S> = OperatorFunction<Signal<In, KIn, S>, Signal<Out, KOut, SOut>>;

/** Hands a batch on. */
export type Emit<Out> = (batch: Batch<Out, unknown>) => void;

/** How records come to a step. */
export interface StepInput {
  /** The field that decides the task of a record, when all records with one value are in one task. */
  readonly partitionedBy: string | undefined;
  /** The step before brings records from other tasks: adds them up with this before they leave. What was added up comes in batches of its own. */
  readonly combine: ((combiner: Combiner) => void) | undefined;
}

/** What a step does with each signal. What is left out passes the signal on and does nothing else. */
export interface Handlers<In, Out> {
  /** Before anything else: restore state here. `emit` and `pass` may be kept, for processing-time timers and watermarks that were held. `input`: how records come. */
  onOpen?(context: TaskContext, emit: Emit<Out>, pass: (watermark: WatermarkSignal) => void, input: StepInput): void;
  /** Records; emit what becomes of them. */
  onBatch(batch: Batch<In, unknown>, emit: Emit<Out>): void;
  /** Event time has reached `time`; emit what is due, then the watermark is passed on, unless the answer is `'held'`: then the step passes it on itself, later. */
  onWatermark?(time: number, emit: Emit<Out>, watermark: WatermarkSignal): void | 'held';
  /** The epoch ends: put changed state into the task's tables. The answer, if there is one, is how many rows the step holds: the metric `headrace_state_rows`. */
  onBarrier?(epoch: number, emit: Emit<Out>): number | void;
  /** The stream ends. */
  onClose?(reason: 'end' | 'reassigned' | 'shutdown', emit: Emit<Out>): void;
}

/** `StepOptions` and what the operator does to the partitioning. */
export interface OperateOptions extends StepOptions {
  /** Whether a record leaves with the key fields it came with, so that a following `keyBy` of the same field needs no exchange. */
  readonly keepsPartitioning: boolean;
}

/**
 * The one way to write an operator: handlers for the signals. Control signals are forwarded once each and in order;
 * an exception in a handler ends the stream with its step and code.
 *
 * @param options what the step is
 * @param create makes the handlers and their state, once a task
 */
export function operate<In, Out, K = unknown, KOut = K>(options: OperateOptions, create: (step: Step) => Handlers<In, Out>): Operator<In, Out, K, KOut, string, never> {
  return (source) => {
    let step: Step;
    const stream = new Observable<Signal<Out, KOut, never>>((subscriber) => {
      const handlers = create(step);
      const emit: Emit<Out> = (batch) => subscriber.next({ kind: 'batch', batch: batch as Batch<Out, KOut> });
      const pass = (watermark: WatermarkSignal): void => subscriber.next(watermark);
      let context: TaskContext | undefined;
      const tellRows = stateRows();
      return source.subscribe({
        next(signal) {
          try {
            switch (signal.kind) {
              case 'batch':
                handlers.onBatch(signal.batch, emit);
                return;
              case 'open':
                context = signal.context;
                handlers.onOpen?.(signal.context, emit, pass, { partitionedBy: signal.partitionedBy, combine: signal.combining?.of === source ? signal.combining.combine : undefined });
                subscriber.next(options.keepsPartitioning || signal.partitionedBy === undefined ? signal : { ...signal, partitionedBy: undefined });
                return;
              case 'watermark':
                if (handlers.onWatermark?.(signal.time, emit, signal) === 'held') return;
                break;
              case 'barrier':
                tellRows(context!, step.id, handlers.onBarrier?.(signal.epoch, emit));
                break;
              case 'close':
                handlers.onClose?.(signal.reason, emit);
                break;
            }
            subscriber.next(signal);
          } catch (error) {
            subscriber.error(asHeadraceError(error, 'HR_STEP', { pipeline: context?.pipeline, step: step.id }));
          }
        },
        error: (error: unknown) => subscriber.error(error),
        complete: () => subscriber.complete(),
      });
    }).pipe(share());
    step = defineStep(stream, [source], options).step;
    return stream;
  };
}

/**
 * Applies the step's error policy to one record.
 *
 * @throws the error itself under `fail`
 */
export function reject(step: Step, context: TaskContext, batch: Batch<unknown>, row: number, error: unknown): void {
  const place = { ...batch.rows.place(row), pipeline: context.pipeline, step: step.id };
  const coded: HeadraceError = asHeadraceError(error, 'HR_STEP', place);
  if (step.onError === 'fail') throw coded;
  if (step.onError === 'deadLetter') {
    context.deadLetter(step.id, batch, row, coded);
    context.warn(`dead letter ${step.id}`, `${coded.format()}\n  The record is in topic ${step.id}.dlq; further ones are counted, not printed.`);
  } else {
    context.metrics.add('headrace_records_skipped_total', step.id, 1);
    context.warn(`skip ${step.id}`, `${coded.format()}\n  The record is left out; further ones are counted, not printed.`);
  }
}
