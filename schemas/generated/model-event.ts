// Made from model-event.avsc by generate-types.ts: change that file, then run `npm run schemas`.
import type { AvroRecordSchema } from '../avro-schema.js';

/** A change of the model registry. Key of the topic: model. The registry is what its events add up to. */
export interface ModelEvent {
  readonly model: string;
  /** From 1, without gaps. */
  readonly version: number;
  readonly time: number;
  /** REGISTERED once, as the first event of a version; STAGED whenever its stage changes; PRUNED when its artefact is deleted. */
  readonly kind: 'REGISTERED' | 'STAGED' | 'PRUNED';
  readonly stage: 'CANDIDATE' | 'SHADOW' | 'CANARY' | 'CHAMPION' | 'RETIRED' | 'REJECTED';
  /** Share of the traffic that a canary gets. */
  readonly share: number;
  /** SHA-256 of its bytes, as hexadecimal digits. */
  readonly artefact: string;
  readonly bytes: number;
  /** Version that its training went on from. */
  readonly parent: number | null;
  readonly metrics: Readonly<Record<string, number>>;
  /** What the gate said, as JSON. */
  readonly verdict: string | null;
  /** What it has learned from: next offset by topic/partition. */
  readonly inputs: Readonly<Record<string, number>>;
  readonly reason: string;
  /** The pipeline and step that made the change; empty where a person did. */
  readonly source: string;
}

/** Avro schema of ModelEvent. */
export const modelEventSchema = {
  type: 'record',
  name: 'ModelEvent',
  namespace: 'headrace',
  doc: 'A change of the model registry. Key of the topic: model. The registry is what its events add up to.',
  fields: [
    { name: 'model', type: 'string' },
    { name: 'version', doc: 'From 1, without gaps.', type: 'int' },
    { name: 'time', type: { type: 'long', logicalType: 'timestamp-millis' } },
    {
      name: 'kind',
      doc: 'REGISTERED once, as the first event of a version; STAGED whenever its stage changes; PRUNED when its artefact is deleted.',
      type: { type: 'enum', name: 'ModelEventKind', symbols: ['REGISTERED', 'STAGED', 'PRUNED'] },
    },
    { name: 'stage', type: { type: 'enum', name: 'ModelStage', symbols: ['CANDIDATE', 'SHADOW', 'CANARY', 'CHAMPION', 'RETIRED', 'REJECTED'] } },
    { name: 'share', doc: 'Share of the traffic that a canary gets.', type: 'double', default: 0 },
    { name: 'artefact', doc: 'SHA-256 of its bytes, as hexadecimal digits.', type: 'string' },
    { name: 'bytes', type: 'long' },
    { name: 'parent', doc: 'Version that its training went on from.', type: ['null', 'int'], default: null },
    { name: 'metrics', type: { type: 'map', values: 'double' } },
    { name: 'verdict', doc: 'What the gate said, as JSON.', type: ['null', 'string'], default: null },
    { name: 'inputs', doc: 'What it has learned from: next offset by topic/partition.', type: { type: 'map', values: 'long' } },
    { name: 'reason', type: 'string', default: '' },
    { name: 'source', doc: 'The pipeline and step that made the change; empty where a person did.', type: 'string', default: '' },
  ],
} as const satisfies AvroRecordSchema;
