import { HeadraceError } from '../../dataflow/errors.js';
import { didYouMean } from '../commands/nearest-name.js';
import { readRecords } from '../commands/read-records.js';
import { openRuntime } from '../open-runtime.js';
import type { DecisionLogOptions, DecisionTable } from './decision-table.js';
import { loggedDecisionTable } from './logged-decision-table.js';

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
    const collect = loggedDecisionTable(topic, 'logged-decisions', options);
    let read = 0;
    for await (const { value, partition, offset } of readRecords(runtime, { topic, partitions: Array.from({ length: info.partitions }, (_, p) => p) })) {
      read++;
      if (read % 4096 === 0) options.progress?.(read);
      if (value !== null) collect.take(value, offset, partition);
    }
    return collect.finish();
  } finally {
    await runtime.close();
  }
}
