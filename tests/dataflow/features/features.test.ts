import { expect, test } from 'vitest';
import { embeddedFeatures } from '../../../connectors/embedded/embedded-features.js';
import { count, histogram, max, min, ratio, sum } from '../../../dataflow/aggregates/index.js';
import { features } from '../../../dataflow/features/features.js';
import { pipeline } from '../../../dataflow/pipeline.js';
import { topic } from '../../../dataflow/topic.js';
import { tiles } from '../../../operators/tiles.js';
import { toFeatureStore } from '../../../operators/to-feature-store.js';
import { runPipeline } from '../../../runners/testing/index.js';

const start = Date.parse('2026-03-01T00:00:00Z');
const visits = topic('visits', { key: 'who', time: 'at', value: { who: 'string', floor: 'int', ms: 'double?', at: 'timestamp' } });

test('groups by number are named as those by text: without counts and sums of 0 and without null, and with a total', async () => {
  const set = features('visitor', {
    of: visits,
    key: visits.who,
    windows: ['1h'],
    values: {
      floors: count().by(visits.floor, { size: 4 }),
      least: min(visits.ms).by(visits.floor, { size: 4 }),
      most: max(visits.ms).by(visits.floor, { size: 4 }),
      spent: sum(visits.ms).by(visits.floor, { size: 4 }),
      each: ratio(sum(visits.ms), count()).by(visits.floor, { size: 4 }),
      stays: histogram(visits.ms, [100, 1_000]),
    },
  });
  const visit = (floor: number, ms: number | null) => ({ who: 'ann', floor, ms, at: start });
  const { runtime } = await runPipeline(pipeline('p', ({ from }) => from(visits).pipe(tiles(set), toFeatureStore(set))), {
    inputs: { visits: [visit(0, null), visit(1, 50), visit(1, 150), visit(3, 2_000), visit(3, -2_000), visit(9, 7)] },
  });
  const store = embeddedFeatures(runtime.state, 'p');
  expect(store.get(set, 'ann').features).toEqual({
    floors_1h: 5, 'floors_1h{0}': 1, 'floors_1h{1}': 2, 'floors_1h{3}': 2,
    least_1h: -2_000, 'least_1h{1}': 50, 'least_1h{3}': -2_000,
    most_1h: 2_000, 'most_1h{1}': 150, 'most_1h{3}': 2_000,
    spent_1h: 200, 'spent_1h{1}': 200,
    'each_1h{0}': 0, 'each_1h{1}': 100, 'each_1h{3}': 0,
    stays_1h: 5, 'stays_1h{0}': 3, 'stays_1h{1}': 1, 'stays_1h{2}': 1,
  });
  expect(store.get(set, 'nobody').features).toEqual({ floors_1h: 0, least_1h: null, most_1h: null, spent_1h: 0, stays_1h: 0 });
});
