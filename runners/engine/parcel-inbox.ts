import type { ParcelLog } from '../../dataflow/ports/task-shares.js';
import { createRunAssembler } from '../../dataflow/byte-run.js';
import { offsetAt } from '../../dataflow/record-block.js';
import { type ParcelRun, unpackRun } from './parcel-run.js';

/** A run in the log, which is needed until all parcels of it that wait are drained. */
export interface RunHold {
  /** Parcels that wait. */
  left: number;
  /** Where the run begins; undefined until it has been read. */
  offset?: number | undefined;
}

/** What is sent to one task, as it comes in. */
export interface ParcelInbox {
  /** The runs of other processes that have come since the last call. What waits of one holds it. */
  read(): Promise<readonly { readonly run: ParcelRun; readonly hold: RunHold }[]>;
  /** A run of this process goes into the log under this key: `hold` learns where it begins. Its parcels are here anyway. */
  expect(key: string, hold: RunHold): void;
  /** From where on a restart has to read. */
  readonly position: number;
}

/** @param from where to read on; undefined: from the beginning */
export function createParcelInbox(parcels: ParcelLog, task: number, from: number | undefined): ParcelInbox {
  const assembler = createRunAssembler();
  const own = new Map<string, RunHold>();
  let holds: RunHold[] = [];
  let next: number | undefined;
  return {
    async read() {
      next ??= Math.max(from ?? 0, (await parcels.bounds(task)).start);
      const runs: { run: ParcelRun; hold: RunHold }[] = [];
      for (let block = await parcels.read(task, next); block !== undefined; block = await parcels.read(task, next)) {
        next = offsetAt(block, block.count - 1) + 1;
        for (const { key, bytes, offset } of assembler.take(block)) {
          const expected = own.get(key);
          const hold: RunHold = expected ?? { left: 0 };
          hold.offset = offset;
          own.delete(key);
          holds.push(hold);
          if (expected === undefined) runs.push({ run: unpackRun(bytes), hold });
        }
      }
      return runs;
    },
    expect: (key, hold) => void own.set(key, hold),
    get position() {
      holds = holds.filter(({ left }) => left > 0);
      return holds.reduce((least, { offset }) => Math.min(least, offset!), Math.min(next ?? from ?? 0, assembler.pending));
    },
  };
}
