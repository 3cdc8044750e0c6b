import { basename } from 'node:path';
import { type Forecast, scoreOf } from '../../evaluation/scorecard.js';
import { evaluationFile, type Observation, readStored, store, type StoredEvaluation, storedEvaluation } from '../evaluate/stored-evaluations.js';
import { formatNumber } from '../terminal/number-format.js';
import { table } from '../terminal/table.js';
import { usageError } from './arguments.js';
import { type Call, exitCodes } from './command.js';
import { significant } from './significant.js';

/** `headrace evaluate record`: what a test showed of a policy that was evaluated. */
export async function record(call: Call, name: string | undefined): Promise<number> {
  onlyWith(call, ['observed', 'control']);
  if (name === undefined) throw usageError(call.command, 'Say which evaluation: headrace evaluate record NAME --observed V.');
  const observed = number(call, 'observed');
  if (observed === undefined) throw usageError(call.command, 'Say what the test showed: --observed 0.0069, the mean outcome of a decision.');
  const control = number(call, 'control') ?? null;
  const stored = readStored(call.dataDir);
  const fromFile = name.endsWith('.json');
  const evaluation = fromFile ? { ...evaluationFile(name, basename(name, '.json')), time: new Date().toISOString() } : storedEvaluation(stored, name);
  if (fromFile) store(call.dataDir, { evaluation });
  const observation: Observation = { evaluation: evaluation.name, time: new Date().toISOString(), observed, control };
  store(call.dataDir, { observation });
  const replaced = stored.observations.has(evaluation.name);
  const rows = Object.entries(evaluation.estimates).map(([estimator, of]) => [estimator, significant(of.value), significant(of.low), significant(of.high), held(of, observed)]);
  await call.output.print({ evaluation: evaluation.name, observed, control, replaced }, () =>
    [
      `${evaluation.name}: ${evaluation.policy} earned ${significant(observed)} a decision in the test${control === null ? '' : `, the other policy ${significant(control)}`}${replaced ? ' (in the place of what was recorded before)' : ''}`,
      table(['estimator', 'forecast', 'from', 'to', 'held'], rows, { align: ['left', 'right', 'right', 'right', 'left'] }).trimEnd(),
    ].join('\n'),
  );
  return exitCodes.done;
}

/** `headrace evaluate scorecard`: how good forecasts were. */
export async function scorecard(call: Call): Promise<number> {
  onlyWith(call, []);
  if (call.operands.length > 1) throw usageError(call.command, `"${call.operands[1]}" is one word too many: headrace evaluate scorecard.`);
  const { evaluations, observations } = readStored(call.dataDir);
  const tested = [...evaluations.values()].filter(({ name }) => observations.has(name));
  const open = [...evaluations.keys()].filter((name) => !observations.has(name));
  const estimators = [...new Set(tested.flatMap(({ estimates }) => Object.keys(estimates)))];
  const scores = Object.fromEntries(estimators.map((estimator) => [estimator, scoreOf(tested.flatMap((of) => forecastOf(of, observations.get(of.name)!, estimator)))]));
  const trusted = scoreOf(tested.filter(({ verdict }) => verdict === 'trust').flatMap((of) => forecastOf(of, observations.get(of.name)!, 'snips')));
  const doubted = scoreOf(tested.filter(({ verdict }) => verdict !== 'trust').flatMap((of) => forecastOf(of, observations.get(of.name)!, 'snips')));
  const history = tested.map((of) => ({ evaluation: of.name, time: of.time, policy: of.policy, verdict: of.verdict, forecast: of.estimates['snips'] ?? null, observed: observations.get(of.name)!.observed, control: observations.get(of.name)!.control }));
  const share = (part: number, of: number): string => (of === 0 ? '-' : `${part} of ${of}`);
  await call.output.print({ tested: tested.length, open, estimators: scores, trusted, doubted, history }, () => {
    if (tested.length === 0) return `No test is recorded in ${call.dataDir} yet${open.length > 0 ? `; without one: ${open.join(', ')}` : ''}. Store evaluations with --save NAME, and record what the test showed.`;
    const rows = Object.entries(scores).map(([name, s]) => [name, s.n, share(s.covered, s.intervals), share(s.right, s.signs), s.rankCorrelation === null ? '-' : s.rankCorrelation.toFixed(2), significant(s.bias)]);
    return [
      `${formatNumber(tested.length)} evaluations with a test`,
      table(['estimator', 'tests', 'interval held', 'sign right', 'rank correlation', 'forecast less observed'], rows, { align: ['left', 'right', 'right', 'right', 'right', 'right'] }),
      `snips by verdict: ${share(trusted.covered, trusted.intervals)} intervals held with trust, ${share(doubted.covered, doubted.intervals)} with caution or do-not-trust`,
      '',
      table(
        ['evaluation', 'policy', 'verdict', 'snips', 'observed', 'held'],
        history.map((of) => [of.evaluation, of.policy, of.verdict, significant(of.forecast?.value ?? null), significant(of.observed), of.forecast === null ? '-' : held(of.forecast, of.observed)]),
        { align: ['left', 'left', 'left', 'right', 'right', 'left'], maxWidth: 40 },
      ).trimEnd(),
      ...(open.length === 0 ? [] : ['', `without a test: ${open.join(', ')}`]),
    ].join('\n');
  });
  return exitCodes.done;
}

function forecastOf(of: StoredEvaluation, { observed, control }: Observation, estimator: string): Forecast[] {
  const estimate = of.estimates[estimator];
  if (estimate === undefined || estimate.value === null) return [];
  const interval = estimate.low === null || estimate.high === null ? null : { low: estimate.low, high: estimate.high };
  return [{ value: estimate.value, interval, baseline: of.logged_value, observed, control }];
}

function held({ low, high }: { readonly low: number | null; readonly high: number | null }, observed: number): string {
  if (low === null || high === null) return '-';
  return observed >= low && observed <= high ? 'yes' : 'no';
}

/** Refuses options that mean nothing here. Errors: HR_USAGE. */
function onlyWith(call: Call, names: readonly string[]): void {
  const other = Object.keys(call.command.options).find((name) => call.options.has(name) && !names.includes(name));
  if (other !== undefined) throw usageError(call.command, `\`headrace evaluate ${call.operands[0]}\` has no option --${other}.`);
}

function number(call: Call, name: string): number | undefined {
  const text = call.options.get(name);
  if (text === undefined) return undefined;
  const value = text.trim() === '' ? NaN : Number(text);
  if (!Number.isFinite(value)) throw usageError(call.command, `--${name} is "${text}"; give a number.`);
  return value;
}
