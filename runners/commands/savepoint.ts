import { createRequire } from 'node:module';
import { loadPipeline } from '../load-pipeline.js';
import { openRuntime, runtimePlace } from '../open-runtime.js';
import { openSavepoint, type SavepointManifest } from '../operations/savepoint-file.js';
import { startSavepoint, takeSavepoint } from '../operations/savepoint.js';
import { formatBytes, formatNumber } from '../terminal/number-format.js';
import { usageError } from './arguments.js';
import { type Call, type Command, exitCodes } from './command.js';
import { didYouMean } from './nearest-name.js';

const verbs: Readonly<Record<string, { readonly operands: number; run(call: Call, words: readonly string[]): Promise<void> }>> = {
  take: { operands: 2, run: take },
  show: { operands: 1, run: show },
  start: { operands: 2, run: start },
};

/** `headrace savepoint`: all that a pipeline has committed, as a file. */
export const savepointCommand: Command = {
  name: 'savepoint',
  usage: ['savepoint take PIPELINE FILE', 'savepoint show FILE', 'savepoint start PIPELINE FILE [--replace]'],
  about:
    'Writes all that a pipeline has committed last to a file: the state of every step, and its positions. It can be taken while the pipeline\n' +
    'runs, moved to another cluster or to the embedded runtime, and started from: the next run goes on from there. Input topics have to be\n' +
    'there with the same records in as many partitions; offsets may differ, positions are found by the records before them. To start, PIPELINE\n' +
    'is the name or file of the pipeline, which must not run; to take, the name of one that has run.',
  options: { replace: { what: 'start: forget the state and positions that the pipeline has here' } },
  operands: [1, 3],
  async run(call) {
    const [word, ...words] = call.operands as [string, ...string[]];
    const verb = Object.hasOwn(verbs, word) ? verbs[word]! : undefined;
    if (verb === undefined) throw usageError(call.command, `There is no \`savepoint ${word}\`; there are ${Object.keys(verbs).join(', ')}.${didYouMean(word, Object.keys(verbs))}`);
    if (words.length !== verb.operands) throw usageError(call.command, `This is called as headrace ${savepointCommand.usage.find((u) => u.startsWith(`savepoint ${word}`))}.`);
    if (word !== 'start' && call.options.has('replace')) throw usageError(call.command, `\`headrace savepoint ${word}\` has no option --replace.`);
    await verb.run(call, words);
    return exitCodes.done;
  },
};

async function take(call: Call, [pipeline, path]: readonly string[]): Promise<void> {
  const { version } = createRequire(import.meta.url)('headrace/package.json') as { version: string };
  const runtime = await openRuntime({ dataDir: call.dataDir, kafka: call.kafka, mode: 'read', pipeline, fresh: true, warn: call.notice });
  try {
    await print(call, await takeSavepoint(runtime, { pipeline: pipeline!, path: path!, now: Date.now(), version }));
  } finally {
    await runtime.close();
  }
}

async function show(call: Call, [path]: readonly string[]): Promise<void> {
  const savepoint = openSavepoint(path!);
  savepoint.close();
  await print(call, savepoint.manifest);
}

async function start(call: Call, [source, path]: readonly string[]): Promise<void> {
  const pipeline = await loadPipeline(source!);
  const savepoint = openSavepoint(path!);
  savepoint.close();
  const runtime = await openRuntime({ dataDir: call.dataDir, kafka: call.kafka, mode: 'write', pipeline: pipeline.name, tasks: savepoint.manifest.tasks, warn: call.notice });
  try {
    const planted = await startSavepoint(runtime, { path: path!, pipeline: pipeline.name, replace: call.options.has('replace') });
    const { id } = planted.manifest;
    await call.output.print({ pipeline: planted.pipeline, id, epoch: planted.epoch, positions: planted.positions }, () =>
      [
        `${planted.pipeline} in ${runtimePlace(call)} goes on from savepoint ${id.slice(0, 12)}, from epoch ${planted.manifest.epoch} there:`,
        ...planted.positions.map((p, i) => `  ${p.topic}/${p.partition}@${p.offset}${planted.manifest.positions[i]!.offset === p.offset ? '' : ` (there @${planted.manifest.positions[i]!.offset})`}`),
        `Run it: headrace run ${source}`,
      ].join('\n'),
    );
  } finally {
    await runtime.close();
  }
}

async function print(call: Call, manifest: SavepointManifest): Promise<void> {
  await call.output.print(manifest, () =>
    [
      `Savepoint ${manifest.id.slice(0, 12)} of ${manifest.pipeline}, epoch ${formatNumber(manifest.epoch)}, taken ${new Date(manifest.takenAt).toISOString()} by Headrace ${manifest.version}`,
      `  ${formatNumber(manifest.entries)} entries of state, ${formatBytes(manifest.bytes)}: ${Object.entries(manifest.forms).map(([step, { kind }]) => `${step} (${kind})`).join(', ') || 'none of steps'}`,
      `  positions ${manifest.positions.map((p) => `${p.topic}/${p.partition}@${p.offset}`).join(', ')}`,
    ].join('\n'),
  );
}
