import type { ResponseReader } from '../../../connectors/kafka/protocol/response-reader.js';
import type { SimulatedTime } from '../simulated-time.js';
import type { AnswerWriter } from './answer-writer.js';
import type { Arrival, SimulatedBrokers, Trouble } from './simulated-brokers.js';

/** A request that a broker answers. */
export interface Asked {
  readonly brokers: SimulatedBrokers;
  readonly time: SimulatedTime;
  readonly arrival: Arrival;
  readonly request: ResponseReader;
  readonly trouble: Trouble;
  readonly reply: (answer: Buffer) => void;
}

/** Answers to one kind of request. */
export type Answer = (asked: Asked) => void;

export const coordinatorNotAvailable = 15;
const notCoordinator = 16;

/** What a coordinator does, unless it is in trouble: then it refuses, or does it and says that it could not (a log that timed out). */
function inTrouble(trouble: Trouble, act: () => number): number {
  if (trouble === 'refuses') return coordinatorNotAvailable;
  const error = act();
  return trouble === 'none' ? error : coordinatorNotAvailable;
}

/** Reads `[topic, [partition …]]`. */
export function eachPartition<T>(request: ResponseReader, read: (topic: string, partition: number) => T, hasTags = true): { readonly topic: string; readonly entries: T[] }[] {
  return request.array((r) => {
    const topic = r.text()!;
    const entries = r.array(() => {
      const entry = read(topic, r.int32());
      if (hasTags) r.tags();
      return entry;
    });
    r.tags();
    return { topic, entries };
  });
}

/** Writes `[topic, [partition …]]`. */
export function writePartitions<T>(w: AnswerWriter, topics: readonly { readonly topic: string; readonly entries: readonly T[] }[], write: (entry: T) => void): AnswerWriter {
  return w.array(topics, ({ topic, entries }) => {
    w.text(topic).array(entries, (entry) => {
      write(entry);
      w.tags();
    });
    w.tags();
  });
}

/** What the coordinator of a group or transactional id does, if this broker is it. */
export function asCoordinator({ brokers, arrival, trouble }: Asked, kind: 'group' | 'transaction', name: string, act: () => number): number {
  const error = brokers.responsible(arrival.broker, `${kind} ${name}`, notCoordinator);
  return error !== 0 ? error : inTrouble(trouble, act);
}
