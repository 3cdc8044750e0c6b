import { kafkaError } from '../../../connectors/kafka/kafka-errors.js';
import { answerWriter } from './answer-writer.js';
import { type Answer, asCoordinator, coordinatorNotAvailable, eachPartition } from './asked.js';

const notCoordinator = 16;

const joinGroup: Answer = (asked) => {
  const { brokers, arrival, request, trouble, reply } = asked;
  const group = request.text()!;
  const sessionMs = request.int32();
  const rebalanceMs = request.int32();
  const member = request.text()!;
  const instance = request.text() ?? '';
  const protocolType = request.text() ?? null;
  const [protocol] = request.array((r) => {
    const found = { name: r.text()!, metadata: Uint8Array.from(r.bytes()) };
    r.tags();
    return found;
  });
  const refused = brokers.responsible(arrival.broker, `group ${group}`, notCoordinator) || (trouble === 'refuses' ? coordinatorNotAvailable : 0);
  const answer = (error: number, generation: number, leader: string, own: string, members: readonly { readonly member: string; readonly instance: string; readonly metadata: Uint8Array }[]): void => {
    const w = answerWriter().int32(0).int16(error).int32(generation).text(protocolType).text(protocol?.name ?? null).text(leader).text(own);
    w.array(members, (m) => w.text(m.member).text(m.instance).bytes(m.metadata).tags());
    reply(w.tags().take());
  };
  if (refused !== 0) return answer(refused, -1, '', member, []);
  return brokers.groups.join(group, { member, instance, sessionMs, rebalanceMs, metadata: protocol!.metadata }, (joined) => answer(joined.error, joined.generation, joined.leader, joined.member, joined.members));
};

const syncGroup: Answer = (asked) => {
  const { brokers, arrival, request, trouble, reply } = asked;
  const group = request.text()!;
  const generation = request.int32();
  const member = request.text()!;
  const instance = request.text() ?? '';
  const type = request.text() ?? null;
  const protocol = request.text() ?? null;
  const assignments = new Map(
    request.array((r) => {
      const entry = [r.text()!, Uint8Array.from(r.bytes())] as const;
      r.tags();
      return entry;
    }),
  );
  const answer = (error: number, assignment: Uint8Array): void => reply(answerWriter().int32(0).int16(error).text(type).text(protocol).bytes(assignment).tags().take());
  const refused = brokers.responsible(arrival.broker, `group ${group}`, notCoordinator) || (trouble === 'refuses' ? coordinatorNotAvailable : 0);
  if (refused !== 0) return answer(refused, new Uint8Array(0));
  return brokers.groups.sync(group, member, instance, generation, assignments, answer);
};

const heartbeat: Answer = (asked) => {
  const { brokers, request, reply } = asked;
  const group = request.text()!;
  const generation = request.int32();
  const member = request.text()!;
  const instance = request.text() ?? '';
  reply(answerWriter().int32(0).int16(asCoordinator(asked, 'group', group, () => brokers.groups.heartbeat(group, member, instance, generation))).tags().take());
};

const leaveGroup: Answer = (asked) => {
  const { brokers, request, reply } = asked;
  const group = request.text()!;
  const leaving = request.array((r) => {
    const entry = { member: r.text()!, instance: r.text() ?? '' };
    r.tags();
    return entry;
  });
  const error = asCoordinator(asked, 'group', group, () => 0);
  const w = answerWriter().int32(0).int16(error);
  w.array(leaving, ({ member, instance }) => w.text(member).text(instance).int16(error === 0 ? brokers.groups.leave(group, member, instance) : error).tags());
  reply(w.tags().take());
};

const describeGroups: Answer = (asked) => {
  const { brokers, request, reply } = asked;
  const names = request.array((r) => r.text()!);
  const w = answerWriter().int32(0);
  w.array(names, (name) => {
    const error = asCoordinator(asked, 'group', name, () => 0);
    w.int16(error).text(name).text('').text('').text('');
    w.array(error === 0 ? brokers.groups.members(name) : [], ({ id, instance, metadata, assignment }) => w.text(id).text(instance).text('').text('').bytes(metadata).bytes(assignment).tags());
    w.int32(0).tags();
  });
  reply(w.tags().take());
};

const commitOffsets: Answer = (asked) => {
  const { brokers, arrival, request, reply } = asked;
  const transactionalId = request.text()!;
  const group = request.text()!;
  const owner = { id: request.int64(), epoch: request.int16() };
  const generation = request.int32();
  const member = request.text()!;
  request.text();
  const topics = eachPartition(request, (topic, partition) => {
    const offset = request.long();
    request.int32();
    request.text();
    return { partition, name: `${topic}/${partition}`, offset };
  });
  const error = asCoordinator(asked, 'group', group, () => {
    const { transactions, traits } = brokers;
    const part = `group ${group}`;
    const admitted = arrival.version >= 5 ? transactions.add(transactionalId, owner, [part]) : traits.verifiesPartitions ? transactions.verify(transactionalId, owner, part) : 0;
    if (admitted !== 0) return admitted === kafkaError.producerFenced ? kafkaError.invalidProducerEpoch : admitted;
    return brokers.groups.commit({ group, generation, member }, owner, new Map(topics.flatMap((t) => t.entries.map((e) => [e.name, e.offset] as const))));
  });
  const w = answerWriter().int32(0);
  w.array(topics, ({ topic, entries }) => {
    w.text(topic).array(entries, ({ partition }) => w.int32(partition).int16(error).tags());
    w.tags();
  });
  reply(w.tags().take());
};

/** Answers to requests about groups, by the number of their kind. */
export const groupAnswers: Readonly<Record<number, Answer>> = { 11: joinGroup, 12: heartbeat, 13: leaveGroup, 14: syncGroup, 15: describeGroups, 28: commitOffsets };
