import { createHash } from 'node:crypto';
import type { SchemaRegistry } from '../../dataflow/ports/schema-registry.js';
import type { Environment } from './environment.js';

/** A schema registry in an embedded environment. Ids count from 1; registering what is already there writes nothing. */
export function embeddedRegistry(env: Environment): SchemaRegistry {
  const text = (key: string): string | undefined => {
    const stored = env.meta.get(Buffer.from(key));
    return stored === undefined ? undefined : Buffer.from(stored).toString();
  };
  const put = (key: string, value: string): void => env.meta.putSync(Buffer.from(key), Buffer.from(value));
  return {
    async register(subject, schemaText) {
      const idKey = `schema-id/${createHash('sha256').update(schemaText).digest('hex')}`;
      const subjectKey = `subject/${createHash('sha256').update(subject).digest('hex')}`;
      env.refresh();
      const known = text(idKey);
      if (known !== undefined && text(subjectKey) === known) return Number(known);
      return env.transact(() => {
        let id = text(idKey);
        if (id === undefined) {
          id = String(Number(text('last-schema') ?? 0) + 1);
          put('last-schema', id);
          put(idKey, id);
          put(`schema/${id}`, schemaText);
        }
        put(subjectKey, id);
        return Number(id);
      });
    },
    async schemaById(id) {
      env.refresh();
      return text(`schema/${id}`);
    },
    async latest(subject) {
      env.refresh();
      const id = text(`subject/${createHash('sha256').update(subject).digest('hex')}`);
      return id === undefined ? undefined : { id: Number(id), schemaText: text(`schema/${id}`)! };
    },
  };
}
