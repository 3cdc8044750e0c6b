import { HeadraceError } from '../../dataflow/errors.js';
import { decisionLines, fieldAt, isFault, jsonObject, type LineFault, lineFault, numberOf } from './decision-lines.js';
import { type DecisionLogOptions, type DecisionRow, type DecisionTable, naming, type TableBuilder, tableBuilder } from './decision-table.js';
import { idNumber } from './id-number.js';
import { timeReader } from './time-reader.js';

type Json = Readonly<Record<string, unknown>>;

/** Remarks on lines that are read or left for a reason of the format. */
const passedOver = {
  skipLearn: 'decisions with _skipLearn (not chosen by the policy that is logged)',
  noLabel: 'lines without a decision (outcomes that met none)',
  otherProbability: 'decisions whose p of the shown action is not _label_probability (the label was used)',
} as const;

/**
 * Reads VW's DSJSON: contextual bandits, conditional contextual bandits (a row a slot) and slates (a row a slot, one reward a slate).
 *
 * *Details*: the reward is minus `_label_cost`; `--reward cost` takes the cost itself. `_labelIndex` counts from 0. `a` and `_a` hold action numbers, best first, from 0 or
 * from 1: a list with 0 counts from 0, one with the number of actions counts from 1, and where neither is in it the label, or the lines before, tell. `p`
 * and `_p` are in the order of `a`; they were single precision, so sums within 1e-6 an action of 1 are made 1. `pdrop` is kept. The actions of a decision may differ from line to line in
 * number: they are its choices.
 *
 * Source: VowpalWabbit, wiki page DSJSON, `parse_example_json.h` and VowpalWabbit/estimators.
 *
 * Errors: HR_INPUT_FILE, HR_EVALUATION_LOG for another reward than these.
 */
export async function readDsjsonLog(input: string, options: DecisionLogOptions = {}): Promise<DecisionTable> {
  const sign = options.reward === undefined ? -1 : 1;
  if (options.reward !== undefined && options.reward !== 'cost') throw new HeadraceError('HR_EVALUATION_LOG', `A DSJSON log has no reward "${options.reward}".`, { remedy: 'Leave --reward out for minus _label_cost, or give --reward cost.' });
  if (options.extra !== undefined && options.extra.length > 0) throw new HeadraceError('HR_EVALUATION_LOG', `A DSJSON log has no column ${options.extra.join(', ')}.`, { remedy: 'Give the candidate as a file, or convert the log: headrace evaluate --write.' });
  const builder = tableBuilder(input, 'dsjson');
  const segments = naming();
  const readTime = timeReader();
  const state: State = { sign, base: 0, baseKnown: false, most: 0, slates: false };
  await decisionLines(input, builder, options, (text, line) => {
    const event = jsonObject(text);
    if (isFault(event)) return event;
    if (event['_skipLearn'] === true) return void builder.passOver(passedOver.skipLearn);
    if (event['_label_ca'] !== undefined) return lineFault('its action is a number of a range (_label_ca), and not one of a list');
    const common: Partial<DecisionRow> = { pdrop: numberOf(event['pdrop']) };
    const time = readTime(event['Timestamp']);
    if (time === null) return lineFault(`the Timestamp ${JSON.stringify(event['Timestamp'])} cannot be read`);
    common.time = time;
    if (typeof event['EventId'] === 'string') common.decision = idNumber(event['EventId']);
    if (options.segment !== undefined) {
      const segment = fieldAt(event, options.segment) ?? fieldAt(event, `c.${options.segment}`);
      if (segment !== undefined) common.segment = segments.number(String(segment));
    }
    if (Array.isArray(event['_outcomes'])) return takeSlots(builder, state, event, event['_outcomes'] as unknown[], line, common);
    if (event['_label_cost'] === undefined && event['_label_probability'] === undefined) return void builder.passOver(passedOver.noLabel);
    return takeDecision(builder, state, event, line, common);
  });
  return builder.finish({ actions: state.most > 0 ? state.most : undefined, names: undefined, slateReward: state.slates, segments: segments.names });
}

interface State {
  readonly sign: 1 | -1;
  /** What the numbers in lists of actions begin with, as far as lines have told. */
  base: 0 | 1;
  baseKnown: boolean;
  most: number;
  slates: boolean;
}

function takeDecision(builder: TableBuilder, state: State, event: Json, line: number, common: Partial<DecisionRow>): LineFault | undefined {
  const ranked = numbers(event['a']);
  const p = numbers(event['p']);
  const context = event['c'] as Json | undefined;
  const count = Array.isArray(context?.['_multi']) ? (context['_multi'] as unknown[]).length : (ranked?.length ?? NaN);
  const index = event['_labelIndex'];
  const label = event['_label_Action'];
  if (index !== undefined && label !== undefined && !(Number(label) - Number(index) === 1 || label === index)) {
    return lineFault(`_labelIndex is ${String(index)} and _label_Action is ${String(label)}`, 'HR_EVALUATION_ACTION');
  }
  const base = ranked === undefined ? baseOfLabel(index, label, state) : baseOf(ranked, count, index === undefined ? undefined : Number(index), state, 1);
  if (base === undefined) return lineFault(`the actions ${JSON.stringify(ranked)} count neither from 0 nor from 1, of ${count}`, 'HR_EVALUATION_ACTION');
  const action = typeof index === 'number' ? index : typeof label === 'number' ? label - base : ranked === undefined ? NaN : ranked[0]! - base;
  const choices = ranked?.map((a) => a - base);
  const at = choices === undefined ? -1 : choices.indexOf(action);
  if (choices !== undefined && at < 0) return lineFault(`the shown action ${action} is none of ${JSON.stringify(ranked)}`, 'HR_EVALUATION_ACTION');
  const row: DecisionRow = { ...common, reward: state.sign * numberOf(event['_label_cost']) + 0, propensity: numberOf(event['_label_probability']), action };
  const fault = setChoices(row, choices, p);
  if (fault !== undefined) return fault;
  if (p !== undefined && at >= 0) {
    if (Number.isNaN(row.propensity)) row.propensity = p[at]!;
    else if (Math.abs(p[at]! - row.propensity) > 1e-5 * Math.max(p[at]!, row.propensity)) builder.passOver(passedOver.otherProbability);
  }
  state.most = Math.max(state.most, Number.isInteger(count) ? count : action + 1);
  if (choices === undefined && Number.isInteger(count)) row.choices = Array.from({ length: count }, (_, a) => a);
  builder.add(line, row);
  return undefined;
}

/** Conditional contextual bandits and slates: an outcome a slot. */
function takeSlots(builder: TableBuilder, state: State, event: Json, outcomes: readonly unknown[], line: number, common: Partial<DecisionRow>): LineFault | undefined {
  const context = event['c'] as Json | undefined;
  const items = Array.isArray(context?.['_multi']) ? (context['_multi'] as Json[]) : undefined;
  const slotOf = items?.map((item) => item['_slot_id']);
  const slates = event['_label_cost'] !== undefined || slotOf?.some((slot) => slot !== undefined) === true;
  if (items === undefined) return lineFault('it has _outcomes, but no actions (c._multi)');
  const lists = outcomes.map((outcome) => list((outcome as Json)['_a']));
  const base = baseOf(lists.flatMap((a) => a ?? []), items.length, undefined, state, 0);
  if (base === undefined) return lineFault(`the actions ${JSON.stringify(lists)} count neither from 0 nor from 1, of ${items.length}`, 'HR_EVALUATION_ACTION');
  const rows: DecisionRow[] = [];
  for (let slot = 0; slot < outcomes.length; slot++) {
    const outcome = outcomes[slot] as Json;
    const given = lists[slot];
    const p = list(outcome['_p']);
    if (given === undefined || p === undefined) return lineFault(`outcome ${slot} has no list of actions (_a) or probabilities (_p)`);
    if (given.length !== p.length) return lineFault(`outcome ${slot} has ${given.length} actions and ${p.length} probabilities`, 'HR_EVALUATION_PMF');
    const choices = slates ? slateActions(given, slotOf!.flatMap((of, a) => (of === slot ? [a] : [])), base) : given.map((a) => a - base);
    if (choices.some((a) => !(Number.isInteger(a) && a >= 0 && a < items.length))) return lineFault(`outcome ${slot} shows ${JSON.stringify(given)}, of ${items.length} actions`, 'HR_EVALUATION_ACTION');
    const cost = slates ? (slot === outcomes.length - 1 ? event['_label_cost'] : 0) : outcome['_label_cost'];
    const row: DecisionRow = { ...common, reward: state.sign * numberOf(cost) + 0, propensity: p[0]!, action: choices[0], slot, slate: line, decision: undefined };
    const fault = choices.length > 1 ? setChoices(row, choices, p) : undefined;
    if (fault !== undefined) return fault;
    rows.push(row);
  }
  // outcomes without a label are no answer yet
  if (slates ? event['_label_cost'] === undefined : outcomes.every((outcome) => (outcome as Json)['_label_cost'] === undefined)) return void builder.passOver(passedOver.noLabel);
  state.slates ||= slates;
  state.most = Math.max(state.most, items.length);
  for (const row of rows) builder.add(line, row);
  return undefined;
}

/** In slates actions are numbered within their slot, from 0 or 1, or over all slots. */
function slateActions(given: readonly number[], own: readonly number[], base: number): number[] {
  if (own.length > 0 && given.every((a) => a < own.length)) return given.map((a) => own[a]!);
  if (own.length > 0 && !given.every((a) => own.includes(a)) && given.every((a) => a >= 1 && a <= own.length)) return given.map((a) => own[a - 1]!);
  return given.map((a) => a - base);
}

/** Puts the actions and their probabilities into a row; float32 sums are made 1. */
function setChoices(row: DecisionRow, choices: readonly number[] | undefined, p: readonly number[] | undefined): LineFault | undefined {
  row.choices = choices;
  if (choices === undefined || p === undefined) return undefined;
  if (p.length !== choices.length) return lineFault(`it has ${choices.length} actions and ${p.length} probabilities`, 'HR_EVALUATION_PMF');
  const sum = p.reduce((s, x) => s + x, 0);
  if (!(Math.abs(sum - 1) <= 1e-6 * (p.length + 1)) || p.some((x) => !(x >= 0))) return lineFault(`the probabilities ${p.length > 6 ? '' : `${JSON.stringify(p)} `}sum to ${sum}`, 'HR_EVALUATION_PMF');
  row.probabilities = p.map((x) => x / sum);
  return undefined;
}

/** What numbers in a list of `count` actions begin with; undefined when they can be neither. */
function baseOf(given: readonly number[], count: number, index: number | undefined, state: State, usual: 0 | 1): 0 | 1 | undefined {
  const low = given.includes(0);
  const high = given.includes(count);
  if ((low && high) || given.some((a) => !(Number.isInteger(a) && a >= 0 && a <= count))) return undefined;
  const told = low ? 0 : high ? 1 : index !== undefined && given[0] === index + 1 && !given.includes(index) ? 1 : undefined;
  if (told !== undefined) {
    state.base = told;
    state.baseKnown = true;
  }
  return told ?? (state.baseKnown ? state.base : usual);
}

function baseOfLabel(index: unknown, label: unknown, state: State): 0 | 1 {
  if (typeof index === 'number' && typeof label === 'number') return (label - index) as 0 | 1;
  return state.baseKnown ? state.base : 1;
}

function numbers(value: unknown): number[] | undefined {
  return Array.isArray(value) && value.length > 0 && value.every((x) => typeof x === 'number') ? value : undefined;
}

/** A list, or a single number as one. */
function list(value: unknown): number[] | undefined {
  return typeof value === 'number' ? [value] : numbers(value);
}
