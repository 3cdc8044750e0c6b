// Made from labelled-click.avsc by generate-types.ts: change that file, then run `npm run schemas`.
import type { AvroRecordSchema } from '../avro-schema.js';

/** A ClickEvent with what is known of its sender at that moment. Key of the topic: userId. */
export interface LabelledClick {
  readonly eventId: string;
  readonly userId: string;
  readonly itemId: string;
  readonly creatorId: string;
  readonly category: string;
  readonly eventType: 'IMPRESSION' | 'CLICK' | 'LIKE' | 'SHARE' | 'SKIP' | 'WATCH';
  readonly watchMs: number;
  readonly durationMs: number;
  readonly timestamp: number;
  readonly surface: string;
  readonly position: number;
  readonly agent: string | null;
  readonly decisionId: string | null;
  readonly bot: boolean;
  readonly botReason: 'AGENT' | 'VELOCITY' | 'REGULARITY' | null;
  /** Partition of the clicks topic that the event came from. */
  readonly originPartition: number;
  /** Its offset there. */
  readonly originOffset: number;
}

/** Avro schema of LabelledClick. */
export const labelledClickSchema = {
  type: 'record',
  name: 'LabelledClick',
  namespace: 'headrace',
  doc: 'A ClickEvent with what is known of its sender at that moment. Key of the topic: userId.',
  fields: [
    { name: 'eventId', type: 'string' },
    { name: 'userId', type: 'string' },
    { name: 'itemId', type: 'string' },
    { name: 'creatorId', type: 'string', default: '' },
    { name: 'category', type: 'string', default: '' },
    { name: 'eventType', type: { type: 'enum', name: 'EventType', symbols: ['IMPRESSION', 'CLICK', 'LIKE', 'SHARE', 'SKIP', 'WATCH'] } },
    { name: 'watchMs', type: 'int', default: 0 },
    { name: 'durationMs', type: 'int', default: 0 },
    { name: 'timestamp', type: { type: 'long', logicalType: 'timestamp-millis' } },
    { name: 'surface', type: 'string', default: '' },
    { name: 'position', type: 'int', default: 0 },
    { name: 'agent', type: ['null', 'string'], default: null },
    { name: 'decisionId', type: ['null', 'string'], default: null },
    { name: 'bot', type: 'boolean', default: false },
    { name: 'botReason', type: ['null', { type: 'enum', name: 'BotReason', symbols: ['AGENT', 'VELOCITY', 'REGULARITY'] }], default: null },
    { name: 'originPartition', doc: 'Partition of the clicks topic that the event came from.', type: 'int' },
    { name: 'originOffset', doc: 'Its offset there.', type: 'long' },
  ],
} as const satisfies AvroRecordSchema;
