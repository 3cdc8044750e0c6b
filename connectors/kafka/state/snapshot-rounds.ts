import type { StateWrite } from '../../../dataflow/ports/log-client.js';
import type { StateBackend } from '../../../dataflow/ports/state-backend.js';
import { writeSize } from './changelog.js';

/**
 * Keeps a changelog short without ever writing the whole state at once: it is written again little by little, a slice of the keys with each
 * epoch, in proportion to what the epoch changes. When a round has been through all keys, the changelog from its start on makes up
 * the state, since each key was either rewritten by the round or changed after its start; what is older can be deleted.
 */
export interface SnapshotRounds {
  /** From where on the changelog makes up the state. */
  readonly from: number;
  /** Entries to write before the changes of an epoch, as they were before it. The same again until `written`. */
  slice(changes: readonly StateWrite[]): readonly StateWrite[];
  /** The epoch is committed, and its changelog records begin at `offset`. */
  written(offset: number): void;
}

interface Round {
  readonly steps: readonly string[];
  start: number;
  step: number;
  /** First key that is not yet written. */
  key: Uint8Array;
  bytes: number;
}

/** Sizes of rounds. */
export interface RoundSizes {
  /** A round begins when so many bytes, and twice the state, have come since the start of the last one. @default 4 MiB */
  readonly roundBytes?: number;
  /** A slice has at least so many bytes: few, for they come with each epoch of each task. @default 16 KiB */
  readonly sliceBytes?: number;
}

const noKey = new Uint8Array(0);

/**
 * @param state as committed: entries are read from it
 * @param from where the last round begins that is known
 */
export function snapshotRounds(state: StateBackend, pipeline: string, from: number, { roundBytes = 4 * 1_048_576, sliceBytes = 16 * 1_024 }: RoundSizes = {}): SnapshotRounds {
  let complete = from;
  let sinceStart = 0;
  let stateBytes = 0;
  let round: Round | undefined;
  let next: { readonly round: Round | undefined; readonly bytes: number; readonly isDone: boolean } | undefined;
  return {
    get from() {
      return complete;
    },
    slice(changes) {
      const changed = changes.reduce((sum, w) => sum + writeSize(w), 0);
      const current = round ?? (sinceStart + changed > roundBytes + 2 * stateBytes ? { steps: state.steps(pipeline), start: Number.NaN, step: 0, key: noKey, bytes: 0 } : undefined);
      if (current === undefined) {
        next = { round: undefined, bytes: changed, isDone: false };
        return [];
      }
      const budget = Math.max(sliceBytes, changed);
      const entries: StateWrite[] = [];
      let { step, key, bytes } = current;
      let size = 0;
      for (; step < current.steps.length; step++, key = noKey) {
        const name = current.steps[step]!;
        let isCut = false;
        for (const entry of state.range(pipeline, name, key)) {
          if (size >= budget) {
            key = entry.key;
            isCut = true;
            break;
          }
          const write = { step: name, key: entry.key, value: entry.value };
          entries.push(write);
          size += writeSize(write);
        }
        if (isCut) break;
      }
      bytes += size;
      // the entries are read again when they are asked for again: kept until the commit they would cost their collection
      next = { round: { ...current, step, key, bytes }, bytes: changed + size, isDone: step >= current.steps.length };
      return entries;
    },
    written(offset) {
      if (next === undefined) return;
      const isFirst = round === undefined && next.round !== undefined;
      sinceStart = isFirst ? next.bytes : sinceStart + next.bytes;
      round = next.round;
      if (round !== undefined && isFirst) round.start = offset;
      if (round !== undefined && next.isDone) {
        complete = round.start;
        stateBytes = round.bytes;
        round = undefined;
      }
      next = undefined;
    },
  };
}
