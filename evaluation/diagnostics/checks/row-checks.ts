import type { Facts } from '../facts.js';
import type { Finding } from '../finding.js';
import { percent } from './score.js';

/** Share of the rows that were left out. */
const leftOutShare = { warning: 0.001, error: 0.05 } as const;

/** Rows that could not be used. */
export function rowsLeftOut({ given, leftOut }: Facts): Finding | undefined {
  const rows = leftOut.reduce((sum, { rows }) => sum + rows, 0);
  if (rows === 0) return undefined;
  const share = rows / given;
  return {
    code: 'ROWS_LEFT_OUT',
    severity: share >= leftOutShare.error ? 'error' : share >= leftOutShare.warning ? 'warning' : 'info',
    message: `${rows} of ${given} rows (${percent(share)}) could not be used: ${leftOut.map(({ code, rows, example }) => `${rows} × ${code} (${example})`).join(', ')}.`,
    numbers: { rows, share },
  };
}

/** A log that was thinned. */
export function logThinned({ thinned, n, given, leftOut }: Facts): Finding | undefined {
  if (!thinned) return undefined;
  const rows = given - leftOut.reduce((sum, { rows }) => sum + rows, 0);
  if (n <= rows * (1 + 1e-9)) return undefined;
  return { code: 'LOG_THINNED', severity: 'info', message: `The ${rows} rows of the log stand for ${Math.round(n)} decisions (pdrop); estimates and intervals take that into account.`, numbers: { rows, decisions: n } };
}
