import type { PipelineDirectory } from '../../dataflow/ports/pipeline-directory.js';
import { type Environment, lockHolderOf } from './environment.js';
import { isAlive } from './lock-holder.js';
import { namesOf } from './numbering.js';

/** The pipelines of a data directory. One process writes it, so whoever holds the lock for a pipeline has all of its partitions. */
export function embeddedDirectory(env: Environment): PipelineDirectory {
  return {
    async names() {
      env.refresh();
      return [...namesOf(env, 'pipeline', '')];
    },
    async members(pipeline) {
      env.refresh();
      const holder = lockHolderOf(env);
      if (holder === undefined || holder.owner !== pipeline || !isAlive(holder)) return [];
      return [{ name: `pid ${holder.pid} on ${holder.host}`, since: Date.parse(holder.started), inputs: 'all' }];
    },
  };
}
