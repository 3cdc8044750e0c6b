import type { Batch } from '../../dataflow/batch.js';
import type { Signal } from '../../dataflow/signal.js';
import type { Exchange } from '../../dataflow/task-context.js';
import type { WatermarkMerge } from '../../dataflow/watermark-merge.js';

/** What one task sends to another through one exchange within one tick, in order. */
export interface Parcel {
  readonly exchange: string;
  readonly stage: number;
  readonly tick: number;
  readonly from: number;
  readonly to: number;
  readonly signals: ExchangeSignal[];
}

/** Records or watermarks on their way. */
export type ExchangeSignal = { readonly batch: Batch<unknown> } | { readonly watermark: number; readonly idle: boolean };

/** One task's end of an exchange: sends to other tasks, and merges what they send by the smallest watermark. */
export interface ExchangePort extends Exchange {
  readonly id: string;
  /** Where it stands among the exchanges of the graph: it gets nothing from those of its own stage or a later one. */
  readonly stage: number;
  /** It ends in the task where it begins. */
  readonly isLocal: boolean;
  /** Place in the order of exchanges of the same stage. */
  readonly order: number;
  /** Signals that arrived, in the order of ticks and senders. */
  deliver(from: number, signal: ExchangeSignal): void;
  /** Tells what comes behind the watermark that is known from before. */
  reopen(): void;
  /** Barrier and close, which the run brings to every task itself. */
  control(signal: Signal<unknown, unknown>): void;
}

/**
 * @param watermarks merges those of the tasks that send
 * @param receivers tasks that it can send to; `send(i)` means the i-th of them
 * @param post takes a signal for a task; an entry of the same tick, sender and receiver is one parcel
 */
export function createExchangePort(options: {
  readonly id: string;
  readonly stage: number;
  readonly isLocal: boolean;
  readonly order: number;
  readonly watermarks: WatermarkMerge;
  readonly post: (to: number, signal: ExchangeSignal) => void;
  readonly receivers: readonly number[];
}): ExchangePort {
  const { watermarks } = options;
  let next: ((signal: Signal<unknown, unknown>) => void) | undefined;
  const push = (signal: Signal<unknown, unknown>) => {
    if (next === undefined) throw new Error(`exchange ${options.id} has no receiver`);
    next(signal);
  };
  return {
    id: options.id,
    stage: options.stage,
    isLocal: options.isLocal,
    order: options.order,
    send: (task, batch) => options.post(options.receivers[task]!, { batch }),
    watermark(time, isIdle) {
      for (const task of options.receivers) options.post(task, { watermark: time, idle: isIdle });
    },
    receive(receiver) {
      next = receiver;
    },
    deliver(sender, signal) {
      const from = options.isLocal ? 0 : sender;
      if ('batch' in signal) {
        push({ kind: 'batch', batch: signal.batch });
        return;
      }
      const merged = watermarks.update(from, signal.watermark, signal.idle);
      if (merged !== undefined) push(merged);
    },
    reopen() {
      if (watermarks.last !== undefined) push(watermarks.last);
    },
    control: push,
  };
}
