import { topic, type Topic } from '../../dataflow/topic.js';

/** Field under which the rows of `play` know their place in the marbles; no record has it. */
export const marbleField = '_marble';

/**
 * A topic for the late records of a step in `play`; it needs no schema, since it only remembers which records came.
 *
 * *Gotcha*: records that were made anew before the step (`map`) are not remembered; give `late` a real topic there.
 *
 * @example
 * const late = sideOutput<Click>('late');
 * play(window('n', { every: '10s', late }, { n: count() }), { in: 'a@11 |w20 b@1', out: '', late: 'b@1' });
 */
export function sideOutput<T>(name: string): Topic<T> {
  const value = { type: 'record', name: 'Marble', fields: [{ name: marbleField, type: 'string', default: '' }] } as const;
  return topic<Record<typeof marbleField, string>>(name, { key: marbleField, value }) as unknown as Topic<T>;
}
