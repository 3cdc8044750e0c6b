import { pipeline } from '../../dataflow/pipeline.js';
import { topic } from '../../dataflow/topic.js';
import { filter } from '../../operators/filter.js';
import { join } from '../../operators/join.js';
import { keyBy } from '../../operators/key-by.js';
import { to } from '../../operators/to.js';
import type { Query } from './query.js';
import { auction, disorder, person, tick } from './topics.js';

const result = topic('q3', { value: { name: 'string', city: 'string', state: 'string', id: 'long' } });

/** Local item suggestion: who sells items of a category in three states. */
export const q3: Query = {
  reads: ['person', 'auction'],
  result,
  pipeline: () =>
    pipeline('q3', ({ from }) => {
      const sellers = from(person, { disorder }).pipe(filter(person.state.oneOf('OR', 'ID', 'CA')), keyBy(person.id));
      const auctions = from(auction, { disorder }).pipe(filter(auction.category.is(10)), keyBy(auction.seller));
      return join('sellers', auctions, sellers, { within: 'forever', left: { id: auction.id }, right: { name: person.name, city: person.city, state: person.state } }).pipe(to(result));
    }, { tick }),
  line: (r: { name: string; city: string; state: string; id: number }) => [r.name, r.city, r.state, r.id],
};
