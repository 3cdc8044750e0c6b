import { HeadraceError } from '../../dataflow/errors.js';
import type { DecisionTable } from './decision-table.js';

/** What could be chosen at a row, in the order of the log, with probabilities where they are known. */
interface RowChoices {
  readonly actions: readonly number[];
  readonly p: readonly number[] | undefined;
}

/**
 * VW's DSJSON: contextual bandits for a log without slates, conditional contextual bandits for slates with a reward a slot, slates for one reward a slate. The names of actions, or their
 * numbers, are features of `_multi`; users and segments have no place in it.
 *
 * Errors: HR_EVALUATION_LOG for a log without actions, or with slots that are part of no slate.
 */
export function* dsjsonLines(table: DecisionTable): Iterable<string> {
  const { action, actions, slot, slate } = table;
  if (action === undefined || actions === undefined) throw new HeadraceError('HR_EVALUATION_LOG', `${table.source} does not have the actions, without which a line of DSJSON cannot be written.`);
  if (slate === undefined) {
    if (slot?.some((k) => k > 0) === true) throw new HeadraceError('HR_EVALUATION_LOG', 'DSJSON has slots within a slate, and the slots of this log are part of none.', { remedy: 'Log the field `slate`, or write it as jsonl.' });
    for (let row = 0; row < table.length; row++) yield decision(table, row);
    return;
  }
  for (let from = 0; from < table.length; ) {
    let to = from + 1;
    while (to < table.length && slate[to] === slate[from]) to++;
    yield slots(table, from, to);
    from = to;
  }
}

function decision(table: DecisionTable, row: number): string {
  const { actions, p } = choicesAt(table, row);
  const shown = actions.indexOf(table.action![row]!);
  // the shown action stands first, as in a log of VW
  const order = [shown, ...actions.keys()].filter((at, k) => k === 0 || at !== shown);
  return JSON.stringify({
    _label_cost: cost(table.reward[row]!),
    _label_probability: table.propensity[row],
    _label_Action: shown + 1,
    _labelIndex: shown,
    ...common(table, row),
    a: order.map((at) => at + 1),
    c: { ...contextOf(table, row), _multi: actions.map((a) => item(table, a)) },
    ...(p !== undefined && { p: order.map((at) => p[at]) }),
  });
}

function slots(table: DecisionTable, from: number, to: number): string {
  const rows = Array.from({ length: to - from }, (_, k) => from + k).sort((a, b) => table.slot![a]! - table.slot![b]!);
  const own = rows.map((row) => choicesAt(table, row));
  const all = [...new Set(own.flatMap(({ actions }) => actions))];
  const outcomes = rows.map((row, k) => {
    const { actions, p } = own[k]!;
    const shown = actions.indexOf(table.action![row]!);
    const order = p === undefined ? [shown] : [shown, ...actions.keys()].filter((at, i) => i === 0 || at !== shown);
    const number = (at: number): number => (table.slateReward ? at : all.indexOf(actions[at]!));
    return { ...(!table.slateReward && { _label_cost: cost(table.reward[row]!) }), _a: order.map(number), _p: p === undefined ? [table.propensity[row]] : order.map((at) => (at === shown ? table.propensity[row]! : p[at]!)) };
  });
  const items = table.slateReward ? own.flatMap(({ actions }, slot) => actions.map((a) => ({ _slot_id: slot, ...item(table, a) }))) : all.map((a) => item(table, a));
  return JSON.stringify({
    ...(table.slateReward && { _label_cost: cost(rows.reduce((sum, row) => sum + table.reward[row]!, 0)) }),
    ...common(table, rows[0]!),
    c: { ...contextOf(table, rows[0]!), _multi: items, _slots: rows.map(() => ({})) },
    _outcomes: outcomes,
  });
}

function choicesAt(table: DecisionTable, row: number): RowChoices {
  const { choices } = table;
  if (choices === undefined || choices.start[row] === choices.start[row + 1]) return { actions: Array.from({ length: table.counts?.[row] ?? table.actions! }, (_, a) => a), p: undefined };
  const [from, to] = [choices.start[row]!, choices.start[row + 1]!];
  const p = choices.probability === undefined || choices.probability.subarray(from, to).some(Number.isNaN) ? undefined : Array.from(choices.probability.subarray(from, to));
  return { actions: Array.from(choices.action.subarray(from, to)), p };
}

function common(table: DecisionTable, row: number) {
  const [id, time, pdrop] = [table.decision?.[row] ?? NaN, table.time?.[row] ?? NaN, table.pdrop?.[row] ?? NaN];
  return { ...(!Number.isNaN(time) && { Timestamp: new Date(time).toISOString() }), Version: '1', ...(!Number.isNaN(id) && { EventId: String(id) }), ...(pdrop > 0 && { pdrop }) };
}

function contextOf({ context, features }: DecisionTable, row: number): object {
  return context === undefined ? {} : { Context: Array.from(context.subarray(row * features, (row + 1) * features)) };
}

function item({ names }: DecisionTable, action: number): object {
  return { Action: { [names?.[action] ?? `action=${action}`]: 1 } };
}

function cost(reward: number): number | undefined {
  return Number.isNaN(reward) ? undefined : reward === 0 ? 0 : -reward;
}
