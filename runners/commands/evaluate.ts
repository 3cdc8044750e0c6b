import { findingTable } from '../../evaluation/diagnostics/finding.js';
import { evaluationReport } from '../../serving/evaluation-report.js';
import { reportMarkdown } from '../../serving/report-markdown.js';
import { reportPage } from '../../serving/report-page.js';
import { type DecisionTable } from '../decision-logs/decision-table.js';
import { type WritableFormat, writableFormats, writeDecisionLog } from '../decision-logs/write-decision-log.js';
import { actionClasses } from '../evaluate/action-classes.js';
import { type IntervalMethod, intervalMethods } from '../evaluate/chosen-interval.js';
import { estimatorNames } from '../evaluate/chosen-estimators.js';
import { evaluateLog, type LogEvaluation, type PolicyEvaluation } from '../evaluate/evaluate-log.js';
import type { GroupBy } from '../evaluate/grouping.js';
import { logForms, openDecisionLog } from '../evaluate/open-decision-log.js';
import { outcomeModelForms, parseOutcomeModel } from '../evaluate/outcome-model.js';
import { parsePolicy, policyForms } from '../evaluate/parse-policy.js';
import type { Policy } from '../evaluate/policy.js';
import { pickStored, store } from '../evaluate/stored-evaluations.js';
import { formatNumber } from '../terminal/number-format.js';
import { progress } from '../terminal/progress.js';
import { table } from '../terminal/table.js';
import { oneOf, positiveNumber, usageError, wholeNumber } from './arguments.js';
import { type Call, type Command, exitCodes } from './command.js';
import { record, scorecard } from './evaluate-scorecard.js';
import { didYouMean } from './nearest-name.js';
import { significant } from './significant.js';
import { writeReport } from './write-report.js';

/** `headrace evaluate`: what a policy would have earned, and whether that number can be trusted. */
export const evaluate: Command = {
  name: 'evaluate',
  usage: [
    'evaluate --log LOG --policy POLICY [--outcome-model MODEL] [--by day|slot|segment] [--html FILE]',
    'evaluate --log LOG --compare POLICY POLICY',
    'evaluate --log LOG --write FORMAT:FILE',
    'evaluate record NAME|FILE.json --observed V [--control V]',
    'evaluate scorecard',
  ],
  about:
    `What a policy would have earned, from a log of another one: estimates with intervals, diagnostics, and a verdict in words.\n` +
    `LOG: ${logForms}.\n` +
    `POLICY: ${policyForms}.\n` +
    `MODEL: ${outcomeModelForms}.\n` +
    'The exit code is 3 when the verdict is do-not-trust. After an A/B test, record what it showed for an evaluation that was stored with --save; scorecard\n' +
    'shows how good the forecasts were.',
  options: {
    log: { value: 'LOG', what: 'the decisions to evaluate on' },
    policy: { value: 'P', what: 'the candidate' },
    compare: { value: 'A', what: 'two policies (--compare A B, or --policy A --compare B): the paired difference, A less B' },
    'outcome-model': { value: 'M', what: 'for dm, dr and their kin (default smoothed:10)' },
    folds: { value: 'N', what: 'parts for cross-fitting the outcome model (default 1 for smoothed, 5 for ridge and logistic)' },
    estimators: { value: 'LIST', what: `some of ${estimatorNames().join(', ')} (default: those of single decisions that choose no λ)` },
    clip: { value: 'W', what: 'largest weight of the clipped estimators, and limit of Switch-DR (default 10)' },
    tune: { value: 'HOW', what: 'how the estimators …_tuned choose λ: slope (SLOPE++, default) or mse (least bound of the mean squared error)' },
    lambdas: { value: 'LIST', what: 'λ that they choose from, e.g. 1,10,100,inf (default: some of each size)' },
    balance: { value: 'LIST', what: 'NAME=POLICY,… for each policy of the log: weights over their mixture, for logs of several policies' },
    classes: { value: 'FILE', what: 'lines action:class: marginal weights over classes of actions (the estimator mips)' },
    reward: { value: 'NAME', what: 'column or field of the outcome (default: that of the format)' },
    'reward-range': { value: 'LOW,HIGH', what: 'rewards that are possible (default: those that were seen; 0,1 for intervals that need it)' },
    by: { value: 'G', what: 'estimates by day, slot or segment (segment:NAME names the column)' },
    ci: { value: 'C', what: `interval: ${Object.keys(intervalMethods).join(', ')} (default normal)` },
    level: { value: 'L', what: 'of the intervals (default 0.95)' },
    replicates: { value: 'N', what: 'logs that the bootstrap draws (default 1,000)' },
    seed: { value: 'S', what: 'of the bootstrap (default 1)' },
    explain: { what: 'print formula and source of every estimator that was used' },
    html: { value: 'FILE', what: 'write a report as one HTML page' },
    markdown: { value: 'FILE', what: 'write a report as Markdown' },
    write: { value: 'FORMAT:FILE', what: `write the log in another format (${writableFormats.join(', ')}), with or without a policy to evaluate` },
    save: { value: 'NAME', what: 'store the evaluation in the data directory, for record and scorecard' },
    observed: { value: 'V', what: 'record: what the policy earned in the test, a decision' },
    control: { value: 'V', what: 'record: what the policy that it was tested against earned' },
  },
  operands: [0, 2],
  async run(call) {
    const [verb, name] = call.operands;
    if (verb === 'record') return record(call, name);
    if (verb === 'scorecard') return scorecard(call);
    const target = writeTarget(call);
    const { first, second } = policiesOf(call);
    for (const option of ['observed', 'control']) if (call.options.has(option)) throw usageError(call.command, `--${option} is for \`headrace evaluate record\`.`);
    const log = call.options.get('log');
    if (log === undefined) throw usageError(call.command, 'Say which log to evaluate on: --log logged-decisions, or --log FILE.');
    const asked = settings(call);
    const policies = [first, second].filter((word) => word !== undefined).map((word) => parsePolicy(word));
    const outcomeModel = parseOutcomeModel(call.options.get('outcome-model') ?? 'smoothed:10', wholeNumber(call, 'folds', 1, 1_000));
    const loggers = loggersOf(call);
    const classes = call.options.get('classes');
    const asking = [...policies, ...(loggers?.values() ?? [])];
    const withClasses = classes === undefined ? undefined : actionClasses(classes);
    const bar = progress({ label: `reading ${log}`, unit: 'decisions' });
    const step = (count: number): void => {
      call.abort.throwIfAborted();
      bar.update(count);
    };
    try {
      const decisions = await openDecisionLog(log, call.dataDir, {
        kafka: call.kafka,
        reward: call.options.get('reward'),
        segment: asked.segment,
        extra: [...new Set(asking.flatMap(({ columns }) => columns))],
        context: asking.some(({ needsContext }) => needsContext) || outcomeModel?.needsContext === true || target !== undefined,
        progress: step,
      });
      if (target !== undefined) {
        const written = writeDecisionLog(decisions, target.format, target.file);
        call.notice(`${formatNumber(written)} lines of ${target.format} to ${target.file}`);
        if (policies.length === 0) {
          bar.done();
          await call.output.print({ log, format: target.format, file: target.file, lines: written, refused: decisions.refused }, () => [...decisions.refused.map(({ code, rows, first: place, example }) => `left out: ${formatNumber(rows)} × ${code}, first at ${place}: ${example}`), `${formatNumber(decisions.length)} decisions of ${log}`].join('\n'));
          return exitCodes.done;
        }
      }
      bar.describe({ label: 'evaluating', total: decisions.length });
      const found = await evaluateLog(decisions, { ...asked, policy: policies[0]!, second: policies[1], loggers, classes: withClasses, outcomeModel, progress: step });
      bar.done();
      await report(call, decisions, found, asked);
      return worse(found) === 'do-not-trust' ? exitCodes.differs : exitCodes.done;
    } finally {
      bar.done();
    }
  },
};

function writeTarget(call: Call): { readonly format: WritableFormat; readonly file: string } | undefined {
  const text = call.options.get('write');
  if (text === undefined) return undefined;
  const colon = text.indexOf(':');
  const format = writableFormats.find((name) => name === text.slice(0, colon));
  if (format === undefined || colon === text.length - 1) throw usageError(call.command, `--write is "${text}"; give ${writableFormats.map((name) => `${name}:FILE`).join(' or ')}.${didYouMean(text.slice(0, Math.max(colon, 0)), writableFormats)}`);
  return { format, file: text.slice(colon + 1) };
}

function policiesOf(call: Call): { first: string | undefined; second: string | undefined } {
  const policy = call.options.get('policy');
  const compare = call.options.get('compare');
  const [operand, tooMany] = call.operands;
  if (operand !== undefined && (compare === undefined || tooMany !== undefined || policy !== undefined)) {
    throw usageError(call.command, `"${tooMany ?? operand}" is one word too many.${didYouMean(operand, ['record', 'scorecard'])}`);
  }
  if (compare === undefined) {
    if (policy === undefined && !call.options.has('write')) throw usageError(call.command, 'Say which policy to evaluate: --policy uniform, or --policy FILE.');
    return { first: policy, second: undefined };
  }
  if (operand !== undefined) return { first: compare, second: operand };
  if (policy !== undefined) return { first: policy, second: compare };
  throw usageError(call.command, '--compare needs two policies: --compare A B, or --policy A --compare B.');
}

function loggersOf(call: Call): ReadonlyMap<string, Policy> | undefined {
  const text = call.options.get('balance');
  if (text === undefined) return undefined;
  const loggers = new Map<string, Policy>();
  for (const part of text.split(',')) {
    const at = part.indexOf('=');
    if (at <= 0 || at === part.length - 1) throw usageError(call.command, `--balance has "${part}"; give NAME=POLICY for each policy of the log, e.g. old=uniform,new=FILE.`);
    if (loggers.has(part.slice(0, at))) throw usageError(call.command, `--balance has the policy ${part.slice(0, at)} twice.`);
    loggers.set(part.slice(0, at), parsePolicy(part.slice(at + 1)));
  }
  return loggers;
}

function lambdasOf(call: Call): readonly number[] | undefined {
  const text = call.options.get('lambdas');
  return text?.split(',').map((word) => {
    const lambda = word.trim() === 'inf' ? Number.POSITIVE_INFINITY : word.trim() === '' ? Number.NaN : Number(word);
    if (!(lambda >= 0)) throw usageError(call.command, `--lambdas has "${word}"; give numbers from 0 on, or inf.`);
    return lambda;
  });
}

interface Settings {
  readonly estimators: readonly string[] | undefined;
  readonly clip: number;
  readonly tuning: { readonly by: 'slope' | 'mse'; readonly lambdas: readonly number[] | undefined };
  readonly level: number;
  readonly interval: IntervalMethod;
  readonly replicates: number;
  readonly seed: number;
  readonly rewards: { readonly low: number; readonly high: number } | undefined;
  readonly by: GroupBy | undefined;
  readonly segment: string | undefined;
}

function settings(call: Call): Settings {
  const by = call.options.get('by');
  const segment = by?.startsWith('segment:') === true ? by.slice('segment:'.length) : undefined;
  if (segment === '') throw usageError(call.command, '--by segment: needs the name of a column, or nothing behind it.');
  if (by !== undefined && segment === undefined && !['day', 'slot', 'segment'].includes(by)) throw usageError(call.command, `--by is "${by}"; give day, slot, segment or segment:NAME.${didYouMean(by, ['day', 'slot', 'segment'])}`);
  const level = positiveNumber(call, 'level') ?? 0.95;
  if (!(level < 1)) throw usageError(call.command, `--level is "${call.options.get('level')}"; give a number between 0 and 1, e.g. 0.95.`);
  return {
    estimators: call.options.get('estimators')?.split(',').map((name) => name.trim()).filter((name) => name !== ''),
    clip: positiveNumber(call, 'clip') ?? 10,
    tuning: { by: oneOf(call, 'tune', ['slope', 'mse']) ?? 'slope', lambdas: lambdasOf(call) },
    level,
    interval: oneOf(call, 'ci', Object.keys(intervalMethods) as IntervalMethod[]) ?? 'normal',
    replicates: wholeNumber(call, 'replicates', 10, 1_000_000) ?? 1_000,
    seed: wholeNumber(call, 'seed', 0) ?? 1,
    rewards: rewardRange(call),
    by: segment === undefined ? (by as GroupBy | undefined) : 'segment',
    segment,
  };
}

function rewardRange(call: Call): { low: number; high: number } | undefined {
  const text = call.options.get('reward-range');
  if (text === undefined) return undefined;
  const [low, high, more] = text.split(',').map((part) => (part.trim() === '' ? NaN : Number(part)));
  if (more !== undefined || !(low! < high!) || !Number.isFinite(low! + high!)) throw usageError(call.command, `--reward-range is "${text}"; give the least and the largest reward, e.g. 0,1.`);
  return { low: low!, high: high! };
}

const severity = { trust: 0, caution: 1, 'do-not-trust': 2 } as const;

/** The verdict on all that is compared. */
function worse({ first, second }: LogEvaluation): PolicyEvaluation['verdict'] {
  return second !== undefined && severity[second.verdict] > severity[first.verdict] ? second.verdict : first.verdict;
}

async function report(call: Call, decisions: DecisionTable, found: LogEvaluation, asked: Settings): Promise<void> {
  const { first, second, difference } = found;
  const log = { name: decisions.source, format: decisions.format, actions: decisions.actions ?? null };
  const about = { policy: first.policy, log: decisions.source, level: asked.level, ci: asked.interval, outcome_model: found.outcomeModel ?? null };
  const explained = call.options.has('explain') ? { explain: found.estimators } : {};
  const value = {
    n: first.n,
    estimates: first.estimates,
    diagnostics: first.diagnostics,
    findings: first.findings,
    verdict: worse(found),
    reasons: first.reasons,
    ...about,
    format: log.format,
    left_out: found.leftOut,
    remarks: found.remarks,
    ...(first.groups !== undefined && { by: first.groups }),
    ...(second !== undefined && { compare: { policy: second.policy, difference: differences(found), estimates: second.estimates, diagnostics: second.diagnostics, findings: second.findings, verdict: second.verdict, reasons: second.reasons, ...(second.groups !== undefined && { by: second.groups }) } }),
    ...explained,
  };
  const subject = { ...found, log, level: asked.level, interval: asked.interval, clip: asked.clip, verdict: worse(found), difference: difference === undefined ? undefined : differences(found)! };
  writeReport(call, 'html', () => reportPage(evaluationReport(subject)));
  writeReport(call, 'markdown', () => reportMarkdown(evaluationReport(subject)));
  const saved = call.options.get('save');
  if (saved !== undefined) {
    store(call.dataDir, { evaluation: pickStored({ name: saved, time: new Date().toISOString(), ...about, n: first.n, verdict: worse(found), estimates: first.estimates, logged_value: first.diagnostics.logged_value }) });
    call.notice(`Stored as ${saved}; after the test: headrace evaluate record ${saved} --observed …`);
  }
  await call.output.print(value, () => asText(call, decisions, found, asked));
}

function differences({ difference }: LogEvaluation) {
  return difference && Object.fromEntries(Object.entries(difference).map(([name, { value, interval, standardError }]) => [name, { value, low: interval?.low ?? null, high: interval?.high ?? null, standard_error: standardError }]));
}

function asText(call: Call, decisions: DecisionTable, found: LogEvaluation, asked: Settings): string {
  const { first, second } = found;
  const level = `${formatNumber(asked.level * 100)} %`;
  const parts = [
    [
      `${second === undefined ? first.policy : `${first.policy} against ${second.policy}`} on ${decisions.source} (${decisions.format})`,
      `  ${counted(first.n, 'decision')}${decisions.actions === undefined ? '' : ` over ${counted(decisions.actions, 'action')}`}, outcome model ${found.outcomeModel ?? 'none'}, ${level} intervals (${asked.interval})`,
      ...found.leftOut.map(({ code, rows, first: place, example }) => `  left out: ${formatNumber(rows)} × ${code}, first at ${place}: ${example}`),
      ...found.remarks.map((remark) => `  ${remark}`),
    ].join('\n'),
    ...[first, second].filter((of) => of !== undefined).map((of) => policyText(of, asked, second !== undefined)),
    ...(found.difference === undefined ? [] : [`${first.policy} less ${second!.policy}, on the same decisions\n${estimateTable(Object.fromEntries(Object.entries(differences(found)!)), level)}`]),
    ...(call.options.has('explain') ? [explainText(found)] : []),
  ];
  return parts.join('\n\n').trimEnd();
}

const counted = (n: number, what: string): string => `${formatNumber(n)} ${what}${n === 1 ? '' : 's'}`;

function policyText(of: PolicyEvaluation, asked: Settings, titled: boolean): string {
  const { diagnostics: d } = of;
  const level = `${formatNumber(asked.level * 100)} %`;
  return [
    ...(titled ? [of.policy] : []),
    estimateTable(of.estimates, level),
    `the log itself earned ${significant(d.logged_value)} a decision; effective sample size ${formatNumber(Math.round(d.ess))} of ${formatNumber(Math.round(of.n))}, largest weight ${significant(d.weight_max)}`,
    ...(of.groups === undefined ? [] : ['', groupTable(of, asked)]),
    '',
    `${of.verdict.toUpperCase().replaceAll('-', ' ')}: ${of.reasons[0]}`,
    ...of.findings.flatMap(({ code, severity, message }) => [`  ${severity === 'info' ? 'note' : severity}  ${code}  ${message}`, ...(severity === 'info' ? [] : [`         ${findingTable[code].remedy}`])]),
  ].join('\n');
}

function estimateTable(estimates: PolicyEvaluation['estimates'], level: string): string {
  const tuned = Object.values(estimates).some(({ lambda }) => lambda !== undefined);
  const rows = Object.entries(estimates).map(([name, { value, low, high, lambda }]) => [name, significant(value), significant(low), significant(high), ...(tuned ? [lambda === undefined || lambda === null ? '' : String(lambda)] : [])]);
  return table(['estimator', 'value', `${level} from`, 'to', ...(tuned ? ['λ'] : [])], rows, { align: ['left', 'right', 'right', 'right', 'right'] }).trimEnd();
}

function groupTable({ groups, estimates }: PolicyEvaluation, asked: Settings): string {
  const main = ['snips', 'ips', 'dr'].filter((name) => Object.hasOwn(estimates, name));
  const rows = groups!.map(({ of, n, estimates: found }) => [of, Math.round(n), ...main.flatMap((name) => [significant(found[name]!.value), interval(found[name]!)])]);
  return table([asked.by!, 'decisions', ...main.flatMap((name) => [name, ''])], rows, { align: ['left', 'right', ...main.flatMap(() => ['right', 'left'] as const)] }).trimEnd();
}

const interval = ({ low, high }: { readonly low: number | null; readonly high: number | null }): string => (low === null ? '' : `${significant(low)} to ${significant(high)}`);

function explainText({ estimators }: LogEvaluation): string {
  const letters = 'w: probability of what was shown under the candidate, over its propensity; r: reward; q: what the model expects of what was shown; v: what it expects of the candidate; n: decisions';
  return [`Estimators (${letters})`, ...estimators.map(({ name, formula, source }) => `  ${name}\n    ${formula}\n    ${source}`)].join('\n');
}
