import { count } from '../../dataflow/aggregates/count.js';
import { columnsOf } from '../../dataflow/expression.js';
import { pipeline } from '../../dataflow/pipeline.js';
import { topic } from '../../dataflow/topic.js';
import { keyBy } from '../../operators/key-by.js';
import { to } from '../../operators/to.js';
import { window } from '../../operators/window.js';
import { windowJoin } from '../../operators/window-join.js';
import type { Query } from './query.js';
import { auction, disorder, person, tick } from './topics.js';

const sellers = columnsOf<{ readonly auctions: number }>();
const result = topic('q8', { value: { id: 'long', name: 'string', windowStart: 'timestamp' } });

/** Who became a user and opened auctions within the same ten seconds: auctions are brought down to one row for each seller and window first. */
export const q8: Query = {
  reads: ['person', 'auction'],
  result,
  pipeline: () =>
    pipeline('q8', ({ from }) => {
      const persons = from(person, { disorder }).pipe(keyBy(person.id));
      const openings = from(auction, { disorder }).pipe(keyBy(auction.seller), window('openings', { every: '10s' }, { auctions: count() }));
      return windowJoin('new-sellers', persons, openings, { every: '10s', left: { id: person.id, name: person.name }, right: { auctions: sellers.auctions } }).pipe(to(result));
    }, { tick }),
  line: (r: { id: number; name: string; windowStart: number }) => [r.id, r.name, r.windowStart],
};
