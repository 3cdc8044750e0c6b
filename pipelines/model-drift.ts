import { pipeline } from '../dataflow/pipeline.js';
import { driftFindings } from '../learning/drift/drift-findings.js';
import { watchDrift } from '../learning/drift/watch-drift.js';
import { trainingIntervals } from '../learning/training-intervals.js';
import { keyBy } from '../operators/key-by.js';
import { process } from '../operators/process.js';
import { to } from '../operators/to.js';

/** Watches what head-training says of its intervals, and tells what has drifted. */
export default pipeline('model-drift', ({ from }) => from(trainingIntervals).pipe(keyBy(trainingIntervals.model), process('drift', watchDrift(), { keepsKey: true }), to(driftFindings)));
