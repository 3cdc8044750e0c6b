import type { Diagnostics, PartValue } from '../evaluation/diagnostics/diagnostics.js';
import { type Finding, findingTable } from '../evaluation/diagnostics/finding.js';
import type { Verdict } from '../evaluation/diagnostics/verdict.js';
import { normalQuantile } from '../evaluation/distributions/normal-quantile.js';
import type { EstimateRow } from '../evaluation/evaluate.js';
import { barChart } from './charts/bar-chart.js';
import { intervalChart } from './charts/interval-chart.js';
import { lineChart, type LineSeries } from './charts/line-chart.js';
import { type HistogramBin, logHistogram } from './charts/log-histogram.js';
import type { Report, ReportSection, ReportTable } from './report-page.js';

/** What was found of one policy. */
export interface ReportedPolicy {
  readonly policy: string;
  readonly n: number;
  readonly estimates: Readonly<Record<string, EstimateRow>>;
  readonly diagnostics: Diagnostics;
  readonly findings: readonly Finding[];
  readonly verdict: Verdict;
  /** The verdict in words, then why. */
  readonly reasons: readonly string[];
  readonly groups?: readonly { readonly of: string; readonly n: number; readonly estimates: Readonly<Record<string, EstimateRow>> }[] | undefined;
}

/** An evaluation of one policy, or of two on the same log. */
export interface EvaluationSubject {
  readonly first: ReportedPolicy;
  readonly second?: ReportedPolicy | undefined;
  /** First less second. */
  readonly difference?: Readonly<Record<string, EstimateRow>> | undefined;
  readonly verdict: Verdict;
  readonly log: { readonly name: string; readonly format: string; readonly actions: number | null };
  readonly level: number;
  readonly interval: string;
  readonly clip: number;
  readonly outcomeModel: string | undefined;
  readonly leftOut: readonly { readonly code: string; readonly rows: number; readonly first: string; readonly example: string }[];
  readonly remarks: readonly string[];
  readonly estimators: readonly { readonly name: string; readonly formula: string; readonly source: string }[];
}

const tones = { trust: 'good', caution: 'caution', 'do-not-trust': 'bad' } as const;

/** An evaluation as a report: the verdict, the estimates, and what speaks for and against them. */
export function evaluationReport(subject: EvaluationSubject): Report {
  const { first, second, log, verdict } = subject;
  const level = `${Number((subject.level * 100).toPrecision(4))} %`;
  const worst = second !== undefined && second.verdict === verdict ? second : first;
  return {
    title: second === undefined ? `What ${shortName(first.policy)} would have earned` : `${shortName(first.policy)} against ${shortName(second.policy)}`,
    intro: `${second === undefined ? first.policy : `${first.policy} and ${second.policy}`}. ${count(first.n)} decisions of ${log.name} (${log.format})${log.actions === null ? '' : `, ${count(log.actions)} actions`}; outcome model ${subject.outcomeModel ?? 'none'}; ${level} intervals (${subject.interval}).`,
    verdict: { tone: tones[verdict], text: `${worst.reasons[0]}` },
    sections: [
      ...(subject.difference === undefined ? [] : [differenceSection(subject, level)]),
      ...policySections(subject, first, level),
      ...(second === undefined ? [] : policySections(subject, second, level)),
      ...leftOutSections(subject),
      { heading: 'Estimators', text: 'w is the probability of what was shown under the candidate over its propensity, r the reward, q what the model expects of what was shown, v what it expects of the candidate, n the number of decisions.', table: { header: ['name', 'formula', 'source'], rows: subject.estimators.map(({ name, formula, source }) => [name, formula, source]) } },
    ],
  };
}

function differenceSection({ first, second, difference }: EvaluationSubject, level: string): ReportSection {
  return {
    heading: `${shortName(first.policy)} less ${shortName(second!.policy)}`,
    text: `The difference on the same decisions, with its own ${level} interval: what both policies have in common cancels out. An interval that does not hold 0 speaks for the policy on its side.`,
    svg: intervalChart({ title: 'Difference by estimator', rows: estimateRows(difference!), reference: { value: 0, label: 'no difference' } }),
    table: estimateTable(difference!, level),
  };
}

function policySections(subject: EvaluationSubject, of: ReportedPolicy, level: string): readonly ReportSection[] {
  const { diagnostics: d, estimates, findings, groups } = of;
  const title = (words: string): string => (subject.second === undefined ? capital(words) : `${shortName(of.policy)}: ${words}`);
  const reach = normalQuantile((1 + subject.level) / 2);
  const sections: (ReportSection | undefined)[] = [
    findings.length === 0
      ? { heading: title('findings'), text: 'No check has found anything.' }
      : { heading: title('findings'), table: { header: ['', 'code', 'what was found', 'what to do'], rows: findings.map(({ code, severity, message }) => [severity, code, message, findingTable[code].remedy]) } },
    {
      heading: title('estimates'),
      text: 'What a decision would have earned on average. Estimators make different errors: where they agree, that is a good sign; where they do not, see the findings.',
      svg: intervalChart({ title: `Estimates with ${level} intervals`, rows: estimateRows(estimates), ...(d.logged_value !== null && { reference: { value: d.logged_value, label: 'the log itself' } }) }),
      table: estimateTable(estimates, level),
    },
    d.by_time.length < 2 ? undefined : { heading: title('by time'), text: 'IPS and the mean reward of the log. A trend, or a day that stands out, means that next week may be different again.', svg: byTime(d.by_time, reach) },
    groups === undefined ? undefined : { heading: title('by group'), table: groupTable(groups) },
    partSection(title('by slot'), 'slot', d.by_slot),
    partSection(title('by policy of the log'), 'policy', d.by_policy),
    {
      heading: title('weights'),
      text: `How many decisions count how much. Each decision counts w times, w being how much more often the candidate would have shown it. The largest weight is ${short(d.weight_max)}, the mean ${short(d.weight_mean)} (true propensities give 1 where the log can show everything).`,
      svg: logHistogram({ title: 'Decisions by weight', bins: d.weight_histogram.map(wholeBin), xLabel: 'weight', yLabel: 'decisions' }),
    },
    d.clip_curve.length < 2
      ? undefined
      : {
          heading: title('clip curve'),
          text: 'IPS with weights cut at a limit. Where the curve is flat, large weights do not matter; where it still climbs at the right end, a few of them make the estimate.',
          svg: lineChart({ title: `Clipped IPS with ${level} band`, x: 'log', xLabel: 'largest weight allowed', series: [{ label: 'clipped IPS', points: d.clip_curve.map(({ limit, value, standard_error }) => ({ x: limit, y: value, ...band(value, standard_error, reach) })) }] }),
        },
    d.calibration.length < 2 ? undefined : calibrationSection(title('calibration'), d),
    {
      heading: title('effective sample size'),
      text: `${count(of.n)} decisions tell as much of the candidate as ${count(d.ess)} of its own would (${(100 * d.ess_share).toFixed(1)} %).`,
      svg: barChart({ title: 'Decisions, and what they are worth', bars: [{ label: 'in the log', value: of.n, text: count(of.n) }, { label: 'effective', value: d.ess, text: count(d.ess) }] }),
    },
  ];
  return sections.filter((section) => section !== undefined);
}

function leftOutSections({ leftOut, remarks }: EvaluationSubject): readonly ReportSection[] {
  if (leftOut.length === 0 && remarks.length === 0) return [];
  return [
    {
      heading: 'What was left out',
      text: remarks.join('\n\n'),
      ...(leftOut.length > 0 && { table: { header: ['code', 'rows', 'first', 'what is wrong there'], rows: leftOut.map(({ code, rows, first, example }) => [code, rows, first, example]) } }),
    },
  ];
}

function calibrationSection(heading: string, { calibration }: Diagnostics): ReportSection {
  const slots = [...new Set(calibration.map(({ slot }) => slot))].sort((a, b) => a - b).slice(0, 7);
  const [from, to] = [Math.min(...calibration.map(({ action }) => action)), Math.max(...calibration.map(({ action }) => action))];
  const series: LineSeries[] = slots.map((slot) => ({
    label: slots.length > 1 ? `slot ${slot}` : 'actions',
    marks: 'points',
    points: calibration.filter((row) => row.slot === slot).sort((a, b) => a.action - b.action).map(({ action, ratio, shown, expected }) => ({ x: action, y: expected === null ? ratio : expected > 0 ? shown / expected : null })),
  }));
  const known = calibration.some(({ expected }) => expected !== null);
  return {
    heading,
    text: known
      ? 'Times that each action was shown, over what the logged distributions say: 1 where what was logged is what was drawn from.'
      : 'Of each action, the sum of 1 / propensity over the number of decisions: near 1 where propensities are those that were drawn from. Actions that are seldom shown scatter more.',
    svg: lineChart({ title: known ? 'Shown over expected' : 'Σ 1/p over decisions', x: 'number', xLabel: 'action', series: [...series, { label: 'as it should be', points: [{ x: from, y: 1 }, { x: to, y: 1 }] }] }),
  };
}

function byTime(parts: readonly PartValue[], reach: number): string {
  const isTime = typeof parts[0]!.of === 'string';
  const x = (of: string | number): number => (typeof of === 'number' ? of : Date.parse(of.length > 10 ? `${of}Z` : of));
  return lineChart({
    title: isTime ? 'Value over time' : 'Value over the log',
    x: isTime ? 'time' : 'number',
    ...(!isTime && { xLabel: 'number of the decision' }),
    series: [
      { label: 'candidate (IPS)', points: parts.map(({ of, value, standard_error }) => ({ x: x(of), y: value, ...band(value, standard_error, reach) })) },
      { label: 'the log itself', points: parts.map(({ of, logged_value }) => ({ x: x(of), y: logged_value })) },
    ],
  });
}

function partSection(heading: string, what: string, parts: readonly PartValue[]): ReportSection | undefined {
  if (parts.length < 2) return undefined;
  return { heading, table: { header: [what, 'decisions', 'IPS', 'standard error', 'the log itself', 'effective'], rows: parts.map((p) => [String(p.of), Math.round(p.n), p.value, p.standard_error, p.logged_value, Math.round(p.ess)]) } };
}

function groupTable(groups: NonNullable<ReportedPolicy['groups']>): ReportTable {
  const names = ['snips', 'ips', 'dr'].filter((name) => groups.some(({ estimates }) => Object.hasOwn(estimates, name)));
  return { header: ['group', 'decisions', ...names.flatMap((name) => [name, 'from', 'to'])], rows: groups.map(({ of, n, estimates }) => [of, Math.round(n), ...names.flatMap((name) => [estimates[name]!.value, estimates[name]!.low, estimates[name]!.high])]) };
}

function estimateRows(estimates: Readonly<Record<string, EstimateRow>>) {
  return Object.entries(estimates).map(([label, { value, low, high }]) => ({ label, value, low, high }));
}

function estimateTable(estimates: Readonly<Record<string, EstimateRow>>, level: string): ReportTable {
  return { header: ['estimator', 'value', `${level} from`, 'to'], rows: Object.entries(estimates).map(([name, { value, low, high }]) => [name, value, low, high]) };
}

function band(value: number, error: number | null, reach: number): { readonly low: number; readonly high: number } | undefined {
  return error === null ? undefined : { low: value - reach * error, high: value + reach * error };
}

/** A bin of the weights to its whole width, a power of √2. */
function wholeBin({ from, n }: { readonly from: number; readonly n: number }): HistogramBin {
  if (!(from > 0)) return { from: 0, to: 0, n };
  const at = Math.floor(2 * Math.log2(from) + 1e-9) / 2;
  return { from: 2 ** at, to: 2 ** (at + 0.5), n };
}

/** A policy without the folders of its file. */
function shortName(policy: string): string {
  return policy.replace(/[^:@\s]*[/\\](?=[^/\\]+$)/, '');
}

const capital = (words: string): string => words.charAt(0).toUpperCase() + words.slice(1);
const count = (x: number): string => Math.round(x).toLocaleString('en-US');
const short = (x: number | null): string => (x === null ? 'not known' : Number(x.toPrecision(4)).toLocaleString('en-US', { maximumSignificantDigits: 4 }));
