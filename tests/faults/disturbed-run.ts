import { type FSWatcher, watch } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Random } from '../../dataflow/splitmix.js';
import { type RunForm, startRun } from './start-run.js';

/** What a run went through until it ended by itself. */
export interface Disturbances {
  readonly starts: number;
  readonly kills: number;
  /** Kills at the moment at which the data file was being written. */
  readonly whileWriting: number;
  /** Kills before the process had done anything. */
  readonly early: number;
}

/**
 * Runs a pipeline over and over, and kills the process (SIGKILL) at random instants: right at its start, at some write to its data file (within a
 * commit), or any time. After `kills` of them it is left to end by itself.
 *
 * @param startMs how long a process takes to start, roughly
 * @param workMs how long the undisturbed work takes
 * @throws when it ends with anything but success
 */
export async function disturbedRun(form: RunForm, options: { readonly random: Random; readonly kills: number; readonly startMs: number; readonly workMs: number }): Promise<Disturbances> {
  const { random, startMs, workMs } = options;
  const count = { starts: 0, kills: 0, whileWriting: 0, early: 0 };
  for (;;) {
    // Now and then the command itself, which takes big steps: a run may go on in another form than it began in.
    const command = random.below(5) === 0;
    const { child, ended } = startRun(command ? { ...form, stepRows: undefined } : form);
    count.starts += 1;
    const kind = count.kills >= options.kills ? 'none' : (['early', 'write', 'write', 'any', 'any'] as const)[random.below(5)]!;
    let watcher: FSWatcher | undefined;
    const stopped = new AbortController();
    if (kind === 'write') {
      let writes = 1 + random.below(24);
      watcher = watch(join(form.dataDir, 'data.mdb'), () => {
        writes -= 1;
        if (writes === 0) child.kill('SIGKILL');
      });
    } else if (kind !== 'none') {
      const ms = kind === 'early' ? random.unit() * startMs : startMs * (0.6 + 0.4 * random.unit()) + workMs * 0.5 * random.unit();
      void delay(ms, undefined, { signal: stopped.signal }).then(
        () => child.kill('SIGKILL'),
        () => undefined,
      );
    }
    const end = await ended;
    watcher?.close();
    stopped.abort();
    if (end.signal === 'SIGKILL') {
      count.kills += 1;
      if (kind === 'write') count.whileWriting += 1;
      if (kind === 'early') count.early += 1;
    } else if (end.code === 0) return count;
    else throw new Error(`The run ended with ${end.code ?? end.signal} after ${count.kills} kills:\n${end.stderr}`);
  }
}
