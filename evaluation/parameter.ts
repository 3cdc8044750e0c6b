import { HeadraceError } from '../dataflow/errors.js';

/** Refuses a number outside of [least, most]. Errors: HR_ARGUMENT. */
export function checkParameter(what: string, value: number, least: number, most: number): void {
  if (!(value >= least && value <= most)) throw new HeadraceError('HR_ARGUMENT', `${what} is ${value}.`, { remedy: `Give a number from ${least} to ${most}.` });
}

/** Refuses a share of (0, 1), e.g. the level of an interval. Errors: HR_ARGUMENT. */
export function checkShare(what: string, value: number): void {
  if (!(value > 0 && value < 1)) throw new HeadraceError('HR_ARGUMENT', `${what} is ${value}.`, { remedy: 'Give a number between 0 and 1, e.g. 0.95.' });
}
