import type { LogClient } from '../../dataflow/ports/log-client.js';
import { splitmix } from '../../dataflow/splitmix.js';

/** Which commits fail. */
export interface Faults {
  readonly seed: number;
  /** Share of the commits after which the run is cut off. @default 0.3 */
  readonly share?: number;
}

/** What a run that was cut off on purpose ends with. */
export class CutOff extends Error {
  override readonly name = 'CutOff';
}

/** `log`, of which some commits throw `CutOff`: half of them before anything was written, half after everything was. */
export function withFaults(log: LogClient, faults: Faults): LogClient {
  const random = splitmix(faults.seed);
  const share = faults.share ?? 0.3;
  return {
    ...log,
    async commit(epoch) {
      const chance = random.unit();
      if (chance < share / 2) throw new CutOff('before the commit');
      await log.commit(epoch);
      if (chance < share) throw new CutOff('after the commit');
    },
  };
}
