export type { Aggregate, CustomAggregate } from './aggregate.js';
export { count } from './count.js';
export { max } from './max.js';
export { mean } from './mean.js';
export { min } from './min.js';
export { quantiles } from './quantiles.js';
export { ratio } from './ratio.js';
export { sum } from './sum.js';
