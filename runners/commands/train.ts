import { HeadraceError } from '../../dataflow/errors.js';
import type { HeadPlan } from '../../learning/head-plan.js';
import type { TrainedInterval } from '../../learning/train-head.js';
import { intervalOf } from '../../learning/train-head.js';
import { rankingHead } from '../../pipelines/ranking-head.js';
import { loadUserModule } from '../load-pipeline.js';
import { registerRetrained, retrainHead } from '../retrain-head.js';
import { formatNumber } from '../terminal/number-format.js';
import { progress } from '../terminal/progress.js';
import { table } from '../terminal/table.js';
import { timeOption, usageError } from './arguments.js';
import { type Call, type Command, exitCodes } from './command.js';
import { didYouMean } from './nearest-name.js';

/** `headrace train`: a head over a stretch of history. */
export const train: Command = {
  name: 'train',
  usage: ['train head [--from T] [--to T] [--plan FILE] [--dry-run]'],
  about:
    'Trains a head anew over the decisions of a stretch of time: the same steps as the pipeline head-training, interval by interval, from\n' +
    'its first weights on. What stands at the end is registered as a candidate; `models promote` makes it champion. On the CPU the same\n' +
    'decisions give the same weights, bit for bit: without --from and --to the artefact is that of the pipeline.',
  options: {
    from: { value: 'T', what: 'decisions from this time on (2026-11-01, ISO 8601 with zone, or epoch ms)' },
    to: { value: 'T', what: 'decisions before this time' },
    plan: { value: 'FILE', what: 'module whose default export is the plan, made by headPlan (default: that of the shipped pipeline)' },
    'dry-run': { what: 'register nothing' },
  },
  operands: [1, 1],
  endsOnAbort: true,
  async run(call) {
    if (call.operands[0] !== 'head') throw usageError(call.command, `There is no training of "${call.operands[0]}"; there is head.${didYouMean(call.operands[0]!, ['head'])}`);
    const [from, to] = [timeOption(call, 'from'), timeOption(call, 'to')];
    if (from !== undefined && to !== undefined && from >= to) throw usageError(call.command, '--from is not before --to.');
    const plan = await planOf(call);
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
    const version = await registerRetrained({ ...result, champion }, call);
    await call.output.print(version, () => `${version.model} ${version.version}: ${version.stage}, artefact ${version.artefact}\n  headrace models promote ${version.model} ${version.version} champion`);
    return exitCodes.done;
  },
};

async function planOf(call: Call): Promise<HeadPlan> {
  const file = call.options.get('plan');
  if (file === undefined) return rankingHead;
  const plan = (await loadUserModule(file, 'HR_ARGUMENT'))['default'] as Partial<HeadPlan> | undefined;
  if (typeof plan?.model !== 'string' || plan.shape === undefined || plan.intervalMs === undefined) throw new HeadraceError('HR_ARGUMENT', `${file} has no plan as its default export.`, { remedy: 'Let it `export default headPlan({ … })`.' });
  return plan as HeadPlan;
}

function shownIntervals(intervals: readonly TrainedInterval[]): string {
  const number = (x: number | null, digits = 4) => (x === null ? '-' : x.toFixed(digits));
  const rows = intervals.map((i) => [new Date(i.start).toISOString().slice(0, 16), formatNumber(i.examples), i.champion ?? '-', number(i.auc), number(i.entropy), number(i.calibration, 3), i.candidate ?? '-', i.verdict.toLowerCase(), i.verdict === 'PASSED' ? '' : i.reason]);
  return table(['interval from', 'examples', 'champion', 'AUC', 'entropy', 'calibration', 'candidate', 'verdict', 'why'], rows).trimEnd();
}
