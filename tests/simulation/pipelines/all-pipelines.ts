import { busyPages } from './busy-pages.js';
import { pageTally } from './page-tally.js';
import type { SimulatedPipeline } from './simulated-pipeline.js';
import { userTally } from './user-tally.js';

export const allPipelines: readonly SimulatedPipeline[] = [userTally, pageTally, busyPages];
