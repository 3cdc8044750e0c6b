import { HeadraceError } from '../../dataflow/errors.js';
import type { StateBackend } from '../../dataflow/ports/state-backend.js';
import { isOwnState, storedForms } from '../engine/job-state.js';
import { dropState } from '../engine/state-changes.js';
import { type OpenRuntime, openRuntime, runtimePlace } from '../open-runtime.js';
import { formatBytes, formatNumber } from '../terminal/number-format.js';
import { table } from '../terminal/table.js';
import { printable } from '../terminal/text-width.js';
import { usageError, wholeNumber } from './arguments.js';
import { type Call, type Command, exitCodes } from './command.js';
import { didYouMean } from './nearest-name.js';

interface Verb {
  readonly operands: readonly [least: number, most: number];
  readonly writes: boolean;
  run(call: Call, runtime: OpenRuntime, pipeline: string, step?: string): Promise<void>;
}

const verbs: Readonly<Record<string, Verb>> = {
  list: { operands: [1, 1], writes: false, run: list },
  show: { operands: [2, 2], writes: false, run: (call, runtime, pipeline, step) => show(call, runtime, pipeline, stepOf(runtime, pipeline, step!)) },
  export: { operands: [1, 2], writes: false, run: exportState },
  drop: {
    operands: [2, 2],
    writes: true,
    async run(call, runtime, pipeline, step) {
      const own = stepOf(runtime, pipeline, step!);
      const before = sizeOf(runtime, pipeline, own);
      await dropState(runtime, pipeline, own);
      await call.output.print({ pipeline, step: own, dropped: before.entries }, () => `${own} of ${pipeline}: ${formatNumber(before.entries)} entries of state dropped; the step begins anew with the next run.`);
    },
  },
};

/** `headrace state`: the state that a pipeline has committed. */
export const stateCommand: Command = {
  name: 'state',
  usage: ['state list PIPELINE', 'state show PIPELINE STEP [--limit N]', 'state export PIPELINE [STEP]', 'state drop PIPELINE STEP'],
  about:
    'The state that the steps of a pipeline have committed: how much there is, its entries, all of it as JSON lines (keys and values in base64),\n' +
    'and forgetting that of a step, which the pipeline must not run for. On Kafka it is gathered from the changelog; who runs the pipeline is not\n' +
    'disturbed, but by drop. What steps keep is their own form; `headrace features get` shows features.',
  options: { limit: { value: 'N', what: 'show: at most so many entries (default 20)' } },
  operands: [2, 3],
  async run(call) {
    const [word, pipeline, step] = call.operands as [string, string, string | undefined];
    const verb = Object.hasOwn(verbs, word) ? verbs[word]! : undefined;
    if (verb === undefined) throw usageError(call.command, `There is no \`state ${word}\`; there are ${Object.keys(verbs).join(', ')}.${didYouMean(word, Object.keys(verbs))}`);
    const given = step === undefined ? 1 : 2;
    if (given < verb.operands[0] || given > verb.operands[1]) throw usageError(call.command, `This is called as headrace ${stateCommand.usage.find((u) => u.startsWith(`state ${word}`))}.`);
    if (word !== 'show' && call.options.has('limit')) throw usageError(call.command, `\`headrace state ${word}\` has no option --limit.`);
    await known(call, pipeline);
    const runtime = await openRuntime({ dataDir: call.dataDir, kafka: call.kafka, mode: verb.writes ? 'write' : 'read', pipeline, fresh: !verb.writes, warn: call.notice });
    try {
      await verb.run(call, runtime, pipeline, step);
      return exitCodes.done;
    } finally {
      await runtime.close();
    }
  },
};

/** Looks before it opens: to write would make what is not there. */
async function known(call: Call, pipeline: string): Promise<void> {
  const runtime = await openRuntime({ dataDir: call.dataDir, kafka: call.kafka, mode: 'read', warn: call.notice });
  try {
    const names = await runtime.directory.names();
    if (!names.includes(pipeline)) throw new HeadraceError('HR_PIPELINE_UNKNOWN', `No pipeline "${pipeline}" has run in ${runtimePlace(call)}.${didYouMean(pipeline, names)}`, { remedy: 'See `headrace status` for those that have.' });
  } finally {
    await runtime.close();
  }
}

const noKey = new Uint8Array(0);

function stepOf({ state }: OpenRuntime, pipeline: string, step: string): string {
  const steps = state.steps(pipeline);
  if (steps.includes(step)) return step;
  throw new HeadraceError('HR_ARGUMENT', `${pipeline} has no state of a step "${step}".${didYouMean(step, steps)}`, { place: { pipeline, step }, remedy: `See \`headrace state list ${pipeline}\`.` });
}

function sizeOf({ state }: OpenRuntime, pipeline: string, step: string): { entries: number; bytes: number } {
  let [entries, bytes] = [0, 0];
  for (const { key, value } of state.range(pipeline, step, noKey)) {
    entries += 1;
    bytes += key.length + value.length;
  }
  return { entries, bytes };
}

async function list(call: Call, runtime: OpenRuntime, pipeline: string): Promise<void> {
  const forms = storedForms(runtime.state, pipeline);
  const rows = runtime.state.steps(pipeline).filter((step) => !isOwnState(step)).map((step) => ({ step, kind: forms.get(step)?.kind ?? null, ...sizeOf(runtime, pipeline, step) }));
  if (call.json) for (const row of rows) await call.output.print(row, () => '');
  else if (rows.length === 0) call.notice(`No step of ${pipeline} has state.`);
  else await call.output.print(rows, () => table(['step', 'operator', 'entries', 'bytes'], rows.map((r) => [r.step, r.kind, r.entries, formatBytes(r.bytes)]), { align: [undefined, undefined, 'right', 'right'] }).trimEnd());
}

async function show(call: Call, { state }: OpenRuntime, pipeline: string, step: string): Promise<void> {
  let left = wholeNumber(call, 'limit', 1) ?? 20;
  for await (const { key, value } of inParts(state, pipeline, step)) {
    if (left-- === 0) return call.notice('There are more: --limit N.');
    const entry = { key: readable(key), value: readable(value), bytes: value.length };
    if (!(await call.output.print(entry, () => `${entry.key}  ${entry.bytes} bytes  ${entry.value}`))) return;
  }
}

async function exportState(call: Call, { state }: OpenRuntime, pipeline: string, step?: string): Promise<void> {
  for (const one of state.steps(pipeline).filter((name) => step === undefined || name === step)) {
    for await (const { key, value } of inParts(state, pipeline, one)) {
      const entry = { step: one, key: Buffer.from(key).toString('base64'), value: Buffer.from(value).toString('base64') };
      if (!(await call.output.print(entry, () => JSON.stringify(entry)))) return;
    }
  }
}

/** Entries that are read at once. */
const entriesAtOnce = 1_000;

/** The entries of a step for who waits between them: no read of the store stays open meanwhile. */
async function* inParts(state: StateBackend, pipeline: string, step: string): AsyncIterable<{ readonly key: Uint8Array; readonly value: Uint8Array }> {
  for (let from: Uint8Array = noKey; ; ) {
    const part: { readonly key: Uint8Array; readonly value: Uint8Array }[] = [];
    for (const { key, value } of state.range(pipeline, step, from)) {
      part.push({ key: Uint8Array.from(key), value: Uint8Array.from(value) });
      if (part.length === entriesAtOnce) break;
    }
    yield* part;
    if (part.length < entriesAtOnce) return;
    // the next key after the last one
    from = Buffer.concat([part.at(-1)!.key, Buffer.of(0)]);
  }
}

/** Bytes of a value that are shown. */
const shownBytes = 120;

/** Bytes as text where they are, else hexadecimal digits. */
function readable(bytes: Uint8Array): string {
  const part = Buffer.from(bytes.subarray(0, shownBytes));
  const more = bytes.length > shownBytes ? '…' : '';
  const text = part.toString();
  const isText = !/[\p{Cc}\ufffd]/u.test(text);
  return `${isText ? printable(text) : part.toString('hex')}${more}`;
}
