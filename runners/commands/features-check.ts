import type { OpenRuntime } from '../open-runtime.js';
import type { FeatureSet } from '../../dataflow/features/features.js';
import { definition } from '../../dataflow/topic.js';
import { checkFeatures, type CheckResult } from '../check-features.js';
import { formatNumber } from '../terminal/number-format.js';
import { progress } from '../terminal/progress.js';
import { table } from '../terminal/table.js';
import { timeOption, usageError, wholeNumber } from './arguments.js';
import { type Call, exitCodes } from './command.js';

/** `headrace features check`: what the stream stored against what SQL gives over the same records. */
export async function checkSet(call: Call, runtime: OpenRuntime, pipeline: string, set: FeatureSet): Promise<number> {
  const count = wholeNumber(call, 'times', 1, 100_000);
  const seed = wholeNumber(call, 'seed', 0) ?? 1;
  const asOf = timeOption(call, 'as-of');
  if (count !== undefined && asOf !== undefined) throw usageError(call.command, '--as-of names one time and --times asks for random ones: give one of them.');
  const times = count !== undefined ? { count, seed } : asOf === undefined ? undefined : [asOf];
  const started = performance.now();
  let phase: 'reading' | 'comparing' = 'reading';
  let line = progress({ label: `reading ${set.of.topic[definition].name}`, unit: 'records' });
  const result = await checkFeatures(set, {
    runtime,
    pipeline,
    share: shareOption(call),
    ...(times === undefined ? {} : { times }),
    onProgress(now, done, total) {
      if (now !== phase) {
        phase = now;
        line.done();
        line = progress({ label: `checking ${set.name}`, unit: 'look-ups' });
      }
      line.describe({ total });
      line.update(done);
    },
  }).finally(() => line.done());
  if (result.entities === 0) call.notice(`No ${set.name} is in the sample: nothing was compared.`);
  await print(call, set, result, performance.now() - started);
  return result.equal ? exitCodes.done : exitCodes.differs;
}

async function print(call: Call, set: FeatureSet, result: CheckResult, ms: number): Promise<void> {
  const iso = (t: number) => new Date(t).toISOString();
  const { features, differences, times, records, entities, equal } = result;
  const sum = (of: 'compared' | 'mismatch' | 'missing' | 'extra') => features.reduce((n, f) => n + f[of], 0);
  const totals = { compared: sum('compared'), mismatch: sum('mismatch'), missing: sum('missing'), extra: sum('extra') };
  if (call.json) {
    for (const feature of features) await call.output.print({ set: set.name, ...feature }, () => '');
    for (const difference of differences) await call.output.print({ set: set.name, ...difference, at: iso(difference.at) }, () => '');
    await call.output.print({ set: set.name, equal, records, entities, times: times.map(iso), ...totals, wallS: ms / 1000 }, () => '');
    return;
  }
  const rows = features.map((f) => [f.feature, formatNumber(f.compared), formatNumber(f.mismatch), formatNumber(f.missing), formatNumber(f.extra), `${Number((f.smape * 100).toFixed(4))} %`]);
  const shown = (value: number | null) => (value === null ? 'nothing' : String(value));
  const when = times.length === 1 ? `at ${iso(times[0]!)}` : `at ${formatNumber(times.length)} times`;
  await call.output.print(result, () =>
    [
      `${set.name}: ${formatNumber(entities)} entities ${when}, ${formatNumber(records)} records of ${set.of.topic[definition].name}`,
      table(['feature', 'compared', 'mismatch', 'missing', 'extra', 'SMAPE'], rows),
      ...differences.map((d) => `${d.entity} at ${iso(d.at)}: ${d.feature} is ${shown(d.stream)} in the stream and ${shown(d.sql)} in SQL`),
      equal ? `stream = SQL: ${formatNumber(totals.compared)} values, none differs, in ${(ms / 1000).toFixed(1)}s` : `stream and SQL differ: ${formatNumber(totals.mismatch)} mismatches, ${formatNumber(totals.missing)} missing, ${formatNumber(totals.extra)} extra of ${formatNumber(totals.compared)} values`,
    ].join('\n'),
  );
}

/** `1%` or `0.01`; all without it. @throws HR_USAGE */
function shareOption(call: Call): number {
  const text = call.options.get('sample');
  if (text === undefined) return 1;
  const match = /^(\d+(?:\.\d+)?)(%?)$/.exec(text);
  const share = match === null ? Number.NaN : Number(match[1]) / (match[2] === '%' ? 100 : 1);
  if (share > 0 && share <= 1) return share;
  throw usageError(call.command, `--sample is "${text}"; give a share of the entities over 0 and up to 100%: 1%.`);
}
