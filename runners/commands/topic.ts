import { HeadraceError } from '../../dataflow/errors.js';
import { formatMs } from '../../dataflow/duration.js';
import { type OpenRuntime, openRuntime, runtimePlace } from '../open-runtime.js';
import { redrive } from '../operations/redrive.js';
import { formatNumber } from '../terminal/number-format.js';
import { table } from '../terminal/table.js';
import { printable } from '../terminal/text-width.js';
import { timeOption, usageError, wholeNumber } from './arguments.js';
import { type Call, type Command, exitCodes } from './command.js';
import { didYouMean } from './nearest-name.js';
import { readRecords, type ReadRecord } from './read-records.js';

/** `headrace topic`: what is in the topics. */
export const topicCommand: Command = {
  name: 'topic',
  usage: ['topic list', 'topic read NAME [--from T] [--to T] [--limit N] [--partition P]', 'topic redrive NAME [--limit N]'],
  about:
    'Lists the topics of a data directory or of Kafka (KAFKA_BROKERS), or prints the records of one: committed records only, also while another process writes.\n' +
    'Records come in the order of their timestamps as far as offsets allow. T is 2026-11-01, 2026-11-01T10:00:00Z or epoch\n' +
    'milliseconds, --from included, --to not; both look at the timestamp of the record.\n' +
    'redrive sends dead letters back to the topics that they were read from, each once, after what was wrong with them is mended: NAME is a\n' +
    'topic that ends in .dlq. It goes on where the last one stopped.',
  options: {
    from: { value: 'T', what: 'records from this time on' },
    to: { value: 'T', what: 'records before this time' },
    limit: { value: 'N', what: 'at most so many records or letters' },
    partition: { value: 'P', what: 'of this partition only' },
  },
  operands: [1, 2],
  endsOnAbort: true,
  async run(call) {
    const [what, name] = call.operands as [string, string | undefined];
    if (!Object.hasOwn(optionsOf, what)) throw usageError(call.command, `"${what}" is nothing that \`headrace topic\` does.${didYouMean(what, Object.keys(optionsOf))}`);
    const takesName = what !== 'list';
    if (takesName !== (name !== undefined)) throw usageError(call.command, takesName ? `The name of the topic is missing: headrace topic ${what} NAME.` : `"${name}" is one word too many: headrace topic list.`);
    const given = Object.keys(topicCommand.options).find((option) => call.options.has(option) && !optionsOf[what]!.includes(option));
    if (given !== undefined) throw usageError(call.command, `\`headrace topic ${what}\` has no option --${given}.`);
    if (what === 'redrive') return redriveLetters(call, name!);
    const runtime = await openRuntime({ dataDir: call.dataDir, kafka: call.kafka, mode: 'read', warn: call.notice });
    try {
      await (what === 'read' ? readTopic(call, runtime, name!) : list(call, runtime));
      return exitCodes.done;
    } finally {
      await runtime.close();
    }
  },
};

/** What topic commands there are, and their options. */
const optionsOf: Readonly<Record<string, readonly string[]>> = { list: [], read: ['from', 'to', 'limit', 'partition'], redrive: ['limit'] };

async function redriveLetters(call: Call, name: string): Promise<number> {
  const limit = wholeNumber(call, 'limit', 1);
  const runtime = await openRuntime({ dataDir: call.dataDir, kafka: call.kafka, mode: 'write', owner: `redrive of ${name}`, warn: call.notice });
  try {
    const { sent, kept } = await redrive(runtime.log, name, { limit, now: Date.now, abort: call.abort });
    await call.output.print({ topic: name, sent, kept }, () =>
      [
        ...Object.entries(sent).map(([topic, n]) => `${formatNumber(n)} ${n === 1 ? 'record' : 'records'} sent back to topic ${topic}`),
        ...Object.entries(kept).map(([why, n]) => `${formatNumber(n)} ${n === 1 ? 'letter stays' : 'letters stay'}: ${why}`),
        ...(Object.keys(sent).length + Object.keys(kept).length === 0 ? [`No letter of ${name} that has not been sent back.`] : []),
      ].join('\n'),
    );
    return exitCodes.done;
  } finally {
    await runtime.close();
  }
}

async function list(call: Call, { log }: OpenRuntime): Promise<void> {
  const rows = [];
  for (const { name, partitions, retentionMs } of await log.topics()) {
    const bounds = await Promise.all(Array.from({ length: partitions }, (_, p) => log.bounds(name, p)));
    rows.push({ topic: name, partitions, records: bounds.reduce((n, b) => n + b.end - b.start, 0), retentionMs: retentionMs === Infinity ? null : retentionMs, bounds });
  }
  if (call.json) {
    for (const row of rows) if (!(await call.output.print(row, () => ''))) return;
  } else if (rows.length === 0) call.notice(`There are no topics in ${runtimePlace(call)}.`);
  else {
    const text = table(['topic', 'partitions', 'records', 'kept'], rows.map((r) => [r.topic, r.partitions, r.records, r.retentionMs === null ? 'forever' : formatMs(r.retentionMs)]));
    await call.output.print(rows, () => text.trimEnd());
  }
}

async function readTopic(call: Call, runtime: OpenRuntime, name: string): Promise<void> {
  const limit = wholeNumber(call, 'limit', 0) ?? Number.POSITIVE_INFINITY;
  const topics = await runtime.log.topics();
  const topic = topics.find((t) => t.name === name);
  if (topic === undefined) {
    const near = didYouMean(name, topics.map((t) => t.name));
    throw new HeadraceError('HR_TOPIC_MISSING', `There is no topic "${name}" in ${runtimePlace(call)}.${near}`, { place: { topic: name }, remedy: 'See `headrace topic list`.' });
  }
  const partition = wholeNumber(call, 'partition', 0, topic.partitions - 1);
  const partitions = partition === undefined ? Array.from({ length: topic.partitions }, (_, p) => p) : [partition];
  const records = readRecords(runtime, { topic: name, partitions, from: timeOption(call, 'from'), to: timeOption(call, 'to') });
  let printed = 0;
  if (limit === 0) return;
  for await (const record of records) {
    if (!(await call.output.print(record, () => asText(record)))) return;
    if (++printed === limit) return;
  }
  if (printed === 0) call.notice(`No record of ${name} ${call.options.size > 0 ? 'meets the options' : 'is there yet'}; it has ${formatNumber(topic.partitions)} partitions.`);
}

function asText({ topic, partition, offset, timestamp, key, headers, value }: ReadRecord): string {
  const time = Number.isSafeInteger(timestamp) && Math.abs(timestamp) < 8.64e15 ? new Date(timestamp).toISOString() : String(timestamp);
  const written = (part: unknown) => (typeof part === 'string' ? printable(part) : JSON.stringify(part));
  const withHeaders = Object.keys(headers).length === 0 ? '' : `  ${Object.entries(headers).map(([name, text]) => `${printable(name)}=${written(text)}`).join(' ')}`;
  return `${time}  ${topic}/${partition}@${offset}  ${key === null ? '-' : written(key)}  ${JSON.stringify(value)}${withHeaders}`;
}
