import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { HeadraceError } from '../../dataflow/errors.js';
import { openRuntime, runtimePlace } from '../open-runtime.js';
import { type PipelineStatus, pipelineStatus } from '../operations/pipeline-status.js';
import { formatDuration, formatNumber } from '../terminal/number-format.js';
import { table } from '../terminal/table.js';
import { type Command, exitCodes } from './command.js';
import { didYouMean } from './nearest-name.js';

/** `headrace status`: how pipelines stand. */
export const status: Command = {
  name: 'status',
  usage: ['status [PIPELINE]'],
  about:
    'How pipelines stand, read from outside while they run: epoch and when it was committed, lag of each input partition, how far the watermark is\n' +
    'behind the newest record, and who runs them where that is known. PIPELINE is the name of one; without it all that have run here are shown.\n' +
    'Under --json a line for each pipeline.',
  options: {},
  operands: [0, 1],
  async run(call) {
    const [wanted] = call.operands;
    const isEmpty = call.kafka === undefined && !existsSync(join(call.dataDir, 'data.mdb'));
    if (isEmpty && wanted === undefined) {
      call.notice(`No pipeline has run in ${runtimePlace(call)}.`);
      return exitCodes.done;
    }
    const runtime = await openRuntime({ dataDir: call.dataDir, kafka: call.kafka, mode: 'read', warn: call.notice });
    try {
      const names = await runtime.directory.names();
      if (wanted !== undefined && !names.includes(wanted)) {
        throw new HeadraceError('HR_PIPELINE_UNKNOWN', `No pipeline "${wanted}" has run in ${runtimePlace(call)}.${didYouMean(wanted, names)}`, { remedy: 'See `headrace status` for those that have.' });
      }
      let shown = 0;
      for (const name of wanted === undefined ? names : [wanted]) {
        const found = await pipelineStatus(runtime, name);
        if (found === undefined) continue;
        if (!(await call.output.print(found, () => `${shown > 0 ? '\n' : ''}${asText(found, Date.now())}`))) break;
        shown += 1;
      }
      if (shown === 0) call.notice(`No pipeline has run in ${runtimePlace(call)}.`);
      return exitCodes.done;
    } finally {
      await runtime.close();
    }
  },
};

function asText({ pipeline, epoch, lag, committedAt, newest, watermark, watermarkDelayMs, inputs, members }: PipelineStatus, now: number): string {
  const committed = committedAt === null ? '' : `, committed ${formatDuration(Math.max(0, now - committedAt))} ago`;
  const time = newest === null ? 'no records yet' : `newest record ${new Date(newest).toISOString()}, ${watermarkDelayMs !== null ? `watermark ${formatDuration(watermarkDelayMs)} behind it` : watermark === 'none' ? 'no watermark: an input has no record yet' : 'all inputs were at their end'}`;
  const whole = members?.find((m) => m.inputs === 'all');
  const runBy = members === null ? [] : members.length === 0 ? ['nobody runs it'] : members.map(({ name, since }) => `run by ${name}${since === undefined ? '' : `, since ${new Date(since).toISOString()}`}`);
  const owner = (input: string) => members?.find((m) => m.inputs !== 'all' && m.inputs.includes(input))?.name ?? '';
  const shared = whole === undefined && (members ?? []).length > 0;
  const copied = members?.some((m) => m.standby !== undefined) ?? false;
  const copies = (task: number) => members?.filter((m) => m.standby?.includes(task)).map((m) => m.name).join(', ') ?? '';
  const rows = inputs.map(({ topic, partition, position, end, lag: behind }) => [`${topic}/${partition}`, position, end, behind, ...(shared ? [owner(`${topic}/${partition}`)] : []), ...(copied ? [copies(partition)] : [])]);
  return [
    `${pipeline}: epoch ${formatNumber(epoch)}${committed}, ${lag === 0 ? 'up to date' : `${formatNumber(lag)} records behind`}`,
    `  ${time}`,
    ...runBy.map((line) => `  ${line}`),
    ...table(['input', 'position', 'end', 'lag', ...(shared ? ['run by'] : []), ...(copied ? ['copy at'] : [])], rows).trimEnd().split('\n').map((line) => `  ${line}`),
  ].join('\n');
}
