import { formatDuration } from '../terminal/number-format.js';
import type { Call } from './command.js';
import type { Finding } from './doctor.js';

/** The schema registry, where the environment names it: whether it answers, lets this user in, and compares schemas. */
export async function registry({ kafka }: Call): Promise<Finding[]> {
  if (kafka?.registry === undefined) return [];
  const { confluentRegistry } = await import('../../connectors/registry/confluent-registry.js');
  const started = performance.now();
  const level = await confluentRegistry({ ...kafka.registry, patienceMs: Math.min(kafka.registry.patienceMs, patienceMs) }).compatibility();
  const answered = `the schema registry at ${kafka.registry.urls.join(', ')} has answered in ${formatDuration(performance.now() - started)}`;
  if (level === 'NONE') return [{ check: 'registry', status: 'warn', detail: `${answered}; it compares no schemas`, remedy: 'New subjects of Headrace get BACKWARD; set a compatibility for those that are there.' }];
  return [{ check: 'registry', status: 'ok', detail: `${answered}; compatibility ${level}` }];
}

/** A check does not wait as long as a run. */
const patienceMs = 5_000;
