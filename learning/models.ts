import { topic } from '../dataflow/topic.js';
import { type ModelEvent, modelEventSchema } from '../schemas/generated/model-event.js';

/** Every change of the model registry. One partition: changes have one order. */
export const models = topic<ModelEvent>('models', { value: modelEventSchema, key: 'model', time: 'time', partitions: 1 });
