import type { ArtefactStore } from '../../dataflow/ports/artefact-store.js';
import type { PipelineDirectory } from '../../dataflow/ports/pipeline-directory.js';
import type { SchemaRegistry } from '../../dataflow/ports/schema-registry.js';
import type { StateBackend } from '../../dataflow/ports/state-backend.js';
import { embeddedArtefacts } from './embedded-artefacts.js';
import { embeddedDirectory } from './embedded-directory.js';
import { embeddedLog, type EmbeddedLog } from './embedded-log.js';
import { embeddedRegistry } from './embedded-registry.js';
import { embeddedState } from './embedded-state.js';
import { openEnvironment, type EnvironmentOptions } from './environment.js';

/** Everything that a pipeline stores, in one data directory. */
export interface EmbeddedRuntime {
  readonly log: EmbeddedLog;
  readonly state: StateBackend;
  readonly registry: SchemaRegistry;
  readonly directory: PipelineDirectory;
  readonly artefacts: ArtefactStore;
  /** Closes all of them and gives the lock back. */
  close(): Promise<void>;
}

/** Opens log, state, schema registry and artefacts in `dataDir`. Errors: HR_DATA_DIR, HR_STATE_LOCKED as `openEnvironment`. */
export function openEmbedded(options: EnvironmentOptions): EmbeddedRuntime {
  const env = openEnvironment(options);
  return { log: embeddedLog(env), state: embeddedState(env), registry: embeddedRegistry(env), directory: embeddedDirectory(env), artefacts: embeddedArtefacts(options.dataDir), close: () => env.close() };
}
