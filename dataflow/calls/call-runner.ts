import { serialize } from 'node:v8';
import type { Clock } from '../clock.js';
import { asHeadraceError, HeadraceError } from '../errors.js';
import { partitionHash } from '../partitioner.js';
import type { CallResult, QueuedCall } from './call-queue.js';

/** What a call may know of itself. */
export interface CallContext {
  /** The same in every attempt, also after a restart: give it to the other side, so that it can tell a repetition. */
  readonly key: string;
  /** Which attempt this is, from 1; attempts that a crash may have cut off count. */
  readonly attempt: number;
  /** Aborted at the time-out, and when the run stops. */
  readonly signal: AbortSignal;
}

/** How calls are made. Times in milliseconds. */
export interface CallSettings {
  readonly concurrency: number;
  readonly timeoutMs: number;
  readonly attempts: number;
  readonly backoff: { readonly least: number; readonly most: number };
  /** Whether an error is worth another attempt. */
  readonly isWorthRetry: (error: unknown) => boolean;
  readonly breaker: { readonly failures: number; readonly cooldownMs: number } | undefined;
  /** Stands in for a result when the attempts are used up or the breaker is open. */
  readonly fallback: ((input: unknown) => unknown) | undefined;
}

/** Makes calls. */
export interface CallRunner {
  /** `call` waits for an attempt. */
  wait(call: QueuedCall): void;
  /** Records the attempts that may be made before the next epoch; answers with the calls whose `attempts` went up. */
  record(): readonly QueuedCall[];
  /** The records are durable: makes attempts as far as there is room. */
  begin(): void;
  /** When `record` would allow an attempt (epoch milliseconds); Infinity: not before something else happens. */
  readonly wantsEpoch: number;
  /** `call` has come out by other means: a replay's. */
  forget(call: QueuedCall): void;
  /** Ends all attempts; nothing is answered any more. */
  stop(): void;
}

/** The window of recorded attempts grows up to so many times the concurrency, while they are used up before the next epoch. */
const largestWindow = 64;

/**
 * Makes the calls of one step in one task. An attempt is recorded, with the epoch that is being closed, before it is made; so a crash can never lead to more attempts than allowed.
 * How many are recorded ahead follows how many an epoch uses up.
 *
 * Source: M. Nygard, "Release It!", 2nd ed., 2018, section 5.3 (circuit breaker); M. Brooker, "Exponential backoff and jitter", AWS Architecture Blog, 2015 ("equal jitter").
 *
 * @param run makes one attempt
 * @param keyOf idempotency key of a call
 * @param answer takes the result of a call, once; a value comes as bytes that `deserialize` reads
 */
export function createCallRunner(options: {
  readonly settings: CallSettings;
  readonly clock: Clock;
  readonly run: (input: unknown, context: CallContext) => unknown;
  readonly keyOf: (call: QueuedCall) => string;
  readonly answer: (call: QueuedCall, result: CallResult, attempts: number) => void;
  readonly attempted: (failed: boolean) => void;
}): CallRunner {
  const { settings, clock } = options;
  const after = clock.after?.bind(clock);
  if (after === undefined) throw new HeadraceError('HR_ARGUMENT', 'An asynchronous step needs a clock with timers (`after`).');
  const waiting = new Set<QueuedCall>();
  // Recorded with the epoch that is being closed; once that is committed, their attempts may be made.
  const recorded: QueuedCall[] = [];
  const allowed: QueuedCall[] = [];
  const running = new Map<QueuedCall, { readonly controller: AbortController; readonly cancelTimer: () => void }>();
  const timers = new Set<() => void>();
  let window = 2 * settings.concurrency;
  let stopped = false;
  const breaker = { failures: 0, openUntil: Number.NEGATIVE_INFINITY };
  const isOpen = () => settings.breaker !== undefined && clock.now() < breaker.openUntil;
  // Behind the cooldown one attempt goes ahead; the others wait for what comes of it.
  const room = () => (settings.breaker !== undefined && breaker.failures >= settings.breaker.failures ? 1 : settings.concurrency) - running.size;

  const later = (ms: number, fire: () => void) => {
    const cancel = after(Math.max(1, ms), () => {
      timers.delete(cancel);
      fire();
    });
    timers.add(cancel);
    return () => {
      timers.delete(cancel);
      cancel();
    };
  };
  const answerDone = (call: QueuedCall, attempts: number, value: unknown, fallback: boolean) => {
    let bytes: Uint8Array;
    try {
      bytes = serialize(value);
    } catch (cause) {
      options.answer(call, { done: false, code: 'HR_CALL_RESULT', message: `The result cannot be stored: ${(cause as Error).message}` }, attempts);
      return;
    }
    options.answer(call, { done: true, value: bytes, fallback }, attempts);
  };
  /** No attempt is left, or the breaker is open: the fallback, or the failure. */
  const giveUp = (call: QueuedCall, attempts: number, code: string, message: string) => {
    if (settings.fallback === undefined) {
      options.answer(call, { done: false, code, message }, attempts);
      return;
    }
    const failed = (error: unknown) => options.answer(call, { done: false, code, message: `${message} The fallback failed too: ${asHeadraceError(error, 'HR_CALL_FAILED', {}).message}` }, attempts);
    Promise.resolve()
      .then(() => settings.fallback!(call.input))
      .then((value) => !stopped && answerDone(call, attempts, value, true), failed);
  };
  const failedAttempt = (call: QueuedCall, code: string, error: unknown) => {
    options.attempted(true);
    breaker.failures += 1;
    if (settings.breaker !== undefined && breaker.failures >= settings.breaker.failures) {
      breaker.openUntil = clock.now() + settings.breaker.cooldownMs;
      later(settings.breaker.cooldownMs, makeAttempts);
    }
    if (call.attempts >= settings.attempts || !settings.isWorthRetry(error)) {
      giveUp(call, call.attempts, code, asHeadraceError(error, 'HR_CALL_FAILED', {}).message);
      return;
    }
    const { least, most } = settings.backoff;
    const full = Math.min(most, least * 2 ** (call.attempts - 1));
    call.dueAt = clock.now() + Math.round(full / 2 + (full / 2) * chance(`${options.keyOf(call)} ${call.attempts}`));
    waiting.add(call);
  };
  const attempt = (call: QueuedCall) => {
    const controller = new AbortController();
    let over = false;
    const end = (settle: () => void) => {
      if (over || stopped) return;
      over = true;
      running.get(call)!.cancelTimer();
      running.delete(call);
      settle();
      makeAttempts();
    };
    const cancelTimer = Number.isFinite(settings.timeoutMs)
      ? later(settings.timeoutMs, () => {
          const error = new HeadraceError('HR_CALL_TIMEOUT', `No answer within ${settings.timeoutMs} ms.`);
          end(() => {
            controller.abort(error);
            failedAttempt(call, 'HR_CALL_TIMEOUT', error);
          });
        })
      : () => undefined;
    running.set(call, { controller, cancelTimer });
    Promise.resolve()
      .then(() => options.run(call.input, { key: options.keyOf(call), attempt: call.attempts, signal: controller.signal }))
      .then(
        (value) =>
          end(() => {
            options.attempted(false);
            breaker.failures = 0;
            answerDone(call, call.attempts, value, false);
          }),
        (error: unknown) => end(() => failedAttempt(call, 'HR_CALL_FAILED', error)),
      );
  };
  const makeAttempts = () => {
    if (stopped) return;
    if (!isOpen()) {
      for (const call of allowed.splice(0, Math.max(0, room()))) attempt(call);
    } else if (settings.fallback !== undefined) {
      const why = `${breaker.failures} attempts in a row have failed; no further one is made until the cooldown is over.`;
      for (const call of allowed.splice(0)) giveUp(call, call.attempts - 1, 'HR_CALL_BREAKER', why);
      for (const call of waiting) giveUp(call, call.attempts, 'HR_CALL_BREAKER', why);
      waiting.clear();
    }
  };
  const open = () => recorded.length + allowed.length + running.size;

  const runner: CallRunner = {
    wait(call) {
      // Its last attempt was recorded and never answered: nobody knows whether it was made.
      if (call.attempts >= settings.attempts) giveUp(call, call.attempts, 'HR_CALL_INTERRUPTED', `The run stopped during attempt ${call.attempts}, the last one.`);
      else waiting.add(call);
    },
    record() {
      if (allowed.length === 0 && waiting.size > 0) window = Math.min(2 * window, largestWindow * settings.concurrency);
      else if (allowed.length > window / 2) window = Math.max(2 * settings.concurrency, Math.floor(window / 2));
      const chosen: QueuedCall[] = [];
      if (isOpen()) return chosen;
      const now = clock.now();
      for (const call of waiting) {
        if (open() >= window) break;
        if (call.dueAt > now) continue;
        waiting.delete(call);
        call.attempts += 1;
        recorded.push(call);
        chosen.push(call);
      }
      return chosen;
    },
    begin() {
      allowed.push(...recorded.splice(0));
      makeAttempts();
    },
    get wantsEpoch() {
      if (waiting.size === 0 || open() >= window) return Number.POSITIVE_INFINITY;
      let due = Number.POSITIVE_INFINITY;
      for (const call of waiting) if (call.dueAt < due) due = call.dueAt;
      return isOpen() ? Math.max(due, breaker.openUntil) : due;
    },
    forget(call) {
      waiting.delete(call);
      const at = recorded.indexOf(call);
      if (at >= 0) recorded.splice(at, 1);
    },
    stop() {
      stopped = true;
      for (const { controller } of running.values()) controller.abort(new HeadraceError('HR_CALL_INTERRUPTED', 'The run stops.'));
      for (const cancel of timers) cancel();
      running.clear();
    },
  };
  return runner;
}

/** A number in [0, 1) that is the same for one text: jitter that tests and restarts can repeat. */
function chance(text: string): number {
  const bytes = Buffer.from(text);
  return (partitionHash(bytes, 0, bytes.length) >>> 0) / 2 ** 32;
}
