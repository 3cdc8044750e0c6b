import { once } from 'node:events';
import { embeddedFeatures } from '../../connectors/embedded/embedded-features.js';
import { HeadraceError } from '../../dataflow/errors.js';
import type { FeatureReader } from '../../dataflow/ports/feature-reader.js';
import { featureServer } from '../../serving/feature-server.js';
import { buildGraph } from '../engine/task.js';
import { loadPipeline } from '../load-pipeline.js';
import { openRuntime } from '../open-runtime.js';
import { usageError, wholeNumber } from './arguments.js';
import { type Call, type Command, exitCodes } from './command.js';
import { listen, tokenFor } from './listen.js';

const defaultPort = 8_787;

/** `headrace serve`: features over HTTP. */
export const serve: Command = {
  name: 'serve',
  usage: ['serve features [--port N] [--host H] [--pipeline P]'],
  about:
    'Answers look-ups over HTTP: GET /features/user/u42 one entity, GET /features/user?ids=u1,u2 up to 100; /healthz and /readyz. Reads Redis where\n' +
    'REDIS_URL is set, else the data directory. Binds to loopback; another --host needs HEADRACE_TOKEN, which requests bring as\n' +
    '`Authorization: Bearer TOKEN`. Ctrl-C or SIGTERM ends it when the requests that it has are answered.',
  options: {
    port: { value: 'N', what: `port (default ${defaultPort}; 0: any that is free)` },
    host: { value: 'H', what: 'address to bind to (default 127.0.0.1)' },
    pipeline: { value: 'P', what: 'name or file of the pipeline (default click-features)' },
  },
  operands: [1, 1],
  endsOnAbort: true,
  async run(call) {
    if (call.operands[0] !== 'features') throw usageError(call.command, `"${call.operands[0]}" cannot be served; features can.`);
    const host = call.options.get('host') ?? '127.0.0.1';
    const wanted = wholeNumber(call, 'port', 0, 65_535) ?? defaultPort;
    const token = tokenFor(call, host);
    const pipeline = await loadPipeline(call.options.get('pipeline') ?? 'click-features');
    const sets = buildGraph(pipeline).steps.flatMap((step) => (step.features === undefined ? [] : [step.features]));
    if (sets.length === 0) throw new HeadraceError('HR_FEATURE', `The pipeline ${pipeline.name} has no features: it has no tiles(…) step.`);
    const reader = await readerOf(call, pipeline.name);
    const server = featureServer({ reader, sets, token });
    try {
      const listening = await listen(call, server, host, wanted);
      await call.output.print({ url: listening.url, sets: sets.map((s) => s.name) }, () => `Features of ${sets.map((s) => s.name).join(', ')} at ${listening.url}/features/${sets[0]!.name}/ID`);
      if (!call.abort.aborted) await once(call.abort, 'abort');
      await listening.close();
    } finally {
      await reader.close();
    }
    return exitCodes.done;
  },
};

/** Redis where it is named, else the state of the pipeline. */
async function readerOf(call: Call, pipeline: string): Promise<FeatureReader> {
  if (call.redis !== undefined) {
    const { redisFeatures } = await import('../../connectors/redis/redis-features.js');
    return redisFeatures(call.redis);
  }
  const runtime = await openRuntime({ dataDir: call.dataDir, kafka: call.kafka, mode: 'read', pipeline, warn: call.notice });
  const store = embeddedFeatures(runtime.state, pipeline);
  const get: FeatureReader['get'] = async (set, entities) => {
    runtime.state.refresh();
    return entities.map((entity) => store.get(set, entity));
  };
  return {
    get,
    getJson: async (set, entities) => (await get(set, entities)).map((answer) => ({ ...answer, features: JSON.stringify(answer.features) })),
    close: () => runtime.close(),
  };
}
