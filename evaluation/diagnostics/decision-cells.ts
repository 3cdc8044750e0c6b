import { HeadraceError } from '../../dataflow/errors.js';
import type { Measure, Sum } from '../measure.js';
import { createTally, statesOf } from '../tally.js';
import type { WeightedDecisions } from '../weighted-decisions.js';
import { cellMeasure, type CellColumns, type CellSums } from './cell-measures.js';
import { blockWidth } from './time-blocks.js';

/** An action at a slot in a stretch of time, with what was summed over its decisions. */
export interface Cell {
  /** First moment of the stretch in epoch ms; without times, number of the first decision. */
  readonly block: number;
  readonly slot: number;
  /** -1 where the log has no actions. */
  readonly action: number;
  readonly sums: CellSums;
}

/** Sums of each action, slot and stretch of time, in one pass. */
export interface DecisionCells {
  add(batch: WeightedDecisions): void;
  /** Takes what another part of the log has. Errors: HR_EVALUATION_COLUMNS. */
  merge(other: DecisionCells): void;
  /** Takes one cell, e.g. a row that SQL has made. @param state sums in the order of `kinds` */
  addCell(block: number, slot: number, action: number, state: ArrayLike<number>): void;
  cells(): readonly Cell[];
  /** Sums over all cells of one key, by key. */
  by(key: (cell: Cell) => number): ReadonlyMap<number, CellSums>;
  /** How wide a stretch of time is, in ms or decisions. */
  readonly width: number;
  readonly columns: CellColumns;
  readonly kinds: readonly Sum['kind'][];
  /** Aggregates of a cell as SQL, in the order of `kinds`. */
  readonly sql: (thinned?: boolean) => readonly string[];
  /** @internal */
  readonly table: ReadonlyMap<number, Float64Array>;
}

/** Most stretches of time that are told apart. */
export const mostBlocks = 128;
/** Most cells that are kept for it. */
const mostCells = 1 << 18;

/**
 * Makes an empty table. A table holds at most 128 stretches of time, fewer where there are many actions.
 *
 * *Details*: stretches widen as the log grows, and those of two tables to the wider of both, so parts of a log can be merged. Without
 * times, decisions are numbered as they come, in each part from 0. Costs about 20 ns a decision.
 */
export function decisionCells(columns: CellColumns): DecisionCells {
  const tally = createTally({ cell: cellMeasure(columns) as Measure<string, CellSums> });
  const stride = tally.kinds.length;
  /** Cells of a block, by block number: slots × (actions + 1) states. */
  let table = new Map<number, Float64Array>();
  let width = 1;
  let slots = 0;
  let actions = 0;
  let from = Infinity;
  let to = -Infinity;
  let rows = 0;

  const grow = (wantedSlots: number, wantedActions: number): void => {
    if (wantedSlots <= slots && wantedActions <= actions) return;
    const before = { slots, actions };
    slots = Math.max(slots, wantedSlots);
    actions = wantedActions > actions ? Math.max(wantedActions, actions === 0 ? 0 : 2 * actions) : actions;
    table = new Map(
      Array.from(table, ([block, old]) => {
        const wide = statesOf(tally.kinds, slots * (actions + 1));
        for (let s = 0; s < before.slots; s++) wide.set(old.subarray(s * (before.actions + 1) * stride, (s + 1) * (before.actions + 1) * stride), s * (actions + 1) * stride);
        return [block, wide];
      }),
    );
  };
  const widen = (wanted: number): void => {
    if (wanted <= width) return;
    const old = table;
    const scale = wanted / width;
    width = wanted;
    table = new Map();
    for (const [block, states] of old) addStates(table, Math.floor(block / scale), states, tally.kinds);
  };
  /** Makes place for decisions of a stretch of time. */
  const cover = (first: number, last: number): void => {
    from = Math.min(from, first);
    to = Math.max(to, last);
    const most = Math.max(8, Math.min(mostBlocks, Math.floor(mostCells / (slots * (actions + 1)))));
    widen(blockWidth(from, to, most));
  };
  const blockOf = (block: number): Float64Array => {
    const made = table.get(block) ?? statesOf(tally.kinds, slots * (actions + 1));
    table.set(block, made);
    return made;
  };

  const self: DecisionCells = {
    get width() {
      return width;
    },
    get table() {
      return table;
    },
    columns,
    kinds: tally.kinds,
    sql: (thinned) => tally.sql(thinned),
    add(batch) {
      const { length: n, log } = batch;
      if (n === 0) return;
      const { time, action, slot } = log;
      grow(log.slots, log.actions ?? (action === undefined ? 0 : largestOf(action) + 1));
      let first = rows;
      let last = rows + n - 1;
      if (time !== undefined) {
        first = Infinity;
        last = -Infinity;
        for (let i = 0; i < n; i++) {
          const t = time[i]!;
          if (t < first) first = t;
          if (t > last) last = t;
        }
        if (!(first > -Infinity && last < Infinity)) throw new HeadraceError('HR_EVALUATION_COLUMNS', 'The time of a decision is missing.');
      }
      cover(first, last);
      // rows of a stretch of blocks are summed into one array, which is then cut into the blocks
      const low = Math.floor(first / width);
      const high = Math.floor(last / width);
      const perBlock = slots * (actions + 1);
      const groups = new Int32Array(n);
      const row = actions + 1;
      let base = 0;
      let blockFrom = Infinity;
      let blockTo = -Infinity;
      for (let i = 0; i < n; i++) {
        const t = time === undefined ? rows + i : time[i]!;
        // a division only where a stretch begins
        if (!(t >= blockFrom && t < blockTo)) {
          const block = Math.floor(t / width);
          base = (block - low) * perBlock;
          blockFrom = block * width;
          blockTo = blockFrom + width;
        }
        groups[i] = base + (slot === undefined ? 0 : slot[i]! * row) + (action === undefined ? 0 : action[i]! + 1);
      }
      rows += n;
      if (low === high) tally.byGroup(batch, groups, perBlock, blockOf(low));
      else {
        const all = tally.byGroup(batch, groups, (high - low + 1) * perBlock);
        for (let b = low; b <= high; b++) addStates(table, b, all.subarray((b - low) * perBlock * stride, (b - low + 1) * perBlock * stride), tally.kinds);
      }
    },
    addCell(block, slot, action, state) {
      if (state.length !== stride) throw new HeadraceError('HR_EVALUATION_COLUMNS', `A cell has ${state.length} sums; this table has ${stride}.`);
      grow(slot + 1, action + 1);
      cover(block, block);
      const states = blockOf(Math.floor(block / width));
      const at = (slot * (actions + 1) + action + 1) * stride;
      addState(states, at, state, 0, tally.kinds);
    },
    merge(other) {
      if (other.kinds.length !== tally.kinds.length) throw new HeadraceError('HR_EVALUATION_COLUMNS', 'Two parts of a log can be merged when they have the same columns; these differ.');
      for (const cell of other.cells()) self.addCell(cell.block, cell.slot, cell.action, stateOf(cell.sums, columns));
    },
    cells() {
      const out: Cell[] = [];
      for (const block of [...table.keys()].sort((a, b) => a - b)) {
        const states = table.get(block)!;
        for (let k = 0; k < slots * (actions + 1); k++) {
          const at = k * stride;
          if (!(states[at]! > 0)) continue;
          out.push({ block: block * width, slot: Math.floor(k / (actions + 1)), action: (k % (actions + 1)) - 1, sums: tally.results(states.subarray(at, at + stride)).cell });
        }
      }
      return out;
    },
    by(key) {
      const out = new Map<number, Float64Array>();
      for (const cell of self.cells()) {
        const k = key(cell);
        const states = out.get(k) ?? tally.empty();
        out.set(k, states);
        addState(states, 0, stateOf(cell.sums, columns), 0, tally.kinds);
      }
      return new Map([...out].sort(([a], [b]) => a - b).map(([k, state]) => [k, tally.results(state).cell]));
    },
  };
  return self;
}

/** Sums in the order of a state: n first, then those of the measure. */
function stateOf(sums: CellSums, columns: CellColumns): number[] {
  return [sums.n, ...Object.keys(cellMeasure(columns).sums).map((name) => (sums as Readonly<Record<string, number>>)[name]!)];
}

/** Adds one state to another. */
function addState(into: Float64Array, at: number, from: ArrayLike<number>, start: number, kinds: readonly Sum['kind'][]): void {
  for (let k = 0; k < kinds.length; k++) {
    const x = from[start + k]!;
    if (kinds[k] === 'largest') into[at + k] = Math.max(into[at + k]!, x);
    else if (kinds[k] === 'smallest') into[at + k] = Math.min(into[at + k]!, x);
    else into[at + k]! += x;
  }
}

/** Adds the states of a block to those that are there. */
function addStates(table: Map<number, Float64Array>, block: number, states: Float64Array, kinds: readonly Sum['kind'][]): void {
  const old = table.get(block);
  if (old === undefined) {
    table.set(block, states.slice());
    return;
  }
  for (let at = 0; at < states.length; at += kinds.length) if (states[at]! > 0) addState(old, at, states, at, kinds);
}

function largestOf(values: Int32Array): number {
  let most = -1;
  for (const x of values) if (x > most) most = x;
  return most;
}
