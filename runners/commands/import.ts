import type { LogClient } from '../../dataflow/ports/log-client.js';
import { HeadraceError } from '../../dataflow/errors.js';
import { apacheLogs } from '../import/apache-logs.js';
import { clicksJsonl } from '../import/clicks-jsonl.js';
import type { Importer, ImportSummary } from '../import/importer.js';
import { movielens } from '../import/movielens.js';
import { refusedTopic, writeEvents } from '../import/write-events.js';
import { openRuntime } from '../open-runtime.js';
import { formatDuration, formatNumber } from '../terminal/number-format.js';
import { progress } from '../terminal/progress.js';
import { usageError, wholeNumber } from './arguments.js';
import { type Command, exitCodes } from './command.js';
import { didYouMean } from './nearest-name.js';

const importers: Readonly<Record<string, Importer>> = { 'apache-logs': apacheLogs, movielens, clicks: clicksJsonl };

/** `headrace import`: a file becomes events of the topic `clicks`. */
export const importCommand: Command = {
  name: 'import',
  usage: ['import apache-logs FILE', 'import movielens DIR', 'import clicks FILE.jsonl'],
  about:
    'Writes the events of a file to the topic clicks, in event-time order; FILE may be - for standard input. A line that is no event goes\n' +
    'with its bytes to the topic clicks.dlq, headers tell the line number and why. Events are committed in blocks: an import that is\n' +
    'interrupted keeps the blocks that were committed, and event ids (file:line) tell what is there twice after a second try.',
  options: { partitions: { value: 'N', what: 'partitions of the topic clicks when it is created (default 4)' } },
  operands: [2, 2],
  endsOnAbort: true,
  async run(call) {
    const [format, input] = call.operands as [string, string];
    const importer = Object.hasOwn(importers, format) ? importers[format] : undefined;
    if (importer === undefined) throw usageError(call.command, `"${format}" is not a format; there are ${Object.keys(importers).join(', ')}.${didYouMean(format, Object.keys(importers))}`);
    const started = performance.now();
    const bar = progress({ label: `reading ${input}`, unit: 'lines' });
    const runtime = await openRuntime({ dataDir: call.dataDir, kafka: call.kafka, mode: 'write', owner: `import ${format}`, warn: call.notice });
    let summary: ImportSummary | undefined;
    try {
      const before = await recordsIn(runtime.log, 'clicks');
      if (before > 0) call.notice(`The topic clicks already has ${formatNumber(before)} records; these come behind them.`);
      const imported = importer(input, {
        report(read) {
          summary = read;
          bar.describe({ label: 'writing clicks', total: read.events });
        },
        progress(lines) {
          call.abort.throwIfAborted();
          bar.update(lines);
        },
      });
      let refused = 0;
      const written = await writeEvents(imported, {
        log: runtime.log,
        registry: runtime.registry,
        input,
        partitions: wholeNumber(call, 'partitions', 1, 10_000),
        abort: call.abort,
        onProgress: (events) => bar.update(events),
        onRefused(line, offset) {
          if (refused++ > 0) return;
          const detail = `Line ${line.line} of ${input} is no event: ${line.reason}.`;
          const remedy = `The line is in the dead-letter topic with its bytes; mend and import it again. Further ones are counted, not printed.`;
          call.notice(new HeadraceError('HR_INPUT_LINE', detail, { place: { step: 'import', topic: refusedTopic, partition: 0, offset }, remedy }).format());
        },
      });
      bar.done();
      const { lines = 0, skipped = 0, ignoredFields = new Map<string, number>() } = summary ?? {};
      const wallS = Number(((performance.now() - started) / 1e3).toFixed(3));
      if (written.events === 0 && written.refused > 0) call.notice(`No line of ${input} gave an event: is it in the format ${format}?`);
      await call.output.print(
        { format, input, topic: 'clicks', partitions: written.partitions, lines, events: written.events, refused: written.refused, skipped, ignoredFields: Object.fromEntries(ignoredFields), from: written.from ?? null, to: written.to ?? null, wallS },
        () =>
          [
            `${formatNumber(lines)} lines in, ${formatNumber(written.events)} events to the topic clicks (${written.partitions} partitions), ${formatNumber(written.refused)} refused, ${formatNumber(skipped)} skipped, in ${formatDuration(wallS * 1e3)}`,
            ...(written.from === undefined ? [] : [`events from ${new Date(written.from).toISOString()} to ${new Date(written.to!).toISOString()}`]),
            ...(written.refused === 0 ? [] : [`refused lines: headrace topic read ${refusedTopic}`]),
            ...[...ignoredFields].map(([field, n]) => `field ${field} is not one of an event and was left out (${formatNumber(n)} lines)`),
          ].join('\n'),
      );
      return exitCodes.done;
    } finally {
      bar.done();
      await runtime.close();
    }
  },
};

/** Records that a topic holds; 0 when it is not there. */
export async function recordsIn(log: LogClient, topic: string): Promise<number> {
  const info = (await log.topics()).find((t) => t.name === topic);
  let records = 0;
  for (let p = 0; p < (info?.partitions ?? 0); p++) {
    const { start, end } = await log.bounds(topic, p);
    records += end - start;
  }
  return records;
}
