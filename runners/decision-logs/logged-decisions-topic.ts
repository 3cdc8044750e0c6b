import { HeadraceError } from '../../dataflow/errors.js';
import type { LoggedDecision } from '../../schemas/generated/logged-decision.js';
import { distributionsOf } from '../../serving/explore/distributions-of.js';
import { didYouMean } from '../commands/nearest-name.js';
import { readRecords } from '../commands/read-records.js';
import { openRuntime } from '../open-runtime.js';
import { type DecisionLogOptions, type DecisionRow, type DecisionTable, naming, type TableBuilder, tableBuilder } from './decision-table.js';
import { idNumber } from './id-number.js';
import { contextReader } from './json-lines-log.js';

/**
 * Reads a topic of LoggedDecision records: a row a slot, whose choices are the candidates that stand in no slot above.
 *
 * *Details*: the reward is that of the slot; `--reward NAME` takes a part of it. Distributions that were left out are computed from scheme and scores. Overridden decisions are passed over. Segments are
 * an attribute (`segment` by default), or `surface`. The context is taken in the alphabetical order of its names.
 *
 * Errors: HR_TOPIC_MISSING, HR_DATA_DIR, HR_EVALUATION_LOG when its records are something else.
 */
export async function readLoggedDecisions(topic: string, dataDir: string, options: DecisionLogOptions = {}): Promise<DecisionTable> {
  if (options.extra !== undefined && options.extra.length > 0) throw new HeadraceError('HR_EVALUATION_LOG', `Topic ${topic} has no column ${options.extra.join(', ')}.`, { remedy: 'Give the candidate as a model, a module or a file.' });
  const runtime = await openRuntime({ dataDir, kafka: options.kafka, mode: 'read' });
  try {
    const topics = await runtime.log.topics();
    const info = topics.find((t) => t.name === topic);
    if (info === undefined) throw new HeadraceError('HR_TOPIC_MISSING', `There is no topic and no file "${topic}" to read decisions from.${didYouMean(topic, topics.map((t) => t.name))}`, { place: { topic }, remedy: 'See `headrace topic list`, or give the path of a file.' });
    const collect = collector(topic, options);
    let read = 0;
    for await (const { value, partition, offset } of readRecords(runtime, { topic, partitions: Array.from({ length: info.partitions }, (_, p) => p) })) {
      read++;
      if (read % 4096 === 0) options.progress?.(read);
      if (value !== null) collect.take(value, partition, offset);
    }
    return collect.finish();
  } finally {
    await runtime.close();
  }
}

function collector(topic: string, options: DecisionLogOptions) {
  const builder = tableBuilder(topic, 'logged-decisions');
  const items = naming();
  const loggers = naming();
  const segments = naming();
  const contextOf = contextReader();
  const segmentOf = ({ attributes, surface }: LoggedDecision): string | undefined => (options.segment === 'surface' ? surface : attributes[options.segment ?? 'segment']);
  const partitions: number[] = [];
  return {
    take(value: unknown, partition: number, offset: number): void {
      const place = `partition ${partition}, offset ${offset}`;
      if (!isLoggedDecision(value)) return builder.refuse('HR_EVALUATION_LINE', place, 'it is no LoggedDecision');
      if (value.overridden !== null) return builder.passOver('decisions that were overridden after they were drawn');
      let distributions: readonly Float64Array[];
      try {
        distributions = distributionsOf(value);
      } catch (error) {
        if (!(error instanceof HeadraceError)) throw error;
        return builder.refuse(error.code, place, error.message);
      }
      const segment = segmentOf(value);
      const before = builder.length;
      const common = {
        user: value.userId === '' ? undefined : idNumber(value.userId),
        time: value.time,
        pdrop: value.pdrop,
        logger: loggers.number(`${value.policyId}${value.policyVersion === '' ? '' : `@${value.policyVersion}`}`),
        segment: segment === undefined ? undefined : segments.number(segment),
        joined: value.outcomeMissing ? 0 : 1,
        late: value.lateOutcomes > 0 ? 1 : 0,
        slate: idNumber(value.decisionId),
        context: options.context === true ? (contextOf(value.context) ?? undefined) : undefined,
      };
      addSlots(builder, value, distributions, common, items.number, options, offset);
      for (let row = before; row < builder.length; row++) partitions.push(partition);
    },
    finish: () => finished(builder, items.names, loggers.names, segments.names, partitions),
  };
}

function addSlots(builder: TableBuilder, value: LoggedDecision, distributions: readonly Float64Array[], common: Partial<DecisionRow>, itemNumber: (name: string) => number, options: DecisionLogOptions, offset: number): void {
  const shown = new Set<number>();
  const keeps = options.context === true;
  value.slots.forEach(({ candidate, propensity }, slot) => {
    const open = value.candidates.map((_, c) => c).filter((c) => !shown.has(c));
    const outcome = value.outcomes[slot];
    builder.add(offset, {
      ...common,
      reward: options.reward === undefined ? (outcome?.reward ?? 0) : (outcome?.parts[options.reward] ?? 0),
      propensity,
      action: itemNumber(value.candidates[candidate]!.itemId),
      slot,
      decision: idNumber(`${value.decisionId}/${slot}`),
      choices: open.map((c) => itemNumber(value.candidates[c]!.itemId)),
      probabilities: open.map((c) => distributions[slot]![c]!),
      scores: keeps ? open.map((c) => value.candidates[c]!.score) : undefined,
      features: keeps && value.candidates[0]!.features.length > 0 ? open.map((c) => value.candidates[c]!.features) : undefined,
    });
    shown.add(candidate);
  });
}

function finished(builder: TableBuilder, names: readonly string[], loggers: readonly string[], segments: readonly string[], partitions: readonly number[]): DecisionTable {
  const table = builder.finish({ actions: names.length > 0 ? names.length : undefined, names, loggers, segments });
  return { ...table, place: (row) => `partition ${partitions[row]}, ${table.place(row).replace('line', 'offset')}` };
}

function isLoggedDecision(value: unknown): value is LoggedDecision {
  const of = value as LoggedDecision | null;
  return typeof of === 'object' && of !== null && typeof of.decisionId === 'string' && Array.isArray(of.candidates) && Array.isArray(of.slots) && Array.isArray(of.outcomes);
}
