import type { FeaturePublisher } from '../ports/feature-publisher.js';

/** Tells once what several tasks of a process find out about their store. */
export interface RepublicationNews {
  /** The task is there: the store has all only when it has all of this one. */
  join(task: number): void;
  leave(task: number): void;
  /** The store lacks entities of the task. `tell` is called with the first one. */
  lost(task: number, tell: () => void): void;
  /** The store has all of the task, and `entities` of it were published again. `tell` is called with those of all tasks when the last one has said so since the first one lacked some. */
  whole(task: number, entities: number, tell: (entities: number) => void): void;
}

const known = new WeakMap<FeaturePublisher, Map<string, RepublicationNews>>();

/** The news of a set, shared by who publishes it with the same publisher. */
export function republicationNews(publisher: FeaturePublisher, set: string): RepublicationNews {
  const bySet = known.get(publisher) ?? new Map<string, RepublicationNews>();
  known.set(publisher, bySet);
  const news = bySet.get(set) ?? createNews();
  bySet.set(set, news);
  return news;
}

function createNews(): RepublicationNews {
  const tasks = new Set<number>();
  // Those of which it is not known whether the store has all; undefined: nothing was lost.
  let open: Set<number> | undefined;
  let republished = 0;
  return {
    join(task) {
      tasks.add(task);
    },
    leave(task) {
      tasks.delete(task);
      open?.delete(task);
      if (open?.size === 0) open = undefined;
    },
    lost(task, tell) {
      if (open === undefined) {
        open = new Set(tasks);
        republished = 0;
        tell();
      }
      open.add(task);
    },
    whole(task, entities, tell) {
      if (open === undefined) return;
      republished += entities;
      open.delete(task);
      if (open.size > 0) return;
      open = undefined;
      tell(republished);
    },
  };
}
