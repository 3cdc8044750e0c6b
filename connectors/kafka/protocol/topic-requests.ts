import { checkAnswer } from '../kafka-errors.js';
import { partitions, type Request, type TopicPartition } from './requests.js';

export interface NewTopic {
  readonly name: string;
  readonly partitions: number;
  readonly configs: Readonly<Record<string, string>>;
}

/** @param replication copies, or -1 for the broker's default */
export function createTopicRequest(topic: NewTopic, replication: number, timeoutMs: number): Request<void> {
  return {
    key: 19,
    version: 7,
    what: `making topic ${topic.name}`,
    encode: (w) =>
      void w
        .appendArray([topic], (w, { name, partitions, configs }) => {
          w.appendString(name).appendInt32(partitions).appendInt16(replication);
          w.appendArray([], () => undefined).appendArray(Object.entries(configs), (w, [key, value]) => w.appendString(key).appendString(value));
        })
        .appendInt32(timeoutMs)
        .appendBoolean(false)
        .appendTaggedFields(),
    decode(r) {
      r.int32();
      r.array(() => {
        r.text();
        r.uuid();
        checkAnswer(r.int16(), `making topic ${topic.name}`, r.text());
        r.int32();
        r.int16();
        r.array(() => {
          r.text();
          r.text();
          r.boolean();
          r.int8();
          r.boolean();
          r.tags();
        });
        r.tags();
      });
    },
  };
}

/** The values of one setting, by topic. */
export function topicSettingRequest(topics: readonly string[], setting: string): Request<ReadonlyMap<string, string | undefined>> {
  return {
    key: 32,
    version: 4,
    what: `the setting ${setting} of topics`,
    encode: (w) => void w.appendArray([...topics], (w, name) => w.appendInt8(2).appendString(name).appendArray([setting], (w, key) => w.appendString(key), true, false)).appendBoolean(false).appendBoolean(false).appendTaggedFields(),
    decode(r) {
      r.int32();
      const values = new Map<string, string | undefined>();
      r.array(() => {
        const error = r.int16();
        const detail = r.text();
        r.int8();
        const name = r.text()!;
        const found = r.array(() => {
          r.text();
          const value = r.text();
          r.boolean();
          r.int8();
          r.boolean();
          r.array(() => {
            r.text();
            r.text();
            r.int8();
            r.tags();
          });
          r.int8();
          r.text();
          r.tags();
          return value;
        });
        r.tags();
        // a topic that was deleted meanwhile is left out
        if (error !== 3) checkAnswer(error, `the settings of topic ${name}`, detail);
        values.set(name, found[0]);
      });
      return values;
    },
  };
}

/** Deletes the records before an offset. */
export function deleteRecordsRequest({ topic, partition }: TopicPartition, before: number, timeoutMs: number): Request<void> {
  const what = `deleting old records of ${topic}/${partition}`;
  return {
    key: 21,
    version: 2,
    what,
    encode: (w) => void w.appendArray([topic], (w) => w.appendString(topic).appendArray([partition], (w) => w.appendInt32(partition).appendInt64(BigInt(before)))).appendInt32(timeoutMs).appendTaggedFields(),
    decode(r) {
      r.int32();
      partitions(r, (r) => {
        r.int64();
        checkAnswer(r.int16(), what);
      });
    },
  };
}
