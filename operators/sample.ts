import { HeadraceError } from '../dataflow/errors.js';
import type { Expression } from '../dataflow/expression.js';
import { checkOptions } from '../dataflow/known-options.js';
import { keySample } from '../dataflow/key-sample.js';
import { textColumn } from '../dataflow/text-column.js';
import type { StringColumn } from '../schemas/column.js';
import { operate, type Operator } from './operate.js';

/** Settings of `sample`. */
export interface SampleOptions<T> {
  /** Column by whose values records are chosen. @default the stream's key */
  readonly by?: Expression<T, string | number | boolean | null>;
  /** Another number chooses other values. @default 0 */
  readonly seed?: number;
}

/**
 * Passes the records of a share of all keys.
 *
 * *When to use*: to look at some users whole, instead of at a part of everyone's records. *Details*: a key is in the sample or not by its hash: the same ones in every run,
 * and in every pipeline that samples by the same values with the same seed. A smaller share is a part of a larger one. Null is never in it. The hash has
 * nothing to do with the partition. *State*: none. *Errors*: HR_ARGUMENT for a share that is not over 0 and up to 1; HR_STEP_UNKEYED without a key or `by`.
 *
 * @param share from 0 (not included) to 1
 * @example from(clicks).pipe(sample(0.01, { by: clicks.userId }))
 * @see filter
 */
export function sample<T, K, S extends string = string>(share: number, options: SampleOptions<T> = {}): Operator<T, T, K, K, S> {
  checkOptions(options, ['by', 'seed'], 'sample');
  if (!(share > 0 && share <= 1)) throw new HeadraceError('HR_ARGUMENT', `sample takes a share over 0 and up to 1, not ${share}.`);
  const isIn = keySample(share, options.seed);
  return operate<T, T, K>({ kind: 'sample', details: { share: String(share), ...(options.by === undefined ? {} : { by: options.by.text }) }, keepsPartitioning: true }, () => ({
    onBatch(batch, emit) {
      const keys: StringColumn | undefined = options.by === undefined ? batch.key : textColumn(batch.column(options.by as unknown as Expression<never, unknown>), batch.length);
      if (keys === undefined) throw new HeadraceError('HR_STEP_UNKEYED', 'sample needs a keyed stream, or a column in `by`.');
      const rows = new Int32Array(batch.length);
      let n = 0;
      for (let i = 0; i < batch.length; i++) if (isIn(keys.bytes, keys.offset[i]!, keys.length[i]!)) rows[n++] = i;
      if (n > 0) emit(batch.select(rows.subarray(0, n)));
    },
  }));
}
