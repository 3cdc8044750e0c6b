import { loadPipeline } from '../load-pipeline.js';
import { replay as replayPipeline, type ReplayResult } from '../replay.js';
import { progress } from '../terminal/progress.js';
import { formatNumber } from '../terminal/number-format.js';
import { timeOption, usageError } from './arguments.js';
import { type Command, exitCodes } from './command.js';

/** `headrace replay`: the same code over history, byte for byte. */
export const replay: Command = {
  name: 'replay',
  usage: ['replay PIPELINE [--from T] [--to T] [--compare]'],
  about:
    'Runs a pipeline again over the history of its input topics, in a scratch state that is thrown away, and compares what comes out\n' +
    'with what was emitted: key, value, timestamp and headers of every record, and the tiles of every feature. The replay begins with\n' +
    'the first record, since state may reach back as far; --from and --to choose the records that are compared, by their timestamps.\n' +
    'Exit code 3 when they differ. Nothing in the data directory changes.',
  options: {
    from: { value: 'T', what: 'compare records from this time on (2026-11-01, ISO 8601 with zone, or epoch ms)' },
    to: { value: 'T', what: 'compare records before this time' },
    compare: { what: 'compare with what was emitted (always done; the word makes scripts clear)' },
  },
  operands: [1, 1],
  async run(call) {
    const from = timeOption(call, 'from');
    const to = timeOption(call, 'to');
    if (from !== undefined && to !== undefined && from >= to) throw usageError(call.command, '--from is not before --to.');
    const pipeline = await loadPipeline(call.operands[0]!);
    const bar = progress({ label: `replay ${pipeline.name}`, unit: 'records' });
    let total = 0;
    const result = await replayPipeline(pipeline, {
      dataDir: call.dataDir,
      kafka: call.kafka,
      abort: call.abort,
      ...(from === undefined ? {} : { from }),
      ...(to === undefined ? {} : { to }),
      onProgress(at) {
        if (at.total !== total) bar.describe({ total: (total = at.total) });
        bar.update(at.done);
      },
    });
    bar.done(`${formatNumber(result.records)} records replayed`);
    await call.output.print(
      { pipeline: pipeline.name, equal: result.equal, records: result.records, topics: result.topics.filter((t) => t.emitted > 0 || t.replayed > 0), features: result.features },
      () => describe(pipeline.name, result),
    );
    return result.equal ? exitCodes.done : exitCodes.differs;
  },
};

function describe(name: string, result: ReplayResult): string {
  const lines = [result.equal ? `${name}: equal. The replay emitted what was emitted, byte for byte.` : `${name}: DIFFERENT.`];
  for (const topic of result.topics) {
    if (topic.emitted === 0 && topic.replayed === 0) continue;
    lines.push(`  ${topic.topic}: ${formatNumber(topic.emitted)} emitted, ${formatNumber(topic.replayed)} replayed, ${topic.differences === 0 ? 'equal' : `${formatNumber(topic.differences)} differences`}`);
    for (const { partition, emitted, replayed } of topic.first) {
      const side = (record: typeof emitted) => (record === undefined ? 'nothing' : `offset ${record.offset}, ${new Date(record.timestamp).toISOString()}, key ${record.key}, value ${record.value}`);
      lines.push(`    partition ${partition}`, `      emitted:  ${side(emitted)}`, `      replayed: ${side(replayed)}`);
    }
  }
  for (const { step, hours, differences } of result.features) lines.push(`  ${step}: ${formatNumber(hours)} hours of tiles, ${differences === 0 ? 'equal' : `${formatNumber(differences)} differences`}`);
  return lines.join('\n');
}
