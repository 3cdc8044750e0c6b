import { topic } from '../dataflow/topic.js';
import { type LabelledClick, labelledClickSchema } from '../schemas/generated/labelled-click.js';

/** Clicks with what is known of their sender: every click is here, bots included, with its place in `clicks`. */
export const labelledClicks = topic<LabelledClick>('labelled-clicks', { value: labelledClickSchema, key: 'userId', time: 'timestamp' });
