import { createHash } from 'node:crypto';
import { HeadraceError } from '../../dataflow/errors.js';
import type { BasePlan } from '../../learning/base/base-plan.js';
import type { HeadPlan } from '../../learning/head-plan.js';
import type { ModelVersion } from '../../learning/model-registry.js';
import type { TrainedInterval } from '../../learning/train-head.js';
import { intervalOf } from '../../learning/train-head.js';
import { headOnBase } from '../../pipelines/head-on-base.js';
import { rankingHead } from '../../pipelines/ranking-head.js';
import { twoTower } from '../../pipelines/two-tower.js';
import { loadUserModule } from '../load-pipeline.js';
import { registerBase, retrainBase, type RetrainedBase } from '../retrain-base.js';
import { registerRetrained, retrainHead } from '../retrain-head.js';
import { formatNumber } from '../terminal/number-format.js';
import { progress } from '../terminal/progress.js';
import { table } from '../terminal/table.js';
import { oneOf, timeOption, usageError } from './arguments.js';
import { type Call, type Command, exitCodes } from './command.js';
import { didYouMean } from './nearest-name.js';

const things = { head: trainHeadOf, base: trainBaseOf } as const;

/** `headrace train`: a head or a base over a stretch of history. */
export const train: Command = {
  name: 'train',
  usage: ['train head [--from T] [--to T] [--on-base] [--plan FILE] [--dry-run]', 'train base [--from T] [--to T] [--source decisions|clicks] [--warehouse] [--plan FILE] [--dry-run]'],
  about:
    'Trains a head anew over the decisions of a stretch of time: the same steps as the pipeline head-training, interval by interval, from\n' +
    'its first weights on. What stands at the end is registered as a candidate; `models promote` makes it champion. On the CPU the same\n' +
    'decisions give the same weights, bit for bit: without --from and --to the artefact is that of the pipeline.\n' +
    '`train base` trains user and item towers on what was clicked, from the vectors of the champion on where there is one, and registers their\n' +
    'embeddings. The newest part is not learned: the base is judged by it.',
  options: {
    from: { value: 'T', what: 'what happened from this time on (2026-11-01, ISO 8601 with zone, or epoch ms)' },
    to: { value: 'T', what: 'what happened before this time' },
    source: { value: 'S', what: 'base: clicked slots of logged decisions (decisions, the default), or the topic clicks' },
    warehouse: { what: 'base: read the tables in ClickHouse (CLICKHOUSE_URL) instead of the topics' },
    'on-base': { what: 'head: the one of the pipeline head-on-base, on the base that is champion' },
    plan: { value: 'FILE', what: 'module whose default export is the plan, made by headPlan or basePlan (default: the shipped one)' },
    'dry-run': { what: 'register nothing' },
  },
  operands: [1, 1],
  endsOnAbort: true,
  async run(call) {
    const [what] = call.operands as [string];
    if (!Object.hasOwn(things, what)) throw usageError(call.command, `There is no training of "${what}"; there are ${Object.keys(things).join(' and ')}.${didYouMean(what, Object.keys(things))}`);
    const [from, to] = [timeOption(call, 'from'), timeOption(call, 'to')];
    if (from !== undefined && to !== undefined && from >= to) throw usageError(call.command, '--from is not before --to.');
    return things[what as keyof typeof things](call, from, to);
  },
};

async function trainHeadOf(call: Call, from: number | undefined, to: number | undefined): Promise<number> {
  for (const option of ['source', 'warehouse']) if (call.options.has(option)) throw usageError(call.command, `--${option} is for \`headrace train base\`.`);
  if (call.options.has('on-base') && call.options.has('plan')) throw usageError(call.command, '--plan and --on-base both name a plan; give one.');
  const plan = await planOf(call, call.options.has('on-base') ? headOnBase : rankingHead, 'headPlan', (p: Partial<HeadPlan>) => p.shape !== undefined && p.intervalMs !== undefined);
  const bar = progress({ label: `train ${plan.model}`, unit: 'records' });
  let total = 0;
  let shown = 0;
  const result = await retrainHead({
    plan,
    dataDir: call.dataDir,
    kafka: call.kafka,
    abort: call.abort,
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to }),
    warn: call.notice,
    onProgress(at) {
      if (at.total !== total) bar.describe({ total: (total = at.total) });
      bar.update(at.done);
    },
    onInterval: () => bar.describe({ label: `train ${plan.model}, ${++shown} intervals` }),
  });
  bar.done();
  if (call.abort.aborted) return exitCodes.interrupted;
  if (call.json) for (const interval of result.intervals) await call.output.print(intervalOf(interval), () => '');
  else if (result.intervals.length > 0) await call.output.print(result.intervals, () => shownIntervals(result.intervals));
  const { champion } = result;
  if (champion === undefined) throw new HeadraceError('HR_EXAMPLES', result.intervals.length === 0 ? 'There are no examples in that stretch of time.' : 'No candidate of that stretch of time has passed the gate.', { remedy: 'Take a longer stretch, or see the reasons in the table.' });
  if (call.options.has('dry-run')) {
    await call.output.print({ artefact: champion.artefact, registered: null }, () => `artefact ${champion.artefact}, registered nowhere`);
    return exitCodes.done;
  }
  await shownVersion(call, await registerRetrained({ ...result, champion }, call));
  return exitCodes.done;
}

async function trainBaseOf(call: Call, from = Number.NEGATIVE_INFINITY, to = Number.POSITIVE_INFINITY): Promise<number> {
  if (call.options.has('on-base')) throw usageError(call.command, '--on-base is for `headrace train head`.');
  const plan = await planOf(call, twoTower, 'basePlan', (p: Partial<BasePlan>) => p.temperature !== undefined && p.history !== undefined);
  const source = oneOf(call, 'source', ['decisions', 'clicks'] as const) ?? 'decisions';
  const isWarehouse = call.options.has('warehouse');
  if (isWarehouse && call.clickHouse === undefined) throw usageError(call.command, 'Say which ClickHouse: CLICKHOUSE_URL=http://HOST:8123, or CLICKHOUSE_URL=chdb: for tables in the data directory.');
  const bar = progress({ label: `train ${plan.model}`, unit: 'interactions' });
  let trained: RetrainedBase;
  try {
    trained = await retrainBase({ plan, dataDir: call.dataDir, kafka: call.kafka, ...(isWarehouse ? { clickHouse: call.clickHouse } : {}), source, from, to, abort: call.abort, onRead: (count) => bar.update(count) });
  } catch (error) {
    if (call.abort.aborted) return exitCodes.interrupted;
    throw error;
  } finally {
    bar.done();
  }
  const { metrics, verdict, bytes } = trained;
  const digest = createHash('sha256').update(bytes).digest('hex');
  await call.output.print({ model: plan.model, artefact: digest, bytes: bytes.length, parent: trained.parent, metrics, verdict: verdict ?? null }, () =>
    [`${formatNumber(metrics['interactions']!)} interactions of ${formatNumber(metrics['users']!)} users with ${formatNumber(metrics['items']!)} items`, ...(verdict?.checks.map((c) => `${c.verdict}: ${c.name}: ${c.why}; by popularity it is ${metrics['popularRecallAt20']!.toFixed(4)}`) ?? [])].join('\n'),
  );
  if (call.options.has('dry-run')) {
    await call.output.print({ artefact: digest, registered: null }, () => `artefact ${digest}, registered nowhere`);
    return exitCodes.done;
  }
  await shownVersion(call, await registerBase(trained, { plan, dataDir: call.dataDir, kafka: call.kafka }));
  return exitCodes.done;
}

async function shownVersion(call: Call, version: ModelVersion): Promise<void> {
  const next = version.stage === 'candidate' ? [`  headrace models promote ${version.model} ${version.version} champion`] : [];
  await call.output.print(version, () => [`${version.model} ${version.version}: ${version.stage}, artefact ${version.artefact}`, ...next].join('\n'));
}

async function planOf<P extends { readonly model: string }>(call: Call, shipped: P, maker: string, isPlan: (plan: Partial<P>) => boolean): Promise<P> {
  const file = call.options.get('plan');
  if (file === undefined) return shipped;
  const plan = (await loadUserModule(file, 'HR_ARGUMENT'))['default'] as Partial<P> | undefined;
  if (typeof plan?.model !== 'string' || !isPlan(plan)) throw new HeadraceError('HR_ARGUMENT', `${file} has no such plan as its default export.`, { remedy: `Let it \`export default ${maker}({ … })\`.` });
  return plan as P;
}

function shownIntervals(intervals: readonly TrainedInterval[]): string {
  const number = (x: number | null, digits = 4) => (x === null ? '-' : x.toFixed(digits));
  const rows = intervals.map((i) => [new Date(i.start).toISOString().slice(0, 16), formatNumber(i.examples), i.champion ?? '-', number(i.auc), number(i.entropy), number(i.calibration, 3), i.candidate ?? '-', i.verdict.toLowerCase(), i.verdict === 'PASSED' ? '' : i.reason]);
  return table(['interval from', 'examples', 'champion', 'AUC', 'entropy', 'calibration', 'candidate', 'verdict', 'why'], rows).trimEnd();
}
