import { offsetAt } from '../../../dataflow/record-block.js';
import { claimsTopic } from '../internal-topics.js';
import type { PartitionReader } from '../partition-reader.js';
import type { Patiently } from '../patience.js';
import type { TopicAdmin } from '../topic-admin.js';
import { createKafkajs, type KafkajsOptions } from './kafkajs-connections.js';
import { fromKafkajs } from './kafkajs-errors.js';

/** Who has claimed a transactional id last: a compacted topic with one record a claim, key the id, value the claim. */
export interface ClaimRegister {
  /** Returns when every later look finds it. */
  write(transactionalId: string, claim: string): Promise<void>;
  owner(transactionalId: string): Promise<string | undefined>;
}

const at = { topic: claimsTopic, partition: 0 };

/** Its records are not written in transactions, so none can hide behind an open one. */
export function claimRegister({ admin, reader, patiently, ...options }: KafkajsOptions & { readonly admin: TopicAdmin; readonly reader: PartitionReader; readonly patiently: Patiently }): ClaimRegister {
  const owners = new Map<string, string>();
  let next: number | undefined;
  return {
    async write(transactionalId, claim) {
      await admin.ensureTopic(at.topic, 1, { 'cleanup.policy': 'compact' });
      await patiently(`claiming ${transactionalId}`, async () => {
        const { kafka, cut } = createKafkajs(options);
        const producer = kafka.producer({ allowAutoTopicCreation: false, createPartitioner: () => () => at.partition });
        try {
          await producer.connect();
          await producer.send({ topic: at.topic, acks: -1, messages: [{ key: transactionalId, value: claim }] });
        } catch (error) {
          throw fromKafkajs(error, `writing to ${at.topic}/${at.partition}`);
        } finally {
          cut();
        }
      });
    },
    async owner(transactionalId) {
      next ??= (await reader.bounds(at)).start;
      for await (const block of reader.all(at, next)) {
        for (let row = 0; row < block.count; row++) {
          const part = (start: number, length: number) => Buffer.from(block.bytes.buffer, block.bytes.byteOffset + start, Math.max(0, length)).toString();
          owners.set(part(block.keyOffset[row]!, block.keyLength[row]!), part(block.valueOffset[row]!, block.valueLength[row]!));
        }
        next = offsetAt(block, block.count - 1) + 1;
      }
      return owners.get(transactionalId);
    },
  };
}
