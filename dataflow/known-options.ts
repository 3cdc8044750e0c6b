import { HeadraceError } from './errors.js';

/**
 * Refuses option names that are not known, since a misspelt option would silently be its default.
 *
 * @param what names the place in the error, e.g. `window "ctr"`
 * @throws HR_ARGUMENT
 */
export function checkOptions(given: object | undefined, known: readonly string[], what: string): void {
  const unknown = Object.keys(given ?? {}).find((name) => !known.includes(name));
  if (unknown !== undefined) throw new HeadraceError('HR_ARGUMENT', `${what} has no option "${unknown}".`, { remedy: `Its options are ${known.join(', ')}.` });
}
