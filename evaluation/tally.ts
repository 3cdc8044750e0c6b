import { HeadraceError } from '../dataflow/errors.js';
import type { Measure, Sum } from './measure.js';
import { localNames, type DecisionColumn } from './row-expression.js';
import type { WeightedDecisions } from './weighted-decisions.js';

/** Measures by name. */
export type Measures = Readonly<Record<string, Measure<string, unknown>>>;

/** The results of measures, by their names. */
export type ResultsOf<M extends Measures> = { readonly [K in keyof M]: M[K] extends { result(sums: never, n: number): infer R } ? R : never };

/** Rows that are summed before the sum goes into the total, so that the total loses no digits. */
const block = 4096;

/** Measures over decisions that come in batches, shards or partitions. */
export interface Tally<M extends Measures> {
  /** Takes a batch. Errors: HR_EVALUATION_MODEL where a measure needs an outcome model and the batch has none. */
  add(batch: WeightedDecisions): void;
  /** Takes what another tally of the same measures has seen. Errors: HR_EVALUATION_COLUMNS. */
  merge(other: Tally<M>): void;
  /** The sums in the order of `sql`, to be sent elsewhere or kept: `addState` takes them. */
  state(): Float64Array;
  /** Adds sums that another tally, or SQL, has made. Errors: HR_EVALUATION_COLUMNS. */
  addState(state: ArrayLike<number>): void;
  /**
   * The sums of each group of rows, as rows of a matrix: n first, then the others. For resampling by user, and for estimates by day or slot.
   *
   * @param groups the group of each row, numbered from 0
   * @param into sums of earlier batches, to which these are added @default sums of no decisions
   */
  byGroup(batch: WeightedDecisions, groups: Int32Array, count: number, into?: Float64Array): Float64Array;
  /** The sums of no decisions. */
  empty(): Float64Array;
  /** The results of sums in the order of `state`, or of what has been added. */
  results(state?: ArrayLike<number>): ResultsOf<M>;
  /** Aggregates of ClickHouse over columns weight, reward, propensity, shown_outcome, expected_outcome and, of thinned logs, multiple: they make a state. */
  sql(thinned?: boolean): readonly string[];
  /** How the columns of a state add up. */
  readonly kinds: readonly Sum['kind'][];
}

/**
 * Computes measures in one pass. Sums that measures share are kept once.
 *
 * *Details*: one loop is generated for all of them, without an allocation per decision; 10 M decisions take about 0.2 s. Totals carry their rounding error along
 * (Neumaier), so that the cut into batches and shards shows in the last digit at most.
 *
 * @example
 * const tally = createTally({ ips: ips(), snips: snips() });
 * for (const batch of batches) tally.add(weigh(batch, { shown: batch.propensity }));
 * tally.results().snips.value;
 */
export function createTally<const M extends Measures>(measures: M): Tally<M> {
  const sums: Sum[] = [];
  const texts = new Map<string, number>();
  const place = (given: Sum): number => {
    // x·y and y·x are one sum
    const sum = given.kind === 'products' && given.of.sql > given.by.sql ? { ...given, of: given.by, by: given.of } : given;
    const text = sumSql(sum, true);
    const at = texts.get(text) ?? sums.push(sum) - 1;
    texts.set(text, at);
    return at;
  };
  const places = Object.entries(measures).map(([name, measure]) => ({ name, measure, at: Object.entries(measure.sums).map(([sum, of]) => [sum, place(of) + 1] as const) }));
  const kinds: Sum['kind'][] = ['total', ...sums.map((sum) => sum.kind)];
  const columns = [...new Set(sums.flatMap((sum) => [...sum.of.columns, ...(sum.kind === 'products' ? sum.by.columns : [])]))];
  const width = kinds.length;
  const cells = emptyState(kinds);
  const carries = new Float64Array(width);
  const loops = new Map<string, Loop>();
  const loop = (thinned: boolean, grouped: boolean): Loop => {
    const key = `${thinned} ${grouped}`;
    const made = loops.get(key) ?? generateLoop(sums, columns, thinned, grouped);
    loops.set(key, made);
    return made;
  };
  const run = (batch: WeightedDecisions, groups: Int32Array | undefined, from: number, to: number, out: Float64Array): void =>
    loop(batch.multiple !== undefined, groups !== undefined)(columns.map((name) => columnOf(batch, name)), batch.multiple, groups, from, to, out);
  const addState = (state: ArrayLike<number>): void => {
    if (state.length !== width) throw new HeadraceError('HR_EVALUATION_COLUMNS', `The sums are ${state.length} numbers; this tally has ${width}.`);
    for (let k = 0; k < width; k++) {
      const x = state[k]!;
      const sum = cells[k]!;
      if (kinds[k] === 'largest') cells[k] = Math.max(sum, x);
      else if (kinds[k] === 'smallest') cells[k] = Math.min(sum, x);
      else {
        const next = sum + x;
        carries[k]! += Math.abs(sum) >= Math.abs(x) ? sum - next + x : x - next + sum;
        cells[k] = next;
      }
    }
  };
  const state = (): Float64Array => cells.map((sum, k) => sum + carries[k]!);
  return {
    kinds,
    state,
    addState,
    add(batch) {
      const part = new Float64Array(width);
      for (let from = 0; from < batch.length; from += block) {
        run(batch, undefined, from, Math.min(batch.length, from + block), part);
        addState(part);
      }
    },
    merge(other) {
      if (other.sql(true).join() !== this.sql(true).join()) throw new HeadraceError('HR_EVALUATION_COLUMNS', 'Two tallies can be merged when their measures are the same; these differ.');
      addState(other.state());
    },
    byGroup(batch, groups, count, into) {
      const out = into ?? statesOf(kinds, count);
      run(batch, groups, 0, batch.length, out);
      return out;
    },
    empty: () => emptyState(kinds),
    results(from = state()) {
      return Object.fromEntries(places.map(({ name, measure, at }) => [name, measure.result(Object.fromEntries(at.map(([sum, k]) => [sum, from[k]!])), from[0]!)])) as ResultsOf<M>;
    },
    sql: (thinned = false) => [thinned ? 'sum(multiple)' : 'toFloat64(count())', ...sums.map((sum) => sumSql(sum, thinned))],
  };
}

/** The state of no decisions. */
function emptyState(kinds: readonly Sum['kind'][]): Float64Array {
  return Float64Array.from(kinds, (kind) => (kind === 'largest' ? -Infinity : kind === 'smallest' ? Infinity : 0));
}

/** As many states of no decisions. */
export function statesOf(kinds: readonly Sum['kind'][], count: number): Float64Array {
  const empty = emptyState(kinds);
  const out = new Float64Array(count * empty.length);
  if (empty.some((x) => x !== 0)) for (let g = 0; g < count; g++) out.set(empty, g * empty.length);
  return out;
}

type Loop = (columns: readonly Float64Array[], multiple: Float64Array | undefined, groups: Int32Array | undefined, from: number, to: number, out: Float64Array) => void;

/** The loop over rows: it adds to the sums of each row's group, or overwrites `out` with the sums of all. */
function generateLoop(sums: readonly Sum[], columns: readonly DecisionColumn[], thinned: boolean, grouped: boolean): Loop {
  const target = (k: number): string => (grouped ? `out[at + ${k}]` : `s${k}`);
  const scaled = (js: string): string => (thinned ? `(m * ${js})` : js);
  const steps = sums.map((sum, k) => {
    const cell = target(k + 1);
    const x = 'asLogged' in sum && sum.asLogged ? sum.of.js : scaled(sum.of.js);
    if (sum.kind === 'total') return `${cell} += ${x};`;
    if (sum.kind === 'products') return `${cell} += ${x} * ${scaled(sum.by.js)};`;
    return `if (${x} ${sum.kind === 'largest' ? '>' : '<'} ${cell}) ${cell} = ${x};`;
  });
  const empty = emptyState(['total', ...sums.map((sum) => sum.kind)]);
  const body = [
    ...columns.map((name, k) => `const c${k} = columns[${k}];`),
    ...(grouped ? [] : Array.from(empty, (start, k) => `let s${k} = ${start};`)),
    'for (let i = from; i < to; i++) {',
    ...columns.map((name, k) => `const ${localNames[name]} = c${k}[i];`),
    ...(thinned ? ['const m = multiple[i];'] : []),
    ...(grouped ? [`const at = groups[i] * ${empty.length};`] : []),
    `${target(0)} += ${thinned ? 'm' : '1'};`,
    ...steps,
    '}',
    ...(grouped ? [] : Array.from(empty, (_, k) => `out[${k}] = s${k};`)),
  ];
  return new Function('columns', 'multiple', 'groups', 'from', 'to', 'out', body.join('\n')) as Loop;
}

function sumSql(sum: Sum, thinned: boolean): string {
  const scaled = (sql: string): string => (thinned ? `(multiple * ${sql})` : sql);
  const x = 'asLogged' in sum && sum.asLogged ? sum.of.sql : scaled(sum.of.sql);
  if (sum.kind === 'products') return `sum(${x} * ${scaled(sum.by.sql)})`;
  return `${{ total: 'sum', largest: 'max', smallest: 'min' }[sum.kind]}(${x})`;
}

function columnOf(batch: WeightedDecisions, name: DecisionColumn): Float64Array {
  const column = name === 'candidates' || name === 'joined' || name === 'late' ? batch.log[name] : batch[name];
  if (column === undefined && (name === 'shownOutcome' || name === 'expectedOutcome')) throw new HeadraceError('HR_EVALUATION_MODEL', 'One of the estimators needs an outcome model, and the decisions come without the outcomes that it expects.');
  if (column === undefined) throw new HeadraceError('HR_EVALUATION_COLUMNS', `A measure needs the column \`${name}\`, which the log does not have.`);
  return column;
}
