import { execFile } from 'node:child_process';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import { HeadraceError } from '../dataflow/errors.js';
import { peerJob } from './run-peer-job.js';

type Result = Record<string, string | number>;

/** One line of a peer's run. */
interface PeerRun {
  readonly wallS: number;
  readonly cpuS: number;
  readonly eventsPerCpuS: number;
  readonly peakRssMiB: number;
  readonly outputs: number;
  readonly checksum: number;
}

/** The jobs, how many events each reads, and who does it beside us: arguments of the peers' `bench.sh run`. */
const workloads = {
  'click-tiles': { events: 6_000_000, peers: { 'kafka-streams, RocksDB': ['ks', 'w1', 'eos', 'rocksdb', '-DitemGraceMin=60'], 'flink, heap': ['flink', 'w1', 'eos', 'memory'] } },
  rolling: {
    events: 2_000_000,
    peers: { 'kafka-streams, RocksDB': ['ks', 'w2', 'eos', 'rocksdb'], 'flink, hopping window, heap': ['flink', 'w2', 'eos', 'memory'], 'flink, hand-made panes, heap': ['flink', 'w2panes', 'eos', 'memory'] },
  },
} as const;

const clients = ['columnar', 'kafkajs'] as const;

/**
 * The jobs of the peers by all systems in one run, one after the other over the same topic of the same broker: Headrace with both of its clients, Kafka Streams, Flink. Of each peer it tells how many times its events per
 * CPU-second Headrace (columnar) has, and what share of its memory.
 *
 * @param peers folder of the peers' `bench.sh`; PEERS_DIR (where it has built them) and PORT are handed on to it
 * @param only one of the workloads
 * @param events instead of the usual number
 */
export async function* besidePeers(options: { readonly peers: string; readonly only?: string | undefined; readonly events?: number | undefined; readonly seed: number }): AsyncGenerator<Result> {
  const { PORT: port = '29092' } = process.env;
  const bench = async (events: number, ...args: readonly string[]): Promise<string> => {
    const env = { ...process.env, PORT: port, N: `${events}`, SEED: `${options.seed}` };
    const { stdout } = await promisify(execFile)(resolve(options.peers, 'bench.sh'), args, { env, maxBuffer: 1 << 26 });
    return stdout;
  };
  const chosen = Object.entries(workloads).filter(([name]) => options.only === undefined || options.only === name);
  if (chosen.length === 0) throw new HeadraceError('HR_ARGUMENT', `There is no job "${options.only}" of the peers; there are ${Object.keys(workloads).join(' and ')}.`);
  await bench(0, 'start');
  try {
    process.env['KAFKA_BROKERS'] = `127.0.0.1:${port}`;
    for (const [name, { events: usual, peers }] of chosen) {
      const workload = name as keyof typeof workloads;
      const events = options.events ?? usual;
      await bench(events, 'gen');
      let own: Result | undefined;
      for (const client of clients) {
        process.env['HEADRACE_KAFKA_CLIENT'] = client;
        const run = await peerJob({ workload, events, seed: options.seed, runtime: 'kafka' });
        own ??= run;
        yield lineOf(`headrace, ${client}`, workload, events, run as unknown as PeerRun);
      }
      for (const [system, args] of Object.entries(peers)) {
        const run = JSON.parse((await bench(events, 'run', ...args)).trim().split('\n').at(-1)!) as PeerRun;
        yield {
          ...lineOf(system, workload, events, run),
          headraceTimes: Number((Number(own!['eventsPerCpuS']) / run.eventsPerCpuS).toFixed(2)),
          headraceShareOfMemory: Number((Number(own!['peakRssMiB']) / run.peakRssMiB).toFixed(2)),
          sameRows: String(own!['outputs'] === run.outputs && own!['checksum'] === run.checksum),
        };
      }
    }
  } finally {
    await bench(0, 'stop');
  }
}

function lineOf(system: string, workload: string, events: number, { wallS, cpuS, eventsPerCpuS, peakRssMiB, outputs, checksum }: PeerRun): Result {
  return { workload, system, events, wallS: Number(wallS.toFixed(1)), cpuS: Number(cpuS.toFixed(1)), eventsPerCpuS, peakRssMiB, outputs, checksum };
}
