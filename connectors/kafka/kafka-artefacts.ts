import { HeadraceError } from '../../dataflow/errors.js';
import type { ArtefactStore } from '../../dataflow/ports/artefact-store.js';
import type { LogClient } from '../../dataflow/ports/log-client.js';
import { artefactDigest } from '../embedded/artefact-digest.js';
import { localArtefact } from '../embedded/local-artefact.js';
import { BlockWriter, offsetAt } from '../../dataflow/record-block.js';
import { artefactsTopic } from './internal-topics.js';

/** Bytes of an artefact in one record. */
const partBytes = 512 << 10;

/**
 * Artefacts on a topic, so that a process that takes a pipeline over has them too, with the files of this machine in front. Key of a record: the artefact's hash; header `part`: its number and how many there are. The parts of an artefact are
 * appended as one.
 *
 * *Details*: bytes are on the topic before they are a file here. What is not here is looked for on the topic from its start, once. What is deleted is marked as gone; the topic itself gets no shorter by it.
 */
export function kafkaArtefacts(log: Pick<LogClient, 'createTopic' | 'append' | 'bounds' | 'read'>, local: ArtefactStore): ArtefactStore {
  return {
    async put(bytes) {
      const digest = await artefactDigest(bytes);
      if ((await localArtefact(local, digest)) !== undefined) return digest;
      await log.createTopic(artefactsTopic, { partitions: 1 });
      const writer = new BlockWriter();
      const parts = Math.max(1, Math.ceil(bytes.length / partBytes));
      for (let part = 0; part < parts; part++) {
        writer.append(Buffer.from(digest), bytes.subarray(part * partBytes, (part + 1) * partBytes), 0, [{ key: 'part', value: Buffer.from(`${part + 1}/${parts}`) }]);
      }
      await log.append([{ topic: artefactsTopic, partition: 0, block: writer.take() }]);
      return local.put(bytes);
    },
    async get(digest) {
      const known = await localArtefact(local, digest);
      if (known !== undefined) return known;
      const bytes = await onTopic(log, digest);
      if (bytes === undefined) return local.get(digest);
      await local.put(bytes);
      return bytes;
    },
    async delete(digest) {
      if ((await onTopic(log, digest)) !== undefined) {
        const writer = new BlockWriter();
        writer.append(Buffer.from(digest), null, 0, [{ key: 'part', value: Buffer.from(deleted) }]);
        await log.append([{ topic: artefactsTopic, partition: 0, block: writer.take() }]);
      }
      await local.delete(digest);
    },
  };
}

/** In place of the number of a part: the parts before it are gone. */
const deleted = 'deleted';

/** The bytes of an artefact, where the topic has all of its parts and they are those of its hash. */
async function onTopic(log: Pick<LogClient, 'bounds' | 'read'>, digest: string): Promise<Uint8Array | undefined> {
  let next: number;
  try {
    ({ start: next } = await log.bounds(artefactsTopic, 0));
  } catch (error) {
    // nothing has been put yet
    if (error instanceof HeadraceError && error.code === 'HR_TOPIC_MISSING') return undefined;
    throw error;
  }
  let parts: Uint8Array[] = [];
  let found: Uint8Array | undefined;
  for (let block = await log.read(artefactsTopic, 0, next); block !== undefined; block = await log.read(artefactsTopic, 0, next)) {
    for (let i = 0; i < block.count; i++) {
      const key = Buffer.from(block.bytes.subarray(block.keyOffset[i]!, block.keyOffset[i]! + Math.max(0, block.keyLength[i]!))).toString();
      if (key !== digest) continue;
      const place = Buffer.from(block.headers?.get(i)?.find((h) => h.key === 'part')?.value ?? []).toString();
      if (place === deleted) found = undefined;
      const [part, of] = place.split('/').map(Number) as [number, number];
      if (part === 1) parts = [];
      parts.push(block.bytes.slice(block.valueOffset[i]!, block.valueOffset[i]! + Math.max(0, block.valueLength[i]!)));
      if (part !== of) continue;
      const bytes = Buffer.concat(parts);
      if ((await artefactDigest(bytes)) === digest) found = bytes;
    }
    next = offsetAt(block, block.count - 1) + 1;
  }
  return found;
}
