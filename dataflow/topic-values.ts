import { parseRecordSchema } from '../schemas/avro-schema.js';
import { HeadraceError } from './errors.js';
import type { LogClient } from './ports/log-client.js';
import type { SchemaRegistry } from './ports/schema-registry.js';
import { offsetAt } from './record-block.js';
import { definition, type Topic } from './topic.js';
import { valueReader } from './value-reader.js';

/**
 * The values of a topic, partition after partition; none where it is not there.
 *
 * *When to use*: outside of a pipeline, for topics that are read as a whole. *Errors*: HR_DECODE for a record whose schema the registry does not know.
 */
export async function* topicValues<T>(topic: Topic<T, unknown>, { log, registry }: { readonly log: LogClient; readonly registry: SchemaRegistry }): AsyncGenerator<T, void> {
  const { name, schema } = topic[definition];
  const partitions = (await log.topics()).find((t) => t.name === name)?.partitions ?? 0;
  const read = valueReader<T>(registry, parseRecordSchema(schema));
  for (let partition = 0; partition < partitions; partition++) {
    let next = (await log.bounds(name, partition)).start;
    for (let block = await log.read(name, partition, next); block !== undefined; block = await log.read(name, partition, next)) {
      for (let i = 0; i < block.count; i++) {
        const value = await read(block.bytes, block.valueOffset[i]!, block.valueLength[i]!);
        const offset = offsetAt(block, i);
        if (value === undefined) throw new HeadraceError('HR_DECODE', `Record ${offset} of ${name} has a schema that the registry does not know.`, { place: { topic: name, partition, offset } });
        yield value;
      }
      next = offsetAt(block, block.count - 1) + 1;
    }
  }
}
