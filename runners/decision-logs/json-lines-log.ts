import { decisionLines, fieldAt, isFault, jsonObject, type LineFault, lineFault, missingField, numberOf } from './decision-lines.js';
import { type DecisionLogOptions, type DecisionRow, type DecisionTable, naming, tableBuilder } from './decision-table.js';
import { idNumber } from './id-number.js';
import { timeReader } from './time-reader.js';

/**
 * Reads decisions as plain JSON lines, an object a decision and slot.
 *
 * | field | what |
 * |---|---|
 * | `propensity` | probability of the shown action when it was drawn; required |
 * | `reward` | its outcome, a number or true/false; required (`--reward` names another field) |
 * | `action` | the shown action: a number from 0, or a name |
 * | `actions` | how many actions there were, or their names or numbers as a list |
 * | `probabilities` | what each of `actions` was drawn with |
 * | `slot`, `slate` | position on the page from 0, and the page that it is part of |
 * | `id` | of the decision and slot; the same one twice is found |
 * | `user`, `time`, `policy` | who, when (ISO 8601 with zone, or epoch ms), which version chose |
 * | `joined`, `late` | whether an outcome came, and whether it came too late |
 * | `pdrop` | probability that such a decision was left out of the log |
 * | `scores`, `features` | of each of `actions`: what a model said of it, and a list of numbers |
 * | `context` | numbers that were known: a list, as long in every line, or an object, in the alphabetical order of its names in the first line |
 * | `segment` | group of decisions to report on (`--by segment`) |
 *
 * Other fields are left alone. Errors: HR_INPUT_FILE, HR_EVALUATION_LOG when no line has what is needed.
 */
export async function readJsonLinesLog(input: string, options: DecisionLogOptions = {}): Promise<DecisionTable> {
  const name = options.name ?? (input === '-' ? 'standard input' : input);
  const builder = tableBuilder(name, 'jsonl', options.extra);
  const rewardField = options.reward ?? 'reward';
  const segmentField = options.segment ?? 'segment';
  const actionNames = naming();
  const slates = naming();
  const loggers = naming();
  const segments = naming();
  const contextOf = contextReader();
  const readTime = timeReader();
  const seen = { first: [] as string[], reward: false, propensity: false, listed: false, most: 0 };
  // the first action tells whether actions have names
  let named: boolean | undefined;
  const fits = (action: unknown): boolean => {
    if (typeof action !== 'string' && typeof action !== 'number') return false;
    named ??= typeof action === 'string';
    return named === (typeof action === 'string');
  };
  const actionNumber = (action: string | number): number => (typeof action === 'string' ? actionNames.number(action) : action);

  await decisionLines(input, builder, options, (text, line): LineFault | undefined => {
    const row = jsonObject(text);
    if (isFault(row)) return row;
    if (seen.first.length === 0) seen.first = Object.keys(row);
    const reward = fieldAt(row, rewardField);
    const propensity = fieldAt(row, 'propensity');
    seen.reward ||= reward !== undefined;
    seen.propensity ||= propensity !== undefined;
    const choices = fieldAt(row, 'actions');
    const probabilities = fieldAt(row, 'probabilities');
    const context = contextOf(fieldAt(row, 'context'));
    const time = readTime(fieldAt(row, 'time'));
    if (time === null) return lineFault('the time is neither ISO 8601 with a zone nor epoch milliseconds');
    if (probabilities !== undefined && !isNumbers(probabilities)) return lineFault('probabilities is no list of numbers');
    if (context === null) return lineFault('context is no list of numbers and no object of them');
    const scores = fieldAt(row, 'scores');
    const features = fieldAt(row, 'features');
    if (scores !== undefined && !isNumbers(scores)) return lineFault('scores is no list of numbers');
    if (features !== undefined && !(Array.isArray(features) && features.every(isNumbers))) return lineFault('features is no list of lists of numbers');
    const decision: DecisionRow = {
      reward: numberOf(reward),
      propensity: numberOf(propensity),
      slot: numberOf(fieldAt(row, 'slot')),
      pdrop: numberOf(fieldAt(row, 'pdrop')),
      joined: numberOf(fieldAt(row, 'joined')),
      late: numberOf(fieldAt(row, 'late')),
      time,
      context: options.context === true ? context : undefined,
      extra: options.extra?.map((name) => numberOf(fieldAt(row, name))),
    };
    const action = fieldAt(row, 'action');
    if ((action !== undefined && !fits(action)) || (Array.isArray(choices) && !choices.every(fits))) return lineFault(`actions are ${named === true ? 'names' : 'numbers'} in the lines before, and something else here`, 'HR_EVALUATION_ACTION');
    let declared = 0;
    if (Array.isArray(choices)) decision.choices = choices.map(actionNumber);
    else if (choices !== undefined) {
      if (!(typeof choices === 'number' && Number.isInteger(choices) && choices > 0)) return lineFault('actions is neither a number from 1 nor a list');
      declared = choices;
      decision.count = choices;
      decision.choices = probabilities === undefined && scores === undefined && features === undefined ? undefined : Array.from({ length: choices }, (_, a) => a);
    } else if (probabilities !== undefined) decision.choices = probabilities.map((_, a) => a);
    if (probabilities !== undefined) {
      if (probabilities.length !== decision.choices!.length) return lineFault(`${probabilities.length} probabilities for ${decision.choices!.length} actions`, 'HR_EVALUATION_PMF');
      const sum = probabilities.reduce((s, p) => s + p, 0);
      if (!(Math.abs(sum - 1) <= 1e-6) || probabilities.some((p) => !(p >= 0))) return lineFault(`the probabilities sum to ${sum}`, 'HR_EVALUATION_PMF');
      decision.probabilities = probabilities;
    }
    for (const [name, of] of [['scores', scores], ['features', features]] as const) {
      if (of !== undefined && of.length !== decision.choices?.length) return lineFault(`${of.length} ${name} for ${decision.choices?.length ?? 'an unknown number of'} actions`);
    }
    if (options.context === true) {
      decision.scores = scores;
      decision.features = features as number[][] | undefined;
    }
    if (action !== undefined) {
      decision.action = actionNumber(action as string | number);
      const at = decision.choices?.indexOf(decision.action) ?? 0;
      if (at < 0 || (declared > 0 && decision.action >= declared)) return lineFault(`the action ${String(action)} is none of its actions`, 'HR_EVALUATION_ACTION');
      const drawn = decision.probabilities?.[at];
      if (drawn !== undefined && Math.abs(drawn - decision.propensity) > 1e-6 * Math.max(drawn, decision.propensity)) builder.passOver('decisions whose propensity is not what probabilities has for the shown action (the propensity was used)');
    }
    decision.user = idOf(fieldAt(row, 'user'));
    decision.decision = idOf(fieldAt(row, 'id'));
    decision.slate = numbered(slates, fieldAt(row, 'slate'));
    decision.logger = numbered(loggers, fieldAt(row, 'policy'));
    decision.segment = numbered(segments, fieldAt(row, segmentField));
    seen.listed ||= choices !== undefined || probabilities !== undefined;
    for (const a of [declared - 1, decision.action ?? -1, ...(decision.choices ?? [])]) if (Number.isInteger(a)) seen.most = Math.max(seen.most, a + 1);
    builder.add(line, decision);
    return undefined;
  });

  const found = seen.first;
  if (builder.length > 0 && !seen.propensity) throw missingField(name, 'propensity', found, 'Log the probability that the action was drawn with, in the field propensity; without it nothing can be evaluated.');
  if (builder.length > 0 && !seen.reward) throw missingField(name, rewardField, found, 'Name the field with the outcome: --reward NAME.');
  if (builder.length > 0 && options.segment !== undefined && segments.names.length === 0) throw missingField(name, options.segment, found, 'Name the field of the segment: --by segment:NAME.');
  const table = builder.finish({
    actions: named === true ? actionNames.names.length : seen.most > 0 ? seen.most : undefined,
    names: named === true ? actionNames.names : undefined,
    actionsAreGuessed: !seen.listed,
    loggers: loggers.names,
    segments: segments.names,
  });
  for (const [column, values] of table.extra) if (values === undefined) throw missingField(name, column, found, 'Check the name of the field.');
  return table;
}

function isNumbers(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((x) => typeof x === 'number');
}

/** Reads numbers from a list, or an object by the names of the first one; null for anything else. */
export function contextReader(): (value: unknown) => readonly number[] | undefined | null {
  let names: readonly string[] | undefined;
  return (value) => {
    if (value === undefined || isNumbers(value)) return value;
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return null;
    names ??= Object.keys(value).sort();
    return names.map((name) => numberOf((value as Record<string, unknown>)[name]));
  };
}

function idOf(value: unknown): number | undefined {
  return typeof value === 'string' || typeof value === 'number' ? idNumber(value) : undefined;
}

function numbered(of: ReturnType<typeof naming>, value: unknown): number | undefined {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? of.number(String(value)) : undefined;
}
