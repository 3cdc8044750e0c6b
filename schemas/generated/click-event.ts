// Made from click-event.avsc by generate-types.ts: change that file, then run `npm run schemas`.
import type { AvroRecordSchema } from '../avro-schema.js';

/** One thing that a user did with an item. Key of the topic: userId. */
export interface ClickEvent {
  /** Unique; the same id twice is a duplicate. */
  readonly eventId: string;
  readonly userId: string;
  readonly itemId: string;
  readonly creatorId: string;
  readonly category: string;
  readonly eventType: 'IMPRESSION' | 'CLICK' | 'LIKE' | 'SHARE' | 'SKIP' | 'WATCH';
  /** Watched milliseconds; 0 unless WATCH. */
  readonly watchMs: number;
  /** Length of the item in milliseconds; 0 where it has none. */
  readonly durationMs: number;
  readonly timestamp: number;
  readonly surface: string;
  readonly position: number;
  /** User agent as the client declares it. */
  readonly agent: string | null;
  readonly decisionId: string | null;
}

/** Avro schema of ClickEvent. */
export const clickEventSchema = {
  type: 'record',
  name: 'ClickEvent',
  namespace: 'headrace',
  doc: 'One thing that a user did with an item. Key of the topic: userId.',
  fields: [
    { name: 'eventId', doc: 'Unique; the same id twice is a duplicate.', type: 'string' },
    { name: 'userId', type: 'string' },
    { name: 'itemId', type: 'string' },
    { name: 'creatorId', type: 'string', default: '' },
    { name: 'category', type: 'string', default: '' },
    { name: 'eventType', type: { type: 'enum', name: 'EventType', symbols: ['IMPRESSION', 'CLICK', 'LIKE', 'SHARE', 'SKIP', 'WATCH'] } },
    { name: 'watchMs', doc: 'Watched milliseconds; 0 unless WATCH.', type: 'int', default: 0 },
    { name: 'durationMs', doc: 'Length of the item in milliseconds; 0 where it has none.', type: 'int', default: 0 },
    { name: 'timestamp', type: { type: 'long', logicalType: 'timestamp-millis' } },
    { name: 'surface', type: 'string', default: '' },
    { name: 'position', type: 'int', default: 0 },
    { name: 'agent', doc: 'User agent as the client declares it.', type: ['null', 'string'], default: null },
    { name: 'decisionId', type: ['null', 'string'], default: null },
  ],
} as const satisfies AvroRecordSchema;
