import { HeadraceError } from '../../dataflow/errors.js';
import type { RegisteredSchema, SchemaRegistry } from '../../dataflow/ports/schema-registry.js';
import { BlockWriter, offsetAt } from '../../dataflow/record-block.js';
import { schemasTopic } from './internal-topics.js';
import type { KafkaClient } from './kafka-client.js';

/** Registrations at the same time shut one another out; this many tries are enough for any number of processes that start. */
const tries = 50;
const firstPauseMs = 20;
const longestPauseMs = 2_000;

export interface KafkaRegistryOptions {
  /** @default `_headrace.schemas` */
  readonly topic?: string;
  /** Epoch milliseconds, for the timestamps of records. */
  readonly now?: () => number;
  /** Between two tries. @default a timer */
  readonly wait?: (ms: number) => Promise<void>;
  /** From 0 up to 1: pauses of processes that begin at once have to differ. @default Math.random */
  readonly random?: () => number;
}

/**
 * Schemas in a compacted topic, for clusters without a registry. A record has an id and its schema (key `schema/<id>`), or the newest id of a subject
 * (key `subject/<name>`). Who gives an id owns the transactional id of the topic while it does, so no id is given twice.
 */
export function kafkaRegistry(client: KafkaClient, { topic = schemasTopic, now = Date.now, wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms)), random = Math.random }: KafkaRegistryOptions = {}): SchemaRegistry {
  const at = { topic, partition: 0 };
  const { reader } = client;
  const producer = client.producer(`headrace ${topic}`, { exclusive: true });
  const texts = new Map<number, string>();
  const ids = new Map<string, number>();
  const newest = new Map<string, number>();
  let next: number | undefined;

  const refresh = async (): Promise<void> => {
    if (next === undefined) {
      if (!(await client.hasTopic(topic))) return;
      next = (await reader.bounds(at)).start;
    }
    for await (const block of reader.all(at, next)) {
      for (let row = 0; row < block.count; row++) {
        const part = (start: number, length: number) => Buffer.from(block.bytes.buffer, block.bytes.byteOffset + start, Math.max(0, length)).toString();
        const key = part(block.keyOffset[row]!, block.keyLength[row]!);
        const value = part(block.valueOffset[row]!, block.valueLength[row]!);
        if (key.startsWith('subject/')) newest.set(key.slice('subject/'.length), Number(value));
        else if (key.startsWith('schema/')) {
          const id = Number(key.slice('schema/'.length));
          texts.set(id, value);
          if (!ids.has(value)) ids.set(value, id);
        }
      }
      next = offsetAt(block, block.count - 1) + 1;
    }
  };
  const known = (subject: string, text: string): number | undefined => {
    const id = ids.get(text);
    return id !== undefined && newest.get(subject) === id ? id : undefined;
  };
  const write = async (subject: string, text: string): Promise<number> => {
    await producer.claim();
    await refresh();
    const id = ids.get(text) ?? Math.max(0, ...texts.keys()) + 1;
    const writer = new BlockWriter();
    if (!texts.has(id)) writer.append(Buffer.from(`schema/${id}`), Buffer.from(text), now());
    writer.append(Buffer.from(`subject/${subject}`), Buffer.from(String(id)), now());
    const seen = next;
    await producer.commit({
      outputs: [{ ...at, block: writer.take() }],
      async stillNext() {
        await refresh();
        if (next !== seen) throw new HeadraceError('HR_EPOCH_FENCED', 'Another process has registered a schema meanwhile.');
      },
    });
    await refresh();
    return id;
  };
  return {
    async register(subject, schemaText) {
      await refresh();
      const found = known(subject, schemaText);
      if (found !== undefined) return found;
      await client.ensureTopic(topic, 1, { 'cleanup.policy': 'compact' });
      for (let tried = 0; ; tried++) {
        try {
          return known(subject, schemaText) ?? (await write(subject, schemaText));
        } catch (error) {
          if (!(error instanceof HeadraceError) || error.code !== 'HR_EPOCH_FENCED' || tried === tries) throw error;
          await wait(Math.min(longestPauseMs, firstPauseMs * 2 ** tried) * (0.5 + random()));
        }
      }
    },
    async schemaById(id) {
      if (!texts.has(id)) await refresh();
      return texts.get(id);
    },
    async latest(subject): Promise<RegisteredSchema | undefined> {
      await refresh();
      const id = newest.get(subject);
      return id === undefined ? undefined : { id, schemaText: texts.get(id)! };
    },
  };
}
