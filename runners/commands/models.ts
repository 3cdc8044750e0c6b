import { systemClock } from '../../dataflow/clock.js';
import { HeadraceError } from '../../dataflow/errors.js';
import { topicValues } from '../../dataflow/topic-values.js';
import { driftFindings } from '../../learning/drift/drift-findings.js';
import { type ModelRegistry, type ModelStage, type ModelVersion, openModelRegistry } from '../../learning/model-registry.js';
import { trainingIntervals } from '../../learning/training-intervals.js';
import { featureConsistency } from '../../learning/skew/feature-consistency.js';
import type { DriftFinding } from '../../schemas/generated/drift-finding.js';
import type { FeatureConsistency } from '../../schemas/generated/feature-consistency.js';
import type { TrainingInterval } from '../../schemas/generated/training-interval.js';
import { reportMarkdown } from '../../serving/report-markdown.js';
import { reportPage } from '../../serving/report-page.js';
import { trainingReport } from '../../serving/training-report.js';
import type { Runtime } from '../engine/job.js';
import { openRuntime } from '../open-runtime.js';
import { formatNumber } from '../terminal/number-format.js';
import { table } from '../terminal/table.js';
import { positiveNumber, timeOption, usageError, wholeNumber } from './arguments.js';
import { type Call, type Command, exitCodes } from './command.js';
import { didYouMean } from './nearest-name.js';
import { writeReport } from './write-report.js';

const stages = ['shadow', 'canary', 'champion', 'retired', 'rejected'] as const satisfies readonly Exclude<ModelStage, 'candidate'>[];

interface Verb {
  readonly operands: readonly [least: number, most: number];
  readonly writes: boolean;
  run(call: Call, models: ModelRegistry, words: readonly string[], runtime: Runtime): Promise<void>;
}

const verbs: Readonly<Record<string, Verb>> = {
  list: { operands: [0, 1], writes: false, run: list },
  show: { operands: [2, 2], writes: false, run: (call, models, [model, version]) => show(call, versionOf(call, models, model!, version!)) },
  diff: { operands: [3, 3], writes: false, run: (call, models, [model, a, b]) => diff(call, versionOf(call, models, model!, a!), versionOf(call, models, model!, b!)) },
  report: { operands: [1, 1], writes: false, run: report },
  promote: {
    operands: [3, 3],
    writes: true,
    async run(call, models, [model, version, stage]) {
      const chosen = stages.find((s) => s === stage);
      if (chosen === undefined) throw usageError(call.command, `"${stage}" is no stage; give ${stages.join(', ')}.${didYouMean(stage!, stages)}`);
      const share = positiveNumber(call, 'share');
      const { version: number } = versionOf(call, models, model!, version!);
      await show(call, await models.promote(model!, number, chosen, { reason: call.options.get('reason') ?? '', ...(share === undefined ? {} : { share }) }));
    },
  },
  prune: { operands: [1, 1], writes: true, run: prune },
  rollback: { operands: [1, 1], writes: true, run: async (call, models, [model]) => show(call, await models.rollback(model!, call.options.get('reason') ?? '')) },
};

/** `headrace models`: the versions of models and where they stand. */
export const modelsCommand: Command = {
  name: 'models',
  usage: ['models list [MODEL]', 'models show MODEL VERSION', 'models diff MODEL VERSION VERSION', 'models report MODEL --html FILE [--from T] [--to T]', 'models promote MODEL VERSION STAGE [--share S] [--reason R]', 'models rollback MODEL [--reason R]', 'models prune MODEL [--keep N] [--champions N] [--dry-run]'],
  about:
    'Versions of models never change; their stages do: candidate, shadow, canary (with its --share of the traffic), champion, retired,\n' +
    'rejected. A new champion retires the one before; rollback brings that one back. Every change is a record on the topic models.\n' +
    'What the gate has rejected cannot be promoted; `models show` says why.\n' +
    '`models prune` deletes artefacts of retired and rejected versions, but for the newest ones and the champions before the present one; the\n' +
    'versions stay listed.\n' +
    '`models report` shows a stretch of head-training: quality, candidates, reasons and drift, with pictures.',
  options: {
    keep: { value: 'N', what: 'prune: newest versions that keep their artefacts (default 20)' },
    champions: { value: 'N', what: 'prune: champions before the present one that keep theirs (default 5)' },
    'dry-run': { what: 'prune: say what would be deleted' },
    html: { value: 'FILE', what: 'report: where to write it, as one HTML page' },
    markdown: { value: 'FILE', what: 'report: the same as Markdown' },
    from: { value: 'T', what: 'report: intervals from this time on (2026-11-01, ISO 8601 with zone, or epoch ms)' },
    to: { value: 'T', what: 'report: intervals before this time' },
    share: { value: 'S', what: 'promote to canary: share of the traffic, above 0 and at most 1' },
    reason: { value: 'R', what: 'promote and rollback: why, for whoever looks later' },
  },
  operands: [1, 4],
  async run(call) {
    const [word, ...words] = call.operands as [string, ...string[]];
    const verb = Object.hasOwn(verbs, word) ? verbs[word]! : undefined;
    if (verb === undefined) throw usageError(call.command, `There is no \`models ${word}\`; there are ${Object.keys(verbs).join(', ')}.${didYouMean(word, Object.keys(verbs))}`);
    if (words.length < verb.operands[0] || words.length > verb.operands[1]) {
      throw usageError(call.command, `This is called as headrace ${modelsCommand.usage.find((u) => u.startsWith(`models ${word}`))}.`);
    }
    const runtime = await openRuntime({ dataDir: call.dataDir, kafka: call.kafka, mode: verb.writes ? 'write' : 'read', owner: 'headrace models', warn: call.notice });
    try {
      const models = await openModelRegistry({ ...runtime, clock: systemClock });
      await verb.run(call, models, words, runtime);
    } finally {
      await runtime.close();
    }
    return exitCodes.done;
  },
};

function versionOf(call: Call, models: ModelRegistry, model: string, version: string): ModelVersion {
  if (!/^[1-9]\d*$/.test(version)) throw usageError(call.command, `"${version}" is no version; give a number from 1 on.`);
  const names = models.names();
  if (!names.includes(model)) throw new HeadraceError('HR_MODEL', `There is no model "${model}"; there ${names.length === 0 ? 'are none' : `are ${names.join(', ')}`}.${didYouMean(model, names)}`);
  return models.get(model, Number(version));
}

const iso = (time: number) => new Date(time).toISOString();
const shown = (x: number) => (Number.isInteger(x) ? formatNumber(x) : String(Number(x.toPrecision(5))));

async function list(call: Call, models: ModelRegistry, [model]: readonly string[]): Promise<void> {
  const names = model === undefined ? models.names() : [model];
  const versions = names.flatMap((name) => models.list(name));
  if (call.json) {
    for (const version of versions) if (!(await call.output.print(version, () => ''))) return;
  } else if (versions.length === 0) call.notice(model === undefined ? `There are no models in ${call.dataDir}.` : `There is no model "${model}" in ${call.dataDir}.${didYouMean(model, models.names())}`);
  else {
    const rows = versions.map((v) => [v.model, v.version, v.stage === 'canary' ? `canary ${shown(100 * v.share)} %` : v.stage, v.parent ?? '-', iso(v.registered), v.artefact.slice(0, 12)]);
    await call.output.print(versions, () => table(['model', 'version', 'stage', 'parent', 'registered', 'artefact'], rows).trimEnd());
  }
}

async function show(call: Call, v: ModelVersion): Promise<void> {
  await call.output.print(v, () =>
    [
      `${v.model} ${v.version}: ${v.stage}${v.stage === 'canary' ? `, ${shown(100 * v.share)} % of the traffic` : ''}, since ${iso(v.staged)}${v.reason === '' ? '' : ` (${v.reason})`}`,
      `  artefact   ${v.artefact}, ${formatNumber(v.bytes)} bytes`,
      `  registered ${iso(v.registered)}${v.parent === null ? '' : `, trained on from version ${v.parent}`}${v.isPruned ? '; its artefact was deleted' : ''}`,
      ...Object.entries(v.inputs).map(([input, offset]) => `  learned    ${input} up to offset ${formatNumber(offset)}`),
      ...Object.entries(v.metrics).map(([name, value]) => `  ${name.padEnd(10)} ${shown(value)}`),
      ...(v.verdict === null ? [] : [`  gate       ${v.verdict.verdict}`, ...v.verdict.checks.map((c) => `    ${c.verdict.padEnd(8)} ${c.name}: ${c.why} (${c.limit})`)]),
    ].join('\n'),
  );
}

async function prune(call: Call, models: ModelRegistry, [model]: readonly string[]): Promise<void> {
  if (!models.names().includes(model!)) throw new HeadraceError('HR_MODEL', `There is no model "${model}" in ${call.dataDir}.${didYouMean(model!, models.names())}`);
  const [versions, champions] = [wholeNumber(call, 'keep', 0), wholeNumber(call, 'champions', 0)];
  const keep = { ...(versions === undefined ? {} : { versions }), ...(champions === undefined ? {} : { champions }) };
  const isTrial = call.options.has('dry-run');
  const pruned = isTrial ? models.prunable(model!, keep) : await models.prune(model!, keep);
  const bytes = pruned.reduce((sum, v) => sum + v.bytes, 0);
  await call.output.print({ model, versions: pruned.map((v) => v.version), bytes, deleted: !isTrial }, () =>
    pruned.length === 0 ? 'nothing to delete' : `${isTrial ? 'would delete' : 'deleted'} the artefacts of ${formatNumber(pruned.length)} versions, ${formatNumber(bytes)} bytes: ${pruned.map((v) => v.version).join(', ')}`,
  );
}

async function diff(call: Call, a: ModelVersion, b: ModelVersion): Promise<void> {
  const names = [...new Set([...Object.keys(a.metrics), ...Object.keys(b.metrics)])].sort();
  const metrics = Object.fromEntries(names.map((name) => [name, { from: a.metrics[name] ?? null, to: b.metrics[name] ?? null }]));
  await call.output.print({ model: a.model, from: a.version, to: b.version, stages: { from: a.stage, to: b.stage }, sameArtefact: a.artefact === b.artefact, metrics }, () => {
    const cell = (x: number | undefined) => (x === undefined ? '-' : shown(x));
    const change = (name: string) => (a.metrics[name] === undefined || b.metrics[name] === undefined ? '-' : `${b.metrics[name]! >= a.metrics[name]! ? '+' : ''}${shown(b.metrics[name]! - a.metrics[name]!)}`);
    const rows = [['stage', a.stage, b.stage, ''], ['artefact', a.artefact.slice(0, 12), b.artefact.slice(0, 12), a.artefact === b.artefact ? 'the same' : ''], ...names.map((name) => [name, cell(a.metrics[name]), cell(b.metrics[name]), change(name)])];
    return table([a.model, `version ${a.version}`, `version ${b.version}`, 'change'], rows).trimEnd();
  });
}

async function report(call: Call, models: ModelRegistry, [model]: readonly string[], runtime: Runtime): Promise<void> {
  const [from, to] = [timeOption(call, 'from') ?? Number.NEGATIVE_INFINITY, timeOption(call, 'to') ?? Number.POSITIVE_INFINITY];
  if (!call.options.has('html') && !call.options.has('markdown')) throw usageError(call.command, 'Say where the report goes, with --html FILE or --markdown FILE.');
  const intervals: TrainingInterval[] = [];
  for await (const interval of topicValues(trainingIntervals, runtime)) if (interval.model === model && interval.start >= from && interval.start < to) intervals.push(interval);
  if (intervals.length === 0) throw new HeadraceError('HR_MODEL', `There are no intervals of ${model} in that time.`, { remedy: 'Run head-training first, or take a longer stretch; `headrace topic read training-intervals` shows what there is.' });
  intervals.sort((a, b) => a.start - b.start);
  const findings: DriftFinding[] = [];
  for await (const finding of topicValues(driftFindings, runtime)) if (finding.model === model && finding.time >= intervals[0]!.start && finding.time <= intervals.at(-1)!.end) findings.push(finding);
  const versions = models.list(model!).filter((v) => v.registered > intervals[0]!.start && v.registered <= intervals.at(-1)!.end);
  const consistency: FeatureConsistency[] = [];
  for await (const line of topicValues(featureConsistency, runtime)) if (line.model === model && line.end > intervals[0]!.start && line.start < intervals.at(-1)!.end) consistency.push(line);
  const page = trainingReport({ model: model!, intervals, versions, findings: findings.sort((a, b) => a.time - b.time), consistency });
  writeReport(call, 'html', () => reportPage(page));
  writeReport(call, 'markdown', () => reportMarkdown(page));
  await call.output.print({ model, intervals: intervals.length, versions: versions.length, findings: findings.length, verdict: page.verdict }, () => page.verdict!.text);
}
