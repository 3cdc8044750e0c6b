import { columnsOf } from '../dataflow/expression.js';
import { pipeline } from '../dataflow/pipeline.js';
import { driftFindings } from '../learning/drift/drift-findings.js';
import { consistencyAggregates, consistencyOf, featureConsistency, featureKey } from '../learning/skew/feature-consistency.js';
import { findSkew } from '../learning/skew/find-skew.js';
import { recomputeServed, type Seen } from '../learning/skew/recompute-served.js';
import { seenEvents } from '../learning/skew/seen-events.js';
import { type ServedFeatures, servedValues } from '../learning/skew/served-features.js';
import { flatMap } from '../operators/flat-map.js';
import { keyBy } from '../operators/key-by.js';
import { map } from '../operators/map.js';
import { process } from '../operators/process.js';
import { sample } from '../operators/sample.js';
import { to } from '../operators/to.js';
import { union } from '../operators/union.js';
import { window } from '../operators/window.js';
import { decisions } from './decisions.js';
import { labelledClicks } from './labelled-clicks.js';
import { servedClickFeatures } from './served-click-features.js';

/** Holds features as they were served against what their events say, for a sample of users and items, and tells what differs, is missing, or is old. */
export const featureSkew = (served: ServedFeatures) => pipeline('feature-skew', ({ from }) => {
  const events = from(labelledClicks, { disorder: '30s' });
  const decided = from(decisions, { disorder: '30s' });
  const checks = served.sets.map((of) => {
    const { set } = of;
    const seen = events.pipe(seenEvents(`events-${set.name}`, served, of));
    const looked = decided.pipe(
      flatMap((decision) => servedValues(served, of, decision).map((values): Seen => ({ entity: values.entity, time: values.time, served: values }))),
      sample<Seen, unknown>(served.share, { by: columnsOf<Seen>().entity }),
    );
    return union<Seen>(seen, looked).pipe(
      keyBy(`by-${set.name}`, ({ entity }: Seen) => entity),
      process(`recompute-${set.name}`, recomputeServed(served, of), { expire: '14d' }),
    );
  });
  const consistency = union(...checks).pipe(keyBy('by-feature', featureKey), window('consistency', { every: '1h' }, consistencyAggregates), map(consistencyOf(served.model)));
  return [consistency.pipe(to(featureConsistency)), consistency.pipe(findSkew('skew', served), to(driftFindings))];
});

export default featureSkew(servedClickFeatures);
