import { parseArgs } from 'node:util';
import { besidePeers } from './beside-peers.js';
import { coverage } from './coverage.js';
import { decide } from './decide.js';
import { decode } from './decode.js';
import { detection } from './detection.js';
import { evaluate } from './evaluate.js';
import { featuresGet } from './features-get.js';
import { freshness } from './freshness.js';
import { gateVerdicts } from './gate-verdicts.js';
import { headTraining } from './head-training.js';
import { liveLoopCoverage } from './live-loop.js';
import { movielens } from './movielens.js';
import { nearest } from './nearest.js';
import { nexmarkQueries, nexmarkQuery } from './nexmark.js';
import { peerJob } from './run-peer-job.js';
import { providers } from './providers.js';
import { restore } from './restore.js';
import { soak, soakNames } from './soak.js';
import { syncInterval } from './sync-interval.js';
import { rebalance } from './rebalance.js';
import { repartition } from './repartition.js';
import { takeover } from './takeover.js';
import { trainingHour } from './training-hour.js';
import { windowColumns } from './window-columns.js';

/** Events of a benchmark that are not chosen. */
const defaultEvents = '2000000';

type Result = Record<string, string | number>;

interface Options {
  readonly events: number;
  readonly seed: number;
  readonly workers: number;
}

/** The benchmarks by name; one may give several results. */
const benchmarks: Readonly<Record<string, (options: Options) => AsyncIterable<Result> | Promise<Result>>> = {
  decide: ({ seed }) => decide({ decisions: 50_000, seed }),
  decode: ({ events, seed }) => decode({ events, seed }),
  'window-columns': ({ events, seed }) => windowColumns({ events, seed }),
  'click-tiles': ({ events, seed, workers }) => peerJob({ workload: 'click-tiles', events, seed, workers, runtime: values.runtime === 'kafka' ? 'kafka' : 'embedded' }),
  rolling: ({ events, seed, workers }) => peerJob({ workload: 'rolling', events, seed, workers, runtime: values.runtime === 'kafka' ? 'kafka' : 'embedded' }),
  // needs Java, and the peers' folder
  'beside-peers': ({ seed }) => besidePeers({ peers: values.peers, only: values.step, events: values.events === defaultEvents ? undefined : Number(values.events), seed }),
  'features-get': ({ events, seed }) => featuresGet({ events: Math.min(events, 300_000), seed }),
  coverage: ({ events, seed }) => coverage({ logs: Math.min(events, 1000), decisions: 2000, seed }),
  detection: ({ events, seed }) => detection({ logs: Math.min(events, 1000), seed }),
  'live-loop': ({ seed }) => liveLoopCoverage({ runs: 100, decisions: 2_000, seed, samples: 10_000 }),
  'head-training': ({ seed }) => headTraining({ threads: Number(values.threads), batch: Number(values.batch), seed }),
  'sync-interval': ({ seed }) => syncInterval({ days: 7, decisionsPerDay: 20_000, seed }),
  movielens: ({ seed }) => movielens({ seed }),
  nearest: ({ seed }) => nearest({ seed }),
  providers: ({ seed }) => providers({ seed }),
  gate: ({ seed }) => gateVerdicts({ hours: 60, decisionsPerDay: 40_000, seed }),
  'training-hour': ({ events, seed }) => trainingHour({ examples: Math.min(events, 1_000_000), seed, threads: Number(values.threads) }),
  evaluate: ({ events, seed }) => evaluate({ decisions: Math.min(5 * events, 10_000_000), rows: 50 * events, seed }),
  // on the broker of KAFKA_BROKERS
  freshness: async function* ({ seed, workers }) {
    for (const rate of values.rate.split(',')) yield await freshness({ rate: Number(rate), seconds: Number(values.seconds), history: Number(values.history), workers, seed, byPart: values['by-part'] });
  },
  repartition: async function* ({ events, seed }) {
    for (const processes of [1, 2]) yield await repartition({ events, seed, processes });
  },
  takeover: async function* () {
    yield await takeover({ keys: 1_000_000, standby: 0 });
    for (const standby of [0, 1] as const) yield await takeover({ keys: 6_000_000, standby });
  },
  rebalance: () => rebalance({ keys: 400_000 }),
  restore: () => restore({ keys: 1_000_000 }),
  soak: async function* ({ events }) {
    for (const step of values.step?.split(',') ?? soakNames) {
      if (!soakNames.includes(step)) usage(`There is no step "${step}" to soak; there are ${soakNames.join(', ')}.`);
      yield await soak(step, events);
    }
  },
  nexmark: async function* ({ events, seed }) {
    for (const query of values.query?.split(',') ?? nexmarkQueries) {
      if (!nexmarkQueries.includes(query)) usage(`There is no query "${query}"; there are ${nexmarkQueries.join(', ')}.`);
      yield await nexmarkQuery({ query, events, seed, tickNs: Number(values['tick-ns']), partitions: Number(values.partitions), warm: Number(values.warm) });
    }
  },
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    events: { type: 'string', default: defaultEvents },
    seed: { type: 'string', default: '42' },
    runtime: { type: 'string', default: 'embedded' },
    workers: { type: 'string', default: '1' },
    threads: { type: 'string', default: '2' },
    batch: { type: 'string', default: '256' },
    query: { type: 'string' },
    step: { type: 'string' },
    peers: { type: 'string', default: '../shared/peers' },
    rate: { type: 'string', default: '6000,36000' },
    seconds: { type: 'string', default: '60' },
    history: { type: 'string', default: '500000' },
    'by-part': { type: 'boolean', default: false },
    partitions: { type: 'string', default: '1' },
    warm: { type: 'string', default: '0' },
    'tick-ns': { type: 'string', default: '1000000' },
    json: { type: 'boolean', default: false },
  },
});
function usage(detail: string): never {
  process.stderr.write(`HR_USAGE  ${detail}\n`);
  process.exit(2);
}

/** Benchmarks that take --runtime kafka. */
const onKafka: readonly string[] = ['click-tiles', 'rolling'];
const chosen = positionals.length === 0 ? Object.keys(benchmarks) : positionals;
for (const name of chosen) {
  const run = benchmarks[name];
  if (run === undefined || !(values.runtime === 'embedded' || (values.runtime === 'kafka' && onKafka.includes(name)))) {
    usage(`There is no benchmark "${name}" on ${values.runtime}; there are ${Object.keys(benchmarks).join(', ')}, all embedded, and ${onKafka.join(' and ')} on kafka as well.`);
  }
  const results = run({ events: Number(values.events), seed: Number(values.seed), workers: Number(values.workers) });
  for await (const result of results instanceof Promise ? [results] : results) {
    process.stdout.write(values.json ? `${JSON.stringify(result)}\n` : `${Object.entries(result).map(([k, v]) => `${k} ${v}`).join('  ')}\n`);
  }
}
