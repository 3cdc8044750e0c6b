import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';

const shared = resolve(import.meta.dirname, '../../../shared');

/** Whether a file with reference values or real data is beside this checkout. */
export const hasShared = (path: string): boolean => existsSync(resolve(shared, path));

export const sharedFile = (path: string): string => resolve(shared, path);

export const sharedJson = <T>(path: string): T => JSON.parse(readFileSync(resolve(shared, path), 'utf8').replaceAll(/\bInfinity\b/g, '"Infinity"')) as T;

/** A number as pandas' `read_csv` reads it, which OBP uses: digits beyond 17, leading zeros counted, are dropped. */
function asPandas(text: string): number {
  let digits = 0;
  return Number(text.replaceAll(/\d/g, (digit) => (++digits <= 17 ? digit : '')));
}

/** Open Bandit's men.csv as OBP reads it. */
export function openBandit(policy: 'random' | 'bts'): { action: Float64Array; slot: Float64Array; reward: Float64Array; propensity: Float64Array } {
  const [head, ...lines] = readFileSync(resolve(shared, `data/open-bandit/${policy}/men.csv`), 'utf8').trimEnd().split('\n');
  const names = head!.split(',');
  const rows = lines.map((line) => line.split(','));
  // OBP sorts by time, not stably: it exchanges these two, which have the same time
  if (policy === 'random') [rows[7341], rows[7342]] = [rows[7342]!, rows[7341]!];
  const column = (name: string): Float64Array => {
    const at = names.indexOf(name);
    return Float64Array.from(rows, (row) => asPandas(row[at]!));
  };
  return { action: column('item_id'), slot: column('position').map((k) => k - 1), reward: column('click'), propensity: column('propensity_score') };
}
