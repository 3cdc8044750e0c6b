import { topic } from '../dataflow/topic.js';
import { type ClickEvent, clickEventSchema } from '../schemas/generated/click-event.js';

/** What people did: the topic that importers and the simulator write, and most pipelines read. */
export const clicks = topic<ClickEvent>('clicks', { value: clickEventSchema, key: 'userId', time: 'timestamp' });
