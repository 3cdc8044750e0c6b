import { basePlan } from '../learning/base/base-plan.js';

/** The base: embeddings of users and items, trained anew each day. A copy of this file is where another base begins. */
export const twoTower = basePlan({ model: 'two-tower' });
