import type { Kafka, KafkaConfig } from 'kafkajs';
import { HeadraceError } from '../../../dataflow/errors.js';
import { compress, type Compression, compressions, decompress } from '../records/compression.js';
import { loadZstd } from '../records/zstd.js';

/** What of the package is used; it need not be installed where this runs. */
export interface Kafkajs {
  readonly Kafka: new (config: KafkaConfig) => Kafka;
}

/** The part of a broker of kafkajs below its public face: requests that its consumer and admin do not let through. */
export interface KafkajsBroker {
  connect(): Promise<void>;
  disconnect(): Promise<void>;
  fetch(request: {
    readonly isolationLevel: 0 | 1;
    readonly maxWaitTime: number;
    readonly minBytes: number;
    readonly maxBytes: number;
    readonly topics: readonly { readonly topic: string; readonly partitions: readonly { readonly partition: number; readonly fetchOffset: string; readonly maxBytes: number }[] }[];
  }): Promise<{ readonly responses: readonly { readonly partitions: readonly KafkajsFetched[] }[] }>;
  readonly connectionPool: { send<R>(call: KafkajsCall<R>): Promise<R> };
}

/** A request as its connections take it. */
export interface KafkajsCall<R> {
  readonly request: { readonly apiKey: number; readonly apiVersion: number; readonly apiName: string; readonly encode: () => Promise<{ readonly buf: Buffer; readonly buffer: Buffer }> };
  readonly response: { readonly decode: (payload: Buffer) => Promise<{ readonly answer: R }>; readonly parse: (decoded: { readonly answer: R }) => Promise<R> };
  readonly logResponseError: boolean;
}

/** What a partition answers to a fetch. */
export interface KafkajsFetched {
  readonly lastStableOffset: string;
  readonly abortedTransactions: readonly { readonly producerId: string; readonly firstOffset: string }[];
  readonly messages: readonly KafkajsMessage[];
}

/** A record as kafkajs decodes it, control records included. */
export interface KafkajsMessage {
  readonly offset: string;
  readonly timestamp: string;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: Readonly<Record<string, Buffer | null | readonly (Buffer | null)[]>>;
  readonly isControlRecord: boolean;
  readonly batchContext: { readonly firstOffset: string; readonly lastOffsetDelta: number; readonly producerId: string; readonly inTransaction: boolean };
}

interface KafkajsCluster {
  readonly connectionPoolBuilder: { build(address: { readonly host: string; readonly port: number }): Promise<unknown> };
  readonly brokerPool: { createBroker(options: { readonly connectionPool: unknown; readonly logger: unknown }): KafkajsBroker };
  readonly rootLogger: unknown;
}

/**
 * Loads the package, and gives it the compressions that it lacks, where the process has not given it others.
 *
 * @throws HR_KAFKA_SETTINGS when it is not installed
 */
export async function loadKafkajs(): Promise<Kafkajs> {
  await loadZstd();
  let found: Kafkajs & { readonly CompressionCodecs: Record<number, () => { readonly compress: unknown }> };
  try {
    const module = (await import('kafkajs')) as unknown as { readonly default: typeof found };
    found = module.default;
  } catch (cause) {
    throw new HeadraceError('HR_KAFKA_SETTINGS', 'HEADRACE_KAFKA_CLIENT is "kafkajs", which is not installed.', { cause, remedy: 'Install it beside headrace: npm install kafkajs' });
  }
  const codecs = found.CompressionCodecs;
  for (const kind of ['snappy', 'lz4', 'zstd'] as const) {
    const number = compressionNumber(kind);
    if (isLacking(codecs[number])) codecs[number] = () => codec(kind);
  }
  return found;
}

/** The number of a compression, in kafkajs as in the protocol. */
export function compressionNumber(kind: Compression): number {
  return compressions.indexOf(kind);
}

/**
 * A broker of kafkajs for an address. Its consumer reads only as a member of a group and its admin does not know the last stable offset, so what reads
 * anywhere stands on the layer below both.
 *
 * @throws HR_KAFKA when this version of kafkajs has no such layer
 */
export async function kafkajsBroker(kafka: Kafka, address: { readonly host: string; readonly port: number }): Promise<KafkajsBroker> {
  const createCluster = Object.getOwnPropertySymbols(kafka).find(({ description }) => description === 'private:Kafka:createCluster');
  const cluster = createCluster === undefined ? undefined : (kafka as unknown as Record<symbol, (options: object) => Partial<KafkajsCluster>>)[createCluster]!({ allowAutoTopicCreation: false });
  if (cluster?.connectionPoolBuilder === undefined || cluster.brokerPool === undefined) {
    throw new HeadraceError('HR_KAFKA', 'This version of kafkajs cannot be used.', { remedy: 'Install kafkajs 2.2.4, or leave HEADRACE_KAFKA_CLIENT out.' });
  }
  return cluster.brokerPool.createBroker({ connectionPool: await cluster.connectionPoolBuilder.build(address), logger: cluster.rootLogger });
}

/** As the package has it: a codec that is not there throws. */
function isLacking(codec: (() => unknown) | undefined): boolean {
  try {
    return codec?.() === undefined;
  } catch {
    return true;
  }
}

function codec(kind: Compression) {
  return {
    compress: async ({ buffer }: { readonly buffer: Buffer }) => asBuffer(compress(kind, buffer)),
    decompress: async (bytes: Buffer) => asBuffer(decompress(kind, bytes)),
  };
}

function asBuffer({ buffer, byteOffset, length }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, length);
}
