import { topic } from '../dataflow/topic.js';
import { type CtrSpike, ctrSpikeSchema } from '../schemas/generated/ctr-spike.js';

/** Items whose click-through rate of the last hour is far over their 7-day mean. */
export const ctrSpikes = topic<CtrSpike>('ctr-spikes', { value: ctrSpikeSchema, key: 'itemId', time: 'windowEnd' });
