import { HeadraceError } from '../../../dataflow/errors.js';
import type { FeaturePublisher, PublicationMark, PublishedAt, PublishedEntity } from '../../../dataflow/ports/feature-publisher.js';

/** What becomes of a request: it is done; nothing is, or all is, and there is no answer; or its beginning is. */
export type Fate = 'done' | 'down' | 'no answer' | 'begun';

/** What a store has. */
interface Contents {
  readonly values: Map<string, { readonly epoch: number; readonly value: Uint8Array; readonly ttlMs: number }>;
  /** By set and task. */
  readonly marks: Map<string, PublicationMark>;
  newest: number;
}

const nothing = (): Contents => ({ values: new Map(), marks: new Map(), newest: Number.NEGATIVE_INFINITY });
const copyOf = ({ values, marks, newest }: Contents): Contents => ({ values: new Map(values), marks: new Map(marks), newest });
const isBefore = (a: PublicationMark, b: PublicationMark) => a.term < b.term || (a.term === b.term && a.batch < b.batch);

/** A feature store in memory, by the definition of the port, and what may befall one. */
export interface ModelFeatureStore {
  readonly publisher: FeaturePublisher;
  readonly contents: Contents;
  /** All entities that were published since it was made. */
  readonly published: PublishedEntity[];
  empty(): void;
  /** Goes back to what it had after a request, or to another store's contents: those of any moment, by a number. */
  goBack(to: number): void;
}

/** @param fate of each request @param seen is told of each one that is done */
export function modelFeatureStore(fate: () => Fate = () => 'done', seen: (entities: readonly PublishedEntity[], at: PublishedAt) => void = () => undefined): ModelFeatureStore {
  let contents = nothing();
  const moments: Contents[] = [nothing()];
  const published: PublishedEntity[] = [];
  const leave = ({ set, task, mark, least }: PublishedAt) => {
    const name = `${set} ${task}`;
    const found = contents.marks.get(name);
    if (least !== undefined) {
      if (found?.line !== mark.line) return 'lost';
      if (!isBefore(found, mark)) return 'replaced';
      if (isBefore(found, least)) return 'lost';
    }
    contents.marks.set(name, mark);
    return 'kept';
  };
  return {
    published,
    get contents() {
      return contents;
    },
    empty: () => void (contents = nothing()),
    goBack: (to) => void (contents = copyOf(moments[to % moments.length]!)),
    publisher: {
      async publish(entities, at) {
        const now = fate();
        if (now === 'down') throw new HeadraceError('HR_FEATURE_STORE', 'It is down.');
        seen(entities, at);
        for (const { entity, value, ttlMs } of entities) {
          const name = Buffer.from(entity).toString();
          if ((contents.values.get(name)?.epoch ?? 0) <= at.epoch) contents.values.set(name, { epoch: at.epoch, value, ttlMs });
        }
        published.push(...entities);
        if (at.newest !== undefined) contents.newest = Math.max(contents.newest, at.newest);
        if (now === 'begun') throw new HeadraceError('HR_FEATURE_STORE', 'It is down.');
        const found = leave(at);
        moments.push(copyOf(contents));
        if (now === 'no answer') throw new HeadraceError('HR_FEATURE_STORE', 'It is down.');
        return found;
      },
      close: async () => undefined,
    },
  };
}
