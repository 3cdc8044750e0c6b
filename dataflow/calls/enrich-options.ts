import type { CallSettings } from './call-runner.js';
import { type Duration, durationMs } from '../duration.js';
import { HeadraceError } from '../errors.js';
import { checkOptions } from '../known-options.js';

/** Settings of `enrich`. */
export interface EnrichOptions<T, R> {
  /** Calls under way at one time, in each task. @default 16 */
  readonly concurrency?: number;
  /** An attempt without an answer for so long has failed; its signal is aborted. @default '30s' */
  readonly timeout?: Duration | 'never';
  /** `'ordered'`: outcomes in the order of their inputs. `'unordered'`: as they come, behind no watermark that came after their input. @default 'ordered' */
  readonly order?: 'ordered' | 'unordered';
  /** Inputs that wait or are under way, in each task, from which on the sources pause. @default 1,000, at least twice the concurrency */
  readonly capacity?: number;
  readonly retry?: {
    /** Attempts of an input, those included that a crash cut off. @default 3 */
    readonly attempts?: number;
    /** Pause after the first failure and longest pause; it doubles from attempt to attempt, and up to half of it is left to chance. @default '100ms..30s' */
    readonly backoff?: `${Duration}..${Duration}`;
    /** Whether an error is worth another attempt. @default all are */
    readonly when?: (error: unknown) => boolean;
  };
  /** After so many failed attempts in a row no call is made for the cooldown; inputs wait, or take the fallback if there is one. @default none */
  readonly breaker?: { readonly failures: number; readonly cooldown: Duration };
  /** Gives a result where the call has none: after the last attempt, or while the breaker is open. */
  readonly fallback?: (input: T) => R | Promise<R>;
}

/**
 * Options as the runner of calls takes them, with their defaults.
 *
 * @param what names the step in errors
 * @throws HR_ARGUMENT, HR_DURATION
 */
export function callSettings(options: EnrichOptions<unknown, unknown>, what: string): CallSettings {
  const { retry = {}, breaker } = options;
  checkOptions(retry, ['attempts', 'backoff', 'when'], `${what}: retry`);
  const [least, most] = (retry.backoff ?? '100ms..30s').split('..') as [Duration, Duration | undefined];
  if (most === undefined) throw new HeadraceError('HR_DURATION', `${what}: backoff is "${retry.backoff}"; give the first and the longest pause, as '1s..1m'.`);
  const backoff = { least: durationMs(least, `${what}: backoff`), most: durationMs(most, `${what}: backoff`) };
  if (backoff.most < backoff.least) throw new HeadraceError('HR_DURATION', `${what}: backoff is "${retry.backoff}": the longest pause is shorter than the first.`);
  if (breaker !== undefined) checkOptions(breaker, ['failures', 'cooldown'], `${what}: breaker`);
  return {
    concurrency: atLeastOne(options.concurrency ?? 16, `${what}: concurrency`),
    timeoutMs: options.timeout === 'never' ? Number.POSITIVE_INFINITY : durationMs(options.timeout ?? '30s', `${what}: timeout`, 1),
    attempts: atLeastOne(retry.attempts ?? 3, `${what}: attempts`),
    backoff,
    isWorthRetry: retry.when ?? (() => true),
    breaker: breaker && { failures: atLeastOne(breaker.failures, `${what}: failures`), cooldownMs: durationMs(breaker.cooldown, `${what}: cooldown`, 1) },
    fallback: options.fallback,
  };
}

/** @throws HR_ARGUMENT for anything but a whole number from 1 on */
export function atLeastOne(n: number, what: string): number {
  if (!Number.isInteger(n) || n < 1) throw new HeadraceError('HR_ARGUMENT', `${what} is ${n}; it is a whole number from 1 on.`);
  return n;
}
