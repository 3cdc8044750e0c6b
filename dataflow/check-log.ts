import { HeadraceError } from './errors.js';
import type { TopicInfo, TopicSettings } from './ports/log-client.js';

/** Refuses a topic that cannot be made. Errors: HR_TOPIC_NAME, HR_ARGUMENT. */
export function checkNewTopic(name: string, { partitions, retentionMs = Number.POSITIVE_INFINITY }: TopicSettings): void {
  if (!/^[A-Za-z0-9._-]{1,249}$/.test(name) || name === '.' || name === '..') throw new HeadraceError('HR_TOPIC_NAME', `${JSON.stringify(name)} cannot be the name of a topic.`);
  if (!Number.isInteger(partitions) || partitions < 1) throw new HeadraceError('HR_ARGUMENT', `A topic has one partition or more, not ${partitions}.`, { place: { topic: name } });
  if (!(retentionMs > 0)) throw new HeadraceError('HR_ARGUMENT', `The retention of a topic is a positive number of milliseconds, not ${retentionMs}.`, { place: { topic: name } });
}

/** Refuses to make a topic that is there with other settings. Errors: HR_TOPIC_EXISTS. */
export function checkSameTopic(known: TopicInfo, { partitions, retentionMs = Number.POSITIVE_INFINITY }: TopicSettings): void {
  if (known.partitions === partitions && known.retentionMs === retentionMs) return;
  const detail = `${known.name} has ${known.partitions} partitions and a retention of ${known.retentionMs} ms, not ${partitions} and ${retentionMs}.`;
  throw new HeadraceError('HR_TOPIC_EXISTS', detail, { place: { topic: known.name } });
}

/** Refuses an epoch that does not follow the last one that is committed (0: none). Errors: HR_EPOCH_FENCED. */
export function checkEpoch(last: number, epoch: number, pipeline: string): void {
  if (epoch === last + 1) return;
  const detail = epoch <= last ? `Epoch ${epoch} of ${pipeline} is already there: the last one is ${last}.` : `Epoch ${epoch} of ${pipeline} cannot follow epoch ${last}.`;
  throw new HeadraceError('HR_EPOCH_FENCED', detail, { place: { pipeline } });
}
