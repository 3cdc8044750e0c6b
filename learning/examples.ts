import { HeadraceError } from '../dataflow/errors.js';
import type { HeadShape } from './head-shape.js';

/** Vectors of users or items, row after row. */
export interface EmbeddingTable {
  readonly width: number;
  readonly values: Float32Array;
}

/** Examples as columns: one value, or one row of values, an example. */
export interface Examples {
  readonly length: number;
  /** Embedding tables, in the order of the inputs. @default those that the sessions were opened with */
  readonly tables?: readonly EmbeddingTable[];
  /** For each embedding table, the row of each example; -1 where it has none, which counts as zeros. */
  readonly embedded: readonly Int32Array[];
  /** What comes behind the embeddings, [length, features]. */
  readonly features: Float32Array;
  /** 1 where it was clicked, else 0. */
  readonly click: Float32Array;
  /** log(1 + seconds watched); NaN where there is none. Only for heads that predict it. */
  readonly watch?: Float32Array;
  /** @default 1 each */
  readonly weight?: Float32Array;
}

/**
 * Checks that examples fit a head.
 *
 * @throws HR_EXAMPLES a column of another length, a feature or label that is not a number, a row that its table does not have
 */
export function checkExamples(examples: Examples, shape: HeadShape, tables: readonly EmbeddingTable[]): void {
  const { length, embedded, features, click, watch, weight } = examples;
  const refuse = (detail: string): never => {
    throw new HeadraceError('HR_EXAMPLES', detail);
  };
  const width = shape.inputs - tables.reduce((sum, t) => sum + t.width, 0);
  if (width < 0) refuse(`The embeddings are wider than the ${shape.inputs} inputs of the head.`);
  if (embedded.length !== tables.length) refuse(`The examples have rows of ${embedded.length} embedding tables; there are ${tables.length}.`);
  if (features.length !== length * width) refuse(`${length} examples come with ${features.length} features; the head takes ${width} for each.`);
  if (click.length !== length || (weight !== undefined && weight.length !== length) || (watch !== undefined && watch.length !== length)) refuse(`The columns of ${length} examples are not as long.`);
  if (shape.outputs.includes('watch') !== (watch !== undefined)) refuse(`The head predicts ${shape.outputs.join(' and ')}, and the examples come ${watch === undefined ? 'without' : 'with'} watch times.`);
  tables.forEach((table, t) => {
    const rows = table.values.length / table.width;
    const column = embedded[t]!;
    if (column.length !== length) refuse(`The rows of embedding table ${t} are ${column.length} for ${length} examples.`);
    for (let i = 0; i < length; i++) if (!(column[i]! >= -1 && column[i]! < rows)) refuse(`Example ${i} names row ${column[i]} of embedding table ${t}, which has ${rows}.`);
  });
  for (let i = 0; i < features.length; i++) {
    if (!Number.isFinite(features[i]!)) refuse(`Feature ${i % width} of example ${Math.floor(i / width)} is ${features[i]}.`);
  }
  for (let i = 0; i < length; i++) {
    if (!(click[i]! >= 0 && click[i]! <= 1)) refuse(`The label of example ${i} is ${click[i]}.`);
    if (weight !== undefined && !(weight[i]! >= 0 && weight[i]! < Number.POSITIVE_INFINITY)) refuse(`The weight of example ${i} is ${weight[i]}.`);
  }
}

/** Writes the inputs of example `i` at `at`. Cost: a block copy a table, and the features; nothing is allocated but the views. */
export function writeInputs({ embedded, features, length }: Examples, tables: readonly EmbeddingTable[], i: number, out: Float32Array, at: number): void {
  let to = at;
  for (let t = 0; t < tables.length; t++) {
    const { values, width } = tables[t]!;
    const row = embedded[t]![i]!;
    if (row < 0) out.fill(0, to, to + width);
    else out.set(values.subarray(row * width, (row + 1) * width), to);
    to += width;
  }
  const width = features.length / length;
  // They are few where there are embeddings: a loop is faster than a view and a block copy.
  if (tables.length > 0) for (let k = 0; k < width; k++) out[to + k] = features[i * width + k]!;
  else out.set(features.subarray(i * width, (i + 1) * width), to);
}
