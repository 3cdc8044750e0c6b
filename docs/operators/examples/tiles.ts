import assert from 'node:assert/strict';
import { embeddedFeatures, features, pipeline, tiles, toFeatureStore, topic } from 'headrace';
import { count, sum } from 'headrace/aggregates';
import { runPipeline } from 'headrace/testing';

const plays = topic('plays', { time: 'at', value: { user: 'string', ms: 'int', at: 'timestamp' } });
const listener = features('listener', { of: plays, key: plays.user, windows: ['1h', '7d'], values: { plays: count(), ms: sum(plays.ms) } });
const job = pipeline('listeners', ({ from }) => from(plays, { disorder: '30s' }).pipe(tiles(listener), toFeatureStore(listener)));

const ten = Date.UTC(2026, 0, 5, 10);
const hour = 3_600_000;
const run = await runPipeline(job, { inputs: { plays: [{ user: 'ann', ms: 100, at: ten }, { user: 'ann', ms: 50, at: ten + 2 * hour }] } });

const store = embeddedFeatures(run.runtime.state, 'listeners');
assert.deepEqual(store.get(listener, 'ann').features, { plays_1h: 1, plays_7d: 2, ms_1h: 50, ms_7d: 150 });
assert.deepEqual(store.get(listener, 'ann', ten + hour / 2).features, { plays_1h: 1, plays_7d: 1, ms_1h: 100, ms_7d: 100 });
